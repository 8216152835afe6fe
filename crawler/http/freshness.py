"""The time for which a stored answer may be served without asking again (RFC 9111 §4.2), in a private cache.

A private cache belongs to one user: it ignores ``s-maxage`` and ``proxy-revalidate``, and stores ``private`` answers.
"""

from __future__ import annotations

import math

from crawler.http.cache_control import Directives, directives_of, seconds_in, value_of, varies_by
from crawler.http.dates import seconds_of_date
from crawler.http.stored import Stored

# RFC 9110 §15.1, without 206: parts of a body are not stored.
HEURISTIC_STATUSES = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
# "Permanently", by RFC 9110 §15.4.2, §15.4.9 and §15.5.11, but seldom with a date; Chromium stores them for ever.
_PERMANENT_STATUSES = frozenset({301, 308, 410})
_SHARE_OF_AGE = 0.1  # RFC 9111 §4.2.2: a page that has not changed for ten days is expected not to for another
_LONGEST_GUESS = 86_400.0  # seconds; arbitrary: a daily crawl sees a change at most a day late
_ASK_FIRST = frozenset({"no-cache", "no-store"})  # only modes other than "standard" store the latter
_CLOCK_SLACK = 60.0  # seconds by which a clock may be set back before stored answers count as stale; arbitrary


def lifetime_of(stored: Stored, directives: Directives | None = None) -> float:
    """Return the seconds that an answer is fresh for, since it was made; 0 if they are unknown or invalid.

    They are the first of ``max-age``, ``Expires``, and a tenth of the time since the last modification (RFC 9111
    §4.2.1); a day for a page that has moved or gone for ever.

    Args:
        stored: The answer.
        directives: Its Cache-Control, if it is parsed already.
    """
    directives = directives_of(stored.fields) if directives is None else directives
    if "max-age" in directives:
        return seconds_in(directives["max-age"]) or 0
    made = _date_of(stored)
    if any(name == "expires" for name, _ in stored.fields):
        expires = seconds_of_date(value_of(stored.fields, "expires"), stored.answered)
        return 0.0 if expires is None else max(0.0, expires - made)
    return _guess(stored, made) if stored.status in HEURISTIC_STATUSES or "public" in directives else 0.0


def _guess(stored: Stored, made: float) -> float:
    modified = seconds_of_date(value_of(stored.fields, "last-modified"), stored.answered)
    if modified is None:
        return _LONGEST_GUESS if stored.status in _PERMANENT_STATUSES else 0.0
    return min(max(0.0, made - modified) * _SHARE_OF_AGE, _LONGEST_GUESS)


def age_of(stored: Stored, now: float) -> float:
    """Return the seconds since the server made or confirmed an answer (RFC 9111 §4.2.3).

    Infinite if the clock has been set back to before the time of the answer: its age is then unknown.

    Args:
        stored: The answer.
        now: The time, in seconds since 1970.
    """
    resident = now - stored.answered
    if resident < -_CLOCK_SLACK:
        return math.inf
    apparent = max(0.0, stored.answered - _date_of(stored))
    told = seconds_in(value_of(stored.fields, "age").partition(",")[0].strip()) or 0
    delay = max(0.0, stored.answered - stored.asked)
    return max(apparent, told + delay) + max(0.0, resident)


def _date_of(stored: Stored) -> float:
    """Return the time of the answer by its ``Date``; without one, the time of its arrival (RFC 9110 §6.6.1)."""
    date = seconds_of_date(value_of(stored.fields, "date"), stored.answered)
    return stored.answered if date is None else date


def may_serve(stored: Stored, wanted: Directives, now: float) -> bool:
    """Tell whether an answer may be served without asking its server (RFC 9111 §4).

    The list of fields that ``no-cache`` may have is ignored: the whole answer is requested again, as most caches do
    (§5.2.2.4). ``stale-while-revalidate`` is ignored too: nobody waits for a crawler.

    Args:
        stored: An answer to the same request.
        wanted: The request's own Cache-Control.
        now: The time, in seconds since 1970.
    """
    directives = directives_of(stored.fields)
    if "no-cache" in wanted or not _ASK_FIRST.isdisjoint(directives) or varies_by(stored.fields) is None:
        return False
    age = age_of(stored, now)
    if "max-age" in wanted and age > (seconds_in(wanted["max-age"]) or 0):
        return False
    left = lifetime_of(stored, directives) - age
    if "min-fresh" in wanted:
        return left >= (seconds_in(wanted["min-fresh"]) or 0) and left > 0
    if "max-stale" in wanted and "must-revalidate" not in directives:
        allowed = math.inf if not wanted["max-stale"] else seconds_in(wanted["max-stale"]) or 0
        return left + allowed > 0
    return left > 0
