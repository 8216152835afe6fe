"""Where the frontier and the crawl note what they change, until a record takes it."""

from __future__ import annotations

from typing import Protocol

from crawler.models import Failure, Request, State
from crawler.robots.decision import Robots
from crawler.state.changes import Changes
from crawler.state.host_record import HostRecord


class Journal(Protocol):
    """Notes changes: see `MemoryJournal`, and `NullJournal`, which notes nothing.

    It is called for every new URL, on the event loop: it neither waits nor encodes more than it must.
    """

    @property
    def is_durable(self) -> bool:
        """Whether what is noted is going to be written; else nothing need be worked out for it."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""

    @property
    def size(self) -> int:
        """How many requests were found and ended that are not taken yet."""

    def take(self) -> Changes:
        """Return what is to be written, and begin anew."""

    def found(self, request: Request, digest: bytes, found_on: int, host: int) -> None:
        """Note a new request that waits for its fetch at its place in the queue of a ``host``.

        Raises:
            ParseError: It cannot be written down, and nothing is noted. The two below raise it, too.
        """

    def refused(self, request: Request, digest: bytes, found_on: int, reason: str) -> None:
        """Note a new request that is not to be fetched, and why."""

    def put_off(self, request: Request, digest: bytes, found_on: int) -> None:
        """Note what is too deep to be a request."""

    def taken(self, digest: bytes) -> None:
        """Note that what was put off has been found on a shorter way."""

    def redirected(self, digest: bytes) -> None:
        """Note that what was asked for redirected away, so that no page was delivered for its URL."""

    def lowered(self, digest: bytes, depth: int) -> None:
        """Note that a URL has been found on a shorter way, which makes it less deep."""

    def unproven(self, digest: bytes, depth: int, serial: int, step: int, links: bytes) -> None:
        """Note where a page leads that may yet become less deep: the digests of ``links``, ``step`` deeper."""

    def proven(self, depth: int) -> None:
        """Note that no page of that depth, or less, can become less deep."""

    def ended(self, request: Request, state: State, status: int = 0, reason: str | None = None) -> None:
        """Note the final state of a request."""

    def failed(self, request: Request, failure: Failure) -> None:
        """Note why a request failed for good, the last of its fetches included."""

    def attempted(self, request: Request, failure: Failure) -> None:
        """Note a fetch that failed."""

    def waits(self, request: Request, ready_at: float) -> None:
        """Note that a request is to be fetched again, not before a time (monotonic, seconds)."""

    def learnt(self, origin: str, rules: Robots, until: float) -> None:
        """Note what the robots.txt of an ``origin`` says, which holds ``until`` a time (monotonic, seconds)."""

    def remember(self, host: str, known: HostRecord | None) -> None:
        """Note what is ``known`` of the host of that name; ``None`` where that is nothing any more."""
