"""The fields that control caches: Cache-Control, of answers and of requests (RFC 9111 §5.2), and Vary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crawler.http.fields import is_token

Fields = Sequence[tuple[str, str]]
"""Header fields as pairs, names in lower case."""

Directives = Mapping[str, str]
"""Names in lower case, each with its argument; empty if it has none."""

FOREVER = 2**31
"""The number of seconds that replaces any larger one (RFC 9111 §1.2.2)."""

_LONGEST_VARY = 1000  # characters; arbitrary
# A name, and after an equals sign a quoted string, which may lack its closing quote, or anything up to a comma or white
# space. Each part excludes what may follow it, so that every input takes linear time.
_DIRECTIVE = re.compile(r'([^\s,="]+)(?:=(?:"((?:[^"\\]|\\.)*)"?|([^\s,"]*)))?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def value_of(fields: Fields, name: str) -> str:
    """Return the first field of that ``name``; empty if there is none."""
    return next((value for key, value in fields if key == name), "")


def directives_of(fields: Fields) -> Directives:
    """Return the directives of all Cache-Control fields; of duplicates the first (RFC 9111 §4.2.1)."""
    found: dict[str, str] = {}
    for name, value in fields:
        if name == "cache-control":
            for token, quoted, plain in _DIRECTIVE.findall(value):
                found.setdefault(token.lower(), _ESCAPED.sub(r"\1", quoted) if quoted else plain)
    return found


def varies_by(fields: Fields) -> frozenset[str] | None:
    """Return the names of the request's fields on which an answer depends; ``None`` if it may depend on anything.

    The latter holds if ``Vary`` has an asterisk (RFC 9110 §12.5.5), and if it is so long that nobody can mean it.
    Names that are no field names are ignored: no request has such a field.
    """
    value = ",".join(value for name, value in fields if name == "vary")
    if "*" in value or len(value) > _LONGEST_VARY:
        return None
    return frozenset(name for token in value.split(",") if is_token(name := token.strip().lower()))


def seconds_in(argument: str) -> int | None:
    """Return the seconds in a directive's ``argument``, at most `FOREVER`; ``None`` if it is no number."""
    if not argument.isascii() or not argument.isdecimal():
        return None
    digits = argument.lstrip("0") or "0"
    return FOREVER if len(digits) > len(str(FOREVER)) else min(int(digits), FOREVER)
