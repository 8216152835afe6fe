"""Dates in cookies, which servers write in many forms (RFC 6265bis §5.1.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from crawler.http.dates import MONTHS

_DELIMITERS = re.compile(r"[\t\x20-/;-@\[-`{-~]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MOST_TOKENS = 12  # arbitrary: dates have six
_FIRST_YEAR = 1601  # by the standard


def timestamp_of(text: str) -> float | None:
    """Return the Unix time (seconds) of a date in ``Expires``; ``None`` if it is no date.

    The order of the tokens counts, not their form: the first that looks like a time, a day, a month and a year.
    All dates are in UTC, whatever zone they name. Only the first twelve tokens are read.

    >>> timestamp_of("Thu, 01-Jan-70 00:02:00 GMT")
    120.0
    """
    if ":" not in text:
        return None
    time = day = year = None
    month = 0
    for token in _DELIMITERS.split(text, _MOST_TOKENS)[:_MOST_TOKENS]:
        if time is None and (time := _TIME.match(token)):
            continue
        if day is None and (day := _DAY.match(token)):
            continue
        if not month and (month := _month_of(token)):
            continue
        if year is None:
            year = _YEAR.match(token)
    if time is None or day is None or not month or year is None:
        return None
    hour, minute, second = map(int, time.groups())
    return _timestamp(_full_year(int(year[1])), month, int(day[1]), (hour, minute, second))


def _month_of(token: str) -> int:
    """Return the number of the month that ``token`` begins with, 0 for none."""
    return MONTHS.get(token[:3].lower(), 0)


def _full_year(year: int) -> int:
    if year >= 100:
        return year
    return year + (1900 if year >= 70 else 2000)


def _timestamp(year: int, month: int, day: int, time: tuple[int, int, int]) -> float | None:
    if year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, *time, tzinfo=UTC).timestamp()
    except ValueError:  # no such day, or no such time
        return None
