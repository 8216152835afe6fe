"""MIME types: what a ``Content-Type`` says. Pure.

By the MIME Sniffing standard §4.4 and the Fetch standard, "extract a MIME type". Blanks around the ``=`` of a
parameter, which no standard allows, are ignored: servers send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_NAME_END, _VALUE_END = re.compile("[;=]"), re.compile(";")
_LONGEST_REMEMBERED = 1000  # characters; arbitrary. A server can send 256 KiB, and others with each page
_BLANKS = "\t\n\r "
_UNKNOWN = frozenset({"unknown/unknown", "application/unknown", "*/*"})  # MIME Sniffing standard §7
_PART = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)  # up to a comma that is not quoted


@dataclass(frozen=True, slots=True)
class MimeType:
    """A type, such as ``text/html; charset=utf-8``.

    Attributes:
        essence: Type and subtype, in lower case; empty where nothing is known of the type.
        parameters: Its parameters, names in lower case.
    """

    essence: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


NOTHING = MimeType()


def content_type_of(fields: str) -> MimeType:
    """Return the type that a ``Content-Type`` means; nothing where it is none, or one that means an unknown type.

    Args:
        fields: The field; several of them, separated by commas.
    """
    return _remembered(fields) if len(fields) <= _LONGEST_REMEMBERED else _content_type_of(fields)


def _content_type_of(fields: str) -> MimeType:
    found, essence, charset = NOTHING, "", ""
    for part in _PART.findall(fields):
        one = parsed(part)
        if one is None or one.essence == "*/*":
            continue
        if one.essence != essence:
            essence, charset = one.essence, one.parameters.get("charset", "")
        elif charset and "charset" not in one.parameters:
            one = MimeType(essence, {**one.parameters, "charset": charset})
        found = one
    return MimeType("", found.parameters) if found.essence in _UNKNOWN else found


_remembered = lru_cache(maxsize=1024)(_content_type_of)


def parsed(text: str) -> MimeType | None:
    """Return ``text`` as a type, or ``None`` if it is none."""
    kind, _, rest = text.strip(_BLANKS).partition("/")
    subtype, _, rest = rest.partition(";")
    subtype = subtype.rstrip(_BLANKS)
    if not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(subtype):
        return None
    return MimeType(f"{kind}/{subtype}".lower(), _parameters_in(rest))


def _parameters_in(text: str) -> dict[str, str]:
    """Return the parameters in ``text``; of two of one name the first counts."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        name, sign, place = _until(text, _NAME_END, place)
        name = name.strip(_BLANKS).lower()
        if sign != "=":
            continue
        while text[place : place + 1] in {" ", "\t"}:
            place += 1
        if text[place : place + 1] == '"':
            value, place = _unquoted(text, place + 1)
            place = _until(text, _VALUE_END, place)[2]
        else:
            value, _, place = _until(text, _VALUE_END, place)
            value = value.rstrip(_BLANKS)
            if not value:
                continue
        if _TOKEN.fullmatch(name) and _VALUE.fullmatch(value):
            found.setdefault(name, value)
    return found


def _until(text: str, signs: re.Pattern[str], place: int) -> tuple[str, str, int]:
    """Return what comes before the first of ``signs`` from ``place`` on, the sign, and the place behind it."""
    found = signs.search(text, place)  # one search for all: a field of semicolons alone is not looked through for each
    end = len(text) if found is None else found.start()
    return text[place:end], text[end : end + 1], end + 1


def _unquoted(text: str, place: int) -> tuple[str, int]:
    """Return the quoted string whose content begins at ``place``, and the place behind it."""
    value: list[str] = []
    while place < len(text) and text[place] != '"':
        if text[place] == "\\" and place + 1 < len(text):
            place += 1
        value.append(text[place])
        place += 1
    return "".join(value), place + 1
