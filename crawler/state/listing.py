"""Lists the URLs of a crawl from its record, some at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from crawler.models import Refusal, State
from crawler.state.reading import Known, Reading
from crawler.state.schema import NUMBERS

_CHUNK = 1000  # rows; arbitrary: while a query lasts, a running crawl cannot shorten the log of its file
_ROWS = """
SELECT r.serial, r.url, r.state, r.depth, r.found_on, r.host, r.rank, r.attempt, r.status, r.ended_at, r.reason, r.more,
    p.url, f.error, f.message, f.attempts, f.traceback, f.saved
FROM requests r LEFT JOIN requests p ON p.serial = r.found_on {join} JOIN failures f ON f.serial = r.serial
WHERE {condition} AND r.serial > ? ORDER BY r.serial LIMIT ?
"""
_TOO_DEEP = """
SELECT t.digest, t.url, t.depth, coalesce(p.url, '')
FROM too_deep t LEFT JOIN requests p ON p.serial = t.found_on
WHERE t.digest > ? {condition} ORDER BY t.digest LIMIT ?
"""
_FINAL = (State.FAILED, State.DENIED, State.REFUSED, State.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the URLs are wanted.

    Attributes:
        states: Their states; empty for all.
        error: The type of error that they failed with, such as ``StatusError``; empty for all.
        host: Their host, normalised, with or without a port; empty for all.
        only_failures: Whether only those are wanted that failed with an error.
    """

    states: tuple[State, ...] = ()
    error: str = ""
    host: str = ""
    only_failures: bool = False

    @property
    def has_too_deep(self) -> bool:
        """Whether URLs that are too deep to be requests are among them."""
        return (not self.states or State.REFUSED in self.states) and not self.error and not self.only_failures

    def condition(self) -> tuple[str, list[Any]]:
        """Return the SQL condition that they meet, with ``r`` for requests and ``f`` for failures, and its values."""
        parts, values = ["TRUE"], []
        if self.states:
            parts.append(f"r.state IN ({', '.join(str(NUMBERS[state]) for state in self.states)})")
        if self.error:
            parts.append("f.error = ?")
            values.append(self.error)
        on_host, prefixes = self.on_host("r")
        return " AND ".join(parts) + on_host, values + prefixes

    def on_host(self, table: str) -> tuple[str, list[Any]]:
        """Return the condition that a URL is of the host; empty for all hosts."""
        if not self.host:
            return "", []
        # In a normalised URL, which has no name and no password, the host is followed by its port or its path.
        prefixes = [f"{scheme}://{self.host}{end}" for scheme in ("http", "https") for end in "/:"]
        equal = " OR ".join([f"substr({table}.url, 1, {len(prefix)}) = ?" for prefix in prefixes])
        return f" AND ({equal})", prefixes


class Listed(NamedTuple):
    """A URL and what is known of it.

    Attributes:
        known: Its row. What is too deep has the serial number 0.
        parent: The URL that led to it; empty for seeds.
        error: The type of error that it failed with; empty where it did not fail.
        message: What the error said.
        attempts: All attempts, where it failed.
        traceback: Where the parser was.
        saved: The file that has its page, in quarantine.
    """

    known: Known
    parent: str
    error: str
    message: str
    attempts: int
    traceback: str
    saved: str


def listed(reading: Reading, selection: Selection) -> Iterator[Listed]:
    """Yield the URLs in the order of their discovery; what is too deep comes last, in no order.

    Raises:
        StateError: The file is damaged.
    """
    condition, values = selection.condition()
    join = "" if selection.error or selection.only_failures else "LEFT"
    query, serial = _ROWS.format(join=join, condition=condition), 0
    while rows := reading.select(query, *values, serial, _CHUNK):
        yield from map(_listed, rows)
        serial = rows[-1][0]
    if selection.has_too_deep:
        yield from _too_deep(reading, selection)


def _listed(row: Sequence[Any]) -> Listed:
    known, (parent, error, message, attempts, traceback, saved) = Known(*row[:12]), row[12:]
    parent = parent or known.more.parent
    return Listed(known, parent, error or "", message or "", attempts or 0, traceback or "", saved or "")


def _too_deep(reading: Reading, selection: Selection) -> Iterator[Listed]:
    condition, values = selection.on_host("t")
    query, digest = _TOO_DEEP.format(condition=condition), b""
    number = NUMBERS[State.REFUSED]
    while rows := reading.select(query, digest, *values, _CHUNK):
        for _, url, depth, parent in rows:
            known = Known(0, url, number, depth, 0, None, None, 0, None, None, Refusal.DEPTH.value, None)
            yield Listed(known, parent, "", "", 0, "", "")
        digest = rows[-1][0]
