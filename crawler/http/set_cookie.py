"""The parser of ``Set-Cookie`` fields (RFC 6265bis §5.6). Whether a cookie is accepted is for the jar to decide."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from crawler.http.cookie_date import timestamp_of

LONGEST_AGE = 400 * 86_400  # seconds (RFC 6265bis §5.5)
_LONGEST_PAIR = 4096  # bytes of name and value together (RFC 6265bis §5.6)
_LONGEST_ATTRIBUTE = 1024  # bytes of an attribute's value (the same)
_MOST_ATTRIBUTES = 12  # arbitrary: there are nine kinds, and a field of 8 kB could hold thousands
_MANY_DIGITS = 10  # of an age, which are centuries; parsing a number of a thousand digits would take time
_WHITE_SPACE = " \t"  # by RFC 9110; str.strip() without it removes many more characters
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_AGE = re.compile(r"-?[0-9]+")


@dataclass(slots=True)
class SetCookie:
    """One field, parsed.

    Attributes:
        name: The cookie's name, which may be empty.
        value: Its value, as it is sent back.
        expires: Unix time (seconds) of its expiry, at most 400 days away; infinite if it lasts as long as the jar.
        domain: The ``Domain`` in lower case without its leading dot, empty if there is none.
        path: The ``Path``, empty if there is none that begins with a slash.
        is_secure: Whether it is ``Secure``.
        same_site: The ``SameSite`` in lower case, empty if there is none.
    """

    name: str
    value: str = field(repr=False)
    expires: float = math.inf
    domain: str = ""
    path: str = ""
    is_secure: bool = False
    same_site: str = ""


def parsed(text: str, now: float) -> SetCookie | None:
    """Parse the ``text`` of a ``Set-Cookie`` field at the Unix time ``now`` (seconds).

    Return ``None`` if it is to be ignored: it has control characters, neither name nor value, more than 4,096 bytes of
    them, or bytes that are not UTF-8, which could not be sent back unchanged. Only twelve attributes are read.
    """
    pair, *attributes = text.split(";", _MOST_ATTRIBUTES + 1)
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", name
    cookie = SetCookie(name.strip(_WHITE_SPACE), value.strip(_WHITE_SPACE))
    size = _size(cookie.name + cookie.value)
    if size is None or not 0 < size <= _LONGEST_PAIR or _CONTROL.search(text):
        return None
    max_age: float | None = None
    for attribute in attributes[:_MOST_ATTRIBUTES]:
        key, _, value = (part.strip(_WHITE_SPACE) for part in attribute.partition("="))
        if len(value) > _LONGEST_ATTRIBUTE:
            continue
        if key.lower() != "max-age":
            _apply(cookie, key.lower(), value, now)
        elif _AGE.fullmatch(value):
            max_age = _end_of(value, now)
    if max_age is not None:
        cookie.expires = max_age  # it takes precedence over Expires, in any order
    return cookie


def _size(text: str) -> int | None:
    """Return the size of ``text`` in bytes; ``None`` if some of them were not UTF-8."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def _apply(cookie: SetCookie, key: str, value: str, now: float) -> None:
    """Apply one attribute; the last one of a kind counts."""
    match key:
        case "expires":
            date = timestamp_of(value)
            if date is not None:
                cookie.expires = min(date, now + LONGEST_AGE)
        case "domain":
            cookie.domain = value.removeprefix(".").lower()
        case "path":
            cookie.path = value if value.startswith("/") else ""
        case "secure":
            cookie.is_secure = True
        case "samesite":
            cookie.same_site = value.lower()


def _end_of(age: str, now: float) -> float:
    """Return the Unix time at which a cookie with that ``Max-Age`` expires."""
    digits = age.lstrip("0")
    if not digits or age.startswith("-"):
        return -math.inf
    return now + (min(int(digits), LONGEST_AGE) if len(digits) < _MANY_DIGITS else LONGEST_AGE)
