"""Times as people and programs read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def clock(at: float) -> str:
    """Return a time of day, in seconds since the epoch, as this machine's clocks show it: ``2026-03-01 09:47:22``."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006  # it is local time that is wanted


def iso(at: float) -> str:
    """Return a time of day for programs: ISO 8601 in UTC, such as ``2026-03-01T09:47:22.500Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """Return seconds in the largest unit that fits.

    >>> span(0.4), span(24.6), span(200), span(8000), span(90_000), span(200_000)
    ('0 s', '25 s', '3 min', '2 h', '1 day', '2 days')
    """
    unit, name = next((each for each in _UNITS if each[0] <= round(seconds)), _UNITS[-1])
    number = round(seconds) // unit
    return f"{number} {name}{'s' if name == 'day' and number != 1 else ''}"


def past(at: float, now: float) -> str:
    """Return a past time, by the clock and relative to ``now``: ``2026-03-01 09:47:22 (3 min ago)``."""
    return f"{clock(at)} ({span(max(0.0, now - at))} ago)"


def future(seconds: float, now: float) -> str:
    """Return the time ``seconds`` after ``now``, by the clock and relative: ``2026-03-01 09:47:22 (in 24 s)``."""
    return f"{clock(now + seconds)} (in {span(seconds)})" if seconds > 0 else f"{clock(now)} (now)"
