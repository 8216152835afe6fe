"""The ``Link`` header field (RFC 8288): references of a response to others. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r'\s*;\s*([^\s=;,"<]*)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;,\s]*)))?', re.DOTALL)
_SKIPPED = re.compile(r"[^<]*")
_LONGEST = 65_536  # characters that are read; arbitrary


class Link(NamedTuple):
    """One link: its reference as written, its relation types in lower case, and what it is a link from."""

    target: str
    relations: frozenset[str]
    anchor: str | None = None


def links_in(value: str) -> Iterator[Link]:
    """Yield the links in a field, or in several of them with commas between; what is no link is passed over."""
    place, value = 0, value[:_LONGEST]
    while found := _TARGET.match(value, _SKIPPED.match(value, place).end()):  # type: ignore[union-attr]  # it matches
        place = found.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(value, place):
            place = parameter.end()
            quoted = parameter[2]
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else parameter[3] or ""
            parameters.setdefault(parameter[1].lower(), text)  # RFC 8288 §3.3: of two the first counts
        yield Link(found[1].strip(), frozenset(parameters.get("rel", "").lower().split()), parameters.get("anchor"))
