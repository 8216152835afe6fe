"""Dates in header fields, read strictly: a cache must treat an invalid date as one in the past."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
"""Numbers of the months by their names in header fields, in lower case."""

_DAY, _TIME = r"(?P<day>\d\d)", r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH, _YEAR = r"(?P<month>[a-z]{3})", r"(?P<year>\d{4})"
# RFC 9110 §5.6.7, the most frequent first. Names of days are not compared with the calendar.
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"[a-z]{{3}}, {_DAY} {_MONTH} {_YEAR} {_TIME} GMT",
        rf"[a-z]{{6,9}}, {_DAY}-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"[a-z]{{3}} {_MONTH} (?P<day>[\d ]\d) {_TIME} {_YEAR}",
    )
)
_LEAP_SECOND = 60


def seconds_of_date(text: str, now: float) -> float | None:
    """Return an HTTP date in seconds since 1970, or ``None`` if it has none of the three forms of RFC 9110 §5.6.7.

    Args:
        text: The value of a field such as ``Expires``.
        now: The time, in seconds since 1970, which decides the century of years of two digits.

    >>> seconds_of_date("Sun, 06 Nov 1994 08:49:37 GMT", now=0)
    784111777.0
    """
    text = text.strip(" \t")
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year, second = int(found["year"]), int(found["second"])
    if len(found["year"]) == 2:
        year = _full_year(year, now)
    try:
        date = datetime(
            year,
            MONTHS[found["month"].lower()],
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            second - (second == _LEAP_SECOND),
            tzinfo=UTC,
        )
    except (ValueError, KeyError):  # the 31st of February, or a month of another language
        return None
    return date.timestamp()


def _full_year(year: int, now: float) -> int:
    """Return the year that two digits mean: one more than 50 years ahead is in the past (RFC 9110 §5.6.7)."""
    this_year = datetime.fromtimestamp(now, UTC).year
    full = this_year - this_year % 100 + year
    return full - 100 if full > this_year + 50 else full
