"""The fields that caches go by: Cache-Control, of answers and of requests (RFC 9111 §5.2), and Vary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crawler.http.fields import is_token

Fields = Sequence[tuple[str, str]]
"""Header fields as pairs, names in lower case."""

Directives = Mapping[str, str]
"""Names in lower case, each with its argument; empty where it has none."""

FOREVER = 2**31
"""Seconds that stand for any larger number of them (RFC 9111 §1.2.2)."""

_LONGEST_VARY = 1000  # characters; arbitrary
# A name, and after an equals sign a quoted string, which may lack its end, or anything up to a comma or white space.
# Each part excludes what may follow it, so that no input takes more than linear time.
_DIRECTIVE = re.compile(r'([^\s,="]+)(?:=(?:"((?:[^"\\]|\\.)*)"?|([^\s,"]*)))?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def value_of(fields: Fields, name: str) -> str:
    """Return the first field of that ``name``; empty where there is none."""
    return next((value for key, value in fields if key == name), "")


def directives_of(fields: Fields) -> Directives:
    """Return the directives of all Cache-Control fields; of those that come twice, the first (RFC 9111 §4.2.1)."""
    found: dict[str, str] = {}
    for name, value in fields:
        if name == "cache-control":
            for token, quoted, plain in _DIRECTIVE.findall(value):
                found.setdefault(token.lower(), _ESCAPED.sub(r"\1", quoted) if quoted else plain)
    return found


def varies_by(fields: Fields) -> frozenset[str] | None:
    """Return the names of a request's fields that an answer depends on; ``None`` where it may be anything.

    So it may where ``Vary`` has an asterisk (RFC 9110 §12.5.5), and where it is so long that nobody means it. What can
    be the name of no field is in no request, so nothing depends on it.
    """
    value = ",".join(value for name, value in fields if name == "vary")
    if "*" in value or len(value) > _LONGEST_VARY:
        return None
    return frozenset(name for token in value.split(",") if is_token(name := token.strip().lower()))


def seconds_in(argument: str) -> int | None:
    """Return the seconds that a directive's ``argument`` says, at most `FOREVER`; ``None`` where that is no number."""
    if not argument.isascii() or not argument.isdecimal():
        return None
    digits = argument.lstrip("0") or "0"
    return FOREVER if len(digits) > len(str(FOREVER)) else min(int(digits), FOREVER)
