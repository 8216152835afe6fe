"""The ``Retry-After`` header field: how long a server asks its clients to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_TEXT = 64  # characters; the longest form, a date by RFC 850, has 33
_LONGEST = 366 * 86_400.0  # seconds; arbitrary, and more than any crawl waits


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """Return the seconds from ``now`` that a ``Retry-After`` field asks for (RFC 9110 §10.2.3), a year at most.

    Digits are seconds. Dates of all three forms of HTTP are understood; past ones are 0. ``None`` if the field means
    nothing: it is empty, negative, a fraction, or anything else.

    >>> seconds_of("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0

    Args:
        retry_after: The value of the field.
        now: The current time, with its time zone.
    """
    text = retry_after.strip(" \t")
    if len(text) > _LONGEST_TEXT or not text.isascii():  # digits of other scripts are no digits of HTTP
        return None
    if text.isdigit():
        return min(float(text), _LONGEST)
    date = _date_of(text)
    return None if date is None else min(max(0.0, (date - now).total_seconds()), _LONGEST)


def _date_of(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a year of thirty digits
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
