"""The journal of a crawl that has a record: changes stay in memory until they are taken."""

from __future__ import annotations

import time
from collections.abc import Callable

from crawler.models import Failure, Request, State
from crawler.robots.decision import Robots
from crawler.state.changes import Attempt, Changes, Ended, Failed, Found, Lowered, Proven, TooDeep, Unproven, Wait
from crawler.state.host_record import HostRecord
from crawler.state.rows import more_of


class MemoryJournal:
    """Notes changes on the event loop: see `Journal`."""

    is_durable = True

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
        return f"<MemoryJournal {len(self._changes.found) if self._changes else 0} requests found>"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self._changes is None

    @property
    def size(self) -> int:
        """How many requests were found and ended that are not taken yet."""
        return len(self._changes.found) + len(self._changes.ended) if self._changes else 0

    def take(self) -> Changes:
        """Return what is to be written, and begin anew."""
        taken, self._changes = self._changes, None
        return taken or Changes()

    def found(self, request: Request, digest: bytes, found_on: int, host: int) -> None:
        """Note a new request that waits for its fetch at its place in the queue of a ``host``.

        Raises:
            ParseError: It cannot be written down, and nothing is noted. The two below raise it, too.
        """
        found = Found(request, digest, found_on, more_of(request, found_on), host)
        self._open.found.append(found)

    def refused(self, request: Request, digest: bytes, found_on: int, reason: str) -> None:
        """Note a new request that is not to be fetched, and why."""
        found = Found(request, digest, found_on, more_of(request, found_on), None, reason, self._clock())
        self._open.found.append(found)

    def put_off(self, request: Request, digest: bytes, found_on: int) -> None:
        """Note what is too deep to be a request."""
        too_deep = TooDeep(request, digest, found_on, more_of(request, found_on))
        self._open.too_deep.append(too_deep)

    def taken(self, digest: bytes) -> None:
        """Note that what was put off has been found on a shorter way."""
        self._open.taken.append(digest)

    def redirected(self, digest: bytes) -> None:
        """Note that what was asked for redirected away, so that no page was delivered for its URL."""
        self._open.redirected.append(digest)

    def lowered(self, digest: bytes, depth: int) -> None:
        """Note that a URL has been found on a shorter way, which makes it less deep."""
        self._open.ways.append(Lowered(digest, depth))

    def unproven(self, digest: bytes, depth: int, serial: int, step: int, links: bytes) -> None:
        """Note where a page leads that may yet become less deep: the digests of ``links``, ``step`` deeper."""
        self._open.ways.append(Unproven(digest, depth, serial, step, links))

    def proven(self, depth: int) -> None:
        """Note that no page of that depth, or less, can become less deep."""
        self._open.ways.append(Proven(depth))

    def ended(self, request: Request, state: State, status: int = 0, reason: str | None = None) -> None:
        """Note the final state of a request."""
        self._open.ended.append(Ended(request, state, status, reason, self._clock()))

    def failed(self, request: Request, failure: Failure) -> None:
        """Note why a request failed for good, the last of its fetches included."""
        self._open.failures.append(Failed(request, failure))
        self.attempted(request, failure)

    def attempted(self, request: Request, failure: Failure) -> None:
        """Note a fetch that failed."""
        attempt = Attempt(request, failure.error, failure.message, failure.status, self._clock())
        self._open.attempts.append(attempt)

    def waits(self, request: Request, ready_at: float) -> None:
        """Note that a request is to be fetched again, not before a time (monotonic, seconds)."""
        self._open.waits.append(Wait(request, ready_at))

    def learnt(self, origin: str, rules: Robots, until: float) -> None:
        """Note what the robots.txt of an ``origin`` says, which holds ``until`` a time (monotonic, seconds)."""
        self._open.robots[origin] = until, rules

    def remember(self, host: str, known: HostRecord | None) -> None:
        """Note what is ``known`` of the host of that name; ``None`` where that is nothing any more."""
        self._open.hosts[host] = known

    @property
    def _open(self) -> Changes:
        """What the next change is added to."""
        if self._changes is None:
            self._changes = Changes()
            self._noted()
        return self._changes
