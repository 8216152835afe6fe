"""Validation of stored answers: asking the server whether they still hold (RFC 9111 §4.3)."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from crawler.http.cache_control import Fields, value_of
from crawler.http.dates import seconds_of_date
from crawler.http.stored import Stored
from crawler.http.storing import storable_fields
from crawler.models import Request

_LONGEST_TAG = 1024  # characters; arbitrary, a longer one would be a header field that servers refuse
# RFC 9111 §3.2 lets a cache that stores decoded bodies retain the fields about the encoding. Content-Type is among them
# because frameworks put their default into every answer, 304s included; Chromium leaves it out for the same reason.
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "content-range", "content-type"})


def conditional(request: Request, stored: Stored) -> Request | None:
    """Return ``request`` with the validators of the ``stored`` answer; ``None`` if it has none, or is an error."""
    if stored.is_error or request.method not in {"GET", "HEAD"}:
        return None
    conditions: list[tuple[str, str]] = []
    if tag := _tag_of(stored.fields):
        conditions.append(("If-None-Match", tag))
    if date := _modified(stored):
        conditions.append(("If-Modified-Since", date))
    return replace(request, headers=(*request.headers, *conditions)) if conditions else None


def _tag_of(fields: Fields) -> str:
    """Return the entity tag; empty if there is none that can be sent back unchanged."""
    tag = value_of(fields, "etag").strip()
    return tag if tag.isascii() and tag.isprintable() and len(tag) <= _LONGEST_TAG else ""


def _modified(stored: Stored) -> str:
    date = value_of(stored.fields, "last-modified").strip()
    return date if seconds_of_date(date, stored.answered) is not None else ""


def confirms(fields: Fields, stored: Stored) -> bool:
    """Tell whether a 304 with these ``fields`` is about the ``stored`` answer and no other (RFC 9111 §4.3.4)."""
    for name in ("etag", "last-modified"):
        told, known = value_of(fields, name).strip(), value_of(stored.fields, name).strip()
        if told and known:
            return told.removeprefix("W/") == known.removeprefix("W/")
    return True


def confirmed(stored: Stored, fields: Fields, *, asked: float, answered: float) -> Stored:
    """Return the ``stored`` answer with the ``fields`` of the 304 that has confirmed it (RFC 9111 §3.2).

    Args:
        stored: The answer.
        fields: The 304's fields.
        asked: The time of the request, in seconds since 1970.
        answered: The time at which the 304 had arrived, in seconds since 1970.
    """
    new = tuple(field for field in storable_fields(fields) if field[0] not in _OF_THE_BODY)
    names = {name for name, _ in new}
    # An age or a cookie that the 304 does not repeat no longer holds: the stored one was that of an older answer.
    old = tuple(field for field in stored.fields if field[0] not in names and field[0] not in {"age", "set-cookie"})
    return msgspec.structs.replace(stored, fields=old + new, asked=asked, answered=answered)
