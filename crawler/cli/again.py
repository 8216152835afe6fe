"""The command that a crawl was started with, to be copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from crawler.cli.headers import secrets_in

_PASSWORD = re.compile(r"(//[^/?#@:]*:)[^/?#@]*(?=@)")
_HEADER = "--header"
_HIDDEN = "…"


def command_line(arguments: Sequence[str]) -> str:
    """Return the command that has these ``arguments``, quoted for a shell; what is secret in it is left out.

    >>> command_line(["site", "https://example.org/?a=1", "--state", "my crawl"])
    "crawler site 'https://example.org/?a=1' --state 'my crawl'"
    """
    return shlex.join(["crawler", *_shown(arguments)])


def _shown(arguments: Sequence[str]) -> Iterator[str]:
    before = ""
    for argument in arguments:
        name, mark, value = argument.partition("=")
        if before == _HEADER:
            yield _without_secret(argument)
        elif name == _HEADER and mark:
            yield f"{name}={_without_secret(value)}"
        else:
            yield _PASSWORD.sub(rf"\1{_HIDDEN}", argument)
        before = argument


def _without_secret(field: str) -> str:
    names = secrets_in([field])
    return f"{field[: field.index(names[0])]}{names[0]}: {_HIDDEN}" if names else field
