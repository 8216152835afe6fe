"""The command line that started a crawl, quoted so that a user can copy it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from crawler.cli.headers import secrets_in

_PASSWORD = re.compile(r"(//[^/?#@:]*:)[^/?#@]*(?=@)")
_HEADER = "--header"
_HIDDEN = "…"


def command_line(arguments: Sequence[str]) -> str:
    """Return the command with these ``arguments``, quoted for a shell, and without their secrets.

    >>> command_line(["site", "https://example.org/?a=1", "--state", "my crawl"])
    "crawler site 'https://example.org/?a=1' --state 'my crawl'"
    """
    return shlex.join(["crawler", *_without_secrets(arguments)])


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    before = ""
    for argument in arguments:
        name, mark, value = argument.partition("=")
        if before == _HEADER:
            yield _without_value(argument)
        elif name == _HEADER and mark:
            yield f"{name}={_without_value(value)}"
        else:
            yield _PASSWORD.sub(rf"\1{_HIDDEN}", argument)
        before = argument


def _without_value(field: str) -> str:
    """Return a header field whose value is hidden, if it is secret."""
    names = secrets_in([field])
    return f"{field[: field.index(names[0])]}{names[0]}: {_HIDDEN}" if names else field
