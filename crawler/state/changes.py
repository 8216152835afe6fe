"""What has changed since the last commit: rows, gathered on the event loop, written by the thread of the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from crawler.models import Failure, Request, State
from crawler.robots.decision import Robots
from crawler.state.digests import DigestSet
from crawler.state.rows import more_of
from crawler.state.schema import NUMBERS, PENDING


class Snapshot(NamedTuple):
    """All digests as they were at one moment: those up to a serial number. Others may be added meanwhile.

    Attributes:
        serial: The serial number.
        lengths: Of the buckets at that moment.
        digests: The set, of which nothing is ever removed.
    """

    serial: int
    lengths: list[int]
    digests: DigestSet


Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Changes:
    """Rows for the tables of `crawler.state.schema`, in the order in which they apply.

    Attributes:
        first: The serial number of the first request found.
        found: Requests found, pending or refused.
        digests: Of the requests found, one behind the other.
        too_deep: What was put off.
        taken: Digests of what was put off and is a request now.
        ended: Requests that came to their end: state, time, status, reason, attempt, serial number.
        waits: Requests that are to be tried again.
        attempts: Tries that failed.
        failures: Why requests came to nothing.
        hosts: What is known of hosts, by name; ``None`` where that is nothing any more.
        robots: What is known of the robots.txt of origins.
        shapes: How many URLs are alike, by shape.
        facts: Counters and the like, by name.
        snapshot: All digests, where so many are new that they are worth writing in one piece.
    """

    first: int = 0
    found: list[Row] = field(default_factory=list)
    digests: bytearray = field(default_factory=bytearray)
    too_deep: list[Row] = field(default_factory=list)
    taken: list[Row] = field(default_factory=list)
    ended: list[Row] = field(default_factory=list)
    waits: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    failures: list[Row] = field(default_factory=list)
    hosts: dict[str, bytes | None] = field(default_factory=dict)
    robots: dict[str, tuple[float, Robots]] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)
    facts: dict[str, bytes] = field(default_factory=dict)
    snapshot: Snapshot | None = None


class Journal:
    """Notes what the frontier and the engine change, until it is written down as a whole."""

    def __init__(self, noted: Callable[[], None], clock: Callable[[], float] = time.time) -> None:
        """Create an empty journal.

        Args:
            noted: Called when there is something to write, once until it is taken.
            clock: Tells the time of day, in seconds.
        """
        self._noted = noted
        self._clock = clock
        self._changes: Changes | None = None

    def __repr__(self) -> str:
        return f"<Journal {len(self._changes.found) if self._changes else 0} requests found>"

    @property
    def changes(self) -> Changes:
        """What is to be written; to be changed."""
        if self._changes is None:
            self._changes = Changes()
            self._noted()
        return self._changes

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self._changes is None

    @property
    def size(self) -> int:
        """Requests found and ended that are not taken yet."""
        return len(self._changes.found) + len(self._changes.ended) if self._changes else 0

    def take(self) -> Changes:
        """Return what is to be written, and begin anew."""
        taken, self._changes = self._changes, None
        return taken or Changes()

    def found(self, request: Request, digest: bytes, found_on: int, host: int, rank: float) -> None:
        """Note a new request that waits for its fetch at its place of a host's queue.

        Raises:
            ParseError: It cannot be written down; so for the next two. Nothing is noted.
        """
        row = (request.serial, request.url, PENDING, request.depth, found_on, host, rank, None, None)
        self._find(request, digest, (*row, more_of(request, found_on)))

    def refused(self, request: Request, digest: bytes, found_on: int, reason: str) -> None:
        """Note a new request that is not to be fetched, and why."""
        row = (request.serial, request.url, NUMBERS[State.REFUSED], request.depth, found_on, None, None)
        self._find(request, digest, (*row, self._clock(), reason, more_of(request, found_on)))

    def put_off(self, request: Request, digest: bytes, found_on: int) -> None:
        """Note what is too deep to be a request."""
        row = (digest, request.url, request.depth, found_on, more_of(request, found_on))
        self.changes.too_deep.append(row)

    def taken(self, digest: bytes) -> None:
        """Note that what was put off has been found on a shorter way."""
        self.changes.taken.append((digest,))

    def ended(self, request: Request, state: State, status: int = 0, reason: str | None = None) -> None:
        """Note the final state of a request."""
        reason = None if reason is None else _text(reason)
        self.changes.ended.append(
            (NUMBERS[state], self._clock(), status or None, reason, request.attempt, request.serial)
        )

    def failed(self, request: Request, failure: Failure) -> None:
        """Note why a request came to nothing."""
        texts = _text(failure.traceback), _text(failure.saved)
        row = (failure.error, _text(failure.message), failure.attempts, failure.status, *texts)
        self.changes.failures.append((request.serial, *row))
        self.attempted(request, failure.error, failure.message, failure.status)

    def attempted(self, request: Request, error: str, message: str, status: int) -> None:
        """Note a try that failed."""
        row = (request.serial, request.attempt + 1, self._clock(), status, error, _text(message))
        self.changes.attempts.append(row)

    def waits(self, request: Request, ready_at: float) -> None:
        """Note that a request is to be tried again, not before a time (monotonic, seconds)."""
        self.changes.waits.append((request.serial, request.attempt, ready_at))

    def _find(self, request: Request, digest: bytes, row: Row) -> None:
        changes = self.changes
        if not changes.found:
            changes.first = request.serial
        changes.digests += digest
        changes.found.append(row)


def _text(text: str) -> str:
    """Return ``text`` without the half characters that stand for odd bytes in answers, and that SQLite cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
