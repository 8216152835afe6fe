"""Compares the options of a crawl that goes on with those that it had before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

_MEANINGS = {
    "scope": "URLs that were judged before keep their state; only what is found from now on is judged anew",
    "order": "what waits on the disk keeps its place",
    "parser": "the items of pages that are done are those of the parser before; see crawler reparse",
    "user_agent": "the rules of robots.txt that are known were read for the name before, until they are a day old",
    "limits.max_depth": "what was too deep is taken up where it is not any more; what waits stays, however deep",
}
"""What a change means for what is known already, by the beginning of the option's name."""


def described(**options: object) -> dict[str, str]:
    """Return ``options`` as names and texts; those of a dataclass one by one."""
    return dict(_described(options))


def _described(options: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if is_dataclass(value) and not isinstance(value, type):
            inner = {field.name: getattr(value, field.name) for field in fields(value)}
            yield from _described(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, getattr(value, "__qualname__", None) or repr(value)


def encode_options(options: Mapping[str, str]) -> bytes:
    """Return options as the record has them: JSON."""
    return msgspec.json.encode(options)


def changes_since(recorded: bytes, options: Mapping[str, str]) -> list[str]:
    """Return a sentence for each option that differs from what is ``recorded``; it says what that means."""
    before: dict[str, Any] = msgspec.json.decode(recorded)
    changed = [name for name in options if name in before and before[name] != options[name]]
    return [f"{name} was {before[name]}, and is {options[name]}{_meaning_of(name)}" for name in changed]


def _meaning_of(name: str) -> str:
    found = [text for beginning, text in _MEANINGS.items() if name.startswith(beginning)]
    return f": {found[0]}" if found else ""
