"""The record of a crawl: what outlives its process, as the event loop sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from crawler.models import Ledger
from crawler.robots.decision import Robots
from crawler.state.changes import Changes, Unproven
from crawler.state.counters_record import CountersRecord
from crawler.state.digests import DigestSet
from crawler.state.host_record import HostRecord
from crawler.state.journal import Journal
from crawler.state.rows import PutOff, Waiting


class QueuePart(NamedTuple):
    """A part of the queue of a host that is to be read.

    Attributes:
        host: The number of the host.
        rank: The rank of the request behind which the part begins.
        serial: The serial number of that request.
        limit: How many requests.
    """

    host: int
    rank: float
    serial: int
    limit: int


@dataclass(slots=True)
class Restored:
    """What is read at the beginning of a crawl that goes on. Times are those of the present clock.

    Attributes:
        serial: The last serial number.
        snapshot: The last serial number when all digests were last written in one piece.
        ledger: How many URLs are in each state.
        hosts: What is known of hosts, by name.
        robots: What is known of the robots.txt of origins, and until when.
        shapes: How many URLs are alike, by shape.
        counters: The counters of the crawl.
        facts: What others asked to be remembered, by name.
        sinks: The tokens of the outputs, by name.
        is_new: Whether nothing was ever written.
    """

    serial: int = 0
    snapshot: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    hosts: dict[str, HostRecord] = field(default_factory=dict)
    robots: dict[str, tuple[float, Robots]] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)
    counters: CountersRecord = field(default_factory=CountersRecord)
    facts: dict[str, bytes] = field(default_factory=dict)
    sinks: dict[str, bytes] = field(default_factory=dict)
    is_new: bool = True


class Ways(NamedTuple):
    """What is known of the depths of URLs.

    Attributes:
        depths: The digest of each request, its depth, and whether it is pending.
        lowered: Those that have another depth by now.
        unproven: Pages that may yet become less deep.
        put_off: What is too deep to be a request, by its digest.
    """

    depths: Sequence[tuple[bytes, int, bool]] = ()
    lowered: Sequence[tuple[bytes, int]] = ()
    unproven: Sequence[Unproven] = ()
    put_off: Mapping[bytes, PutOff] = MappingProxyType({})


class Record(Protocol):
    """What a crawl needs of its record: see `open_record` for one of SQLite, and `NullRecord` for none.

    What may wait for a disk is ``async``, and raises `StateError` where the disk fails.
    """

    @property
    def journal(self) -> Journal:
        """Where changes are noted until they are committed."""

    @property
    def noted(self) -> asyncio.Event:
        """Set when there is something in the journal."""

    @property
    def low(self) -> asyncio.Event:
        """Set when a part of the queues should be read."""

    @property
    def is_durable(self) -> bool:
        """Whether what is committed outlives the process; else nothing need be gathered for a commit."""

    @property
    def survives_power(self) -> bool:
        """Whether it outlives a power failure, too, so that outputs must reach the disk before a commit."""

    @property
    def keeps_bodies(self) -> bool:
        """Whether the bodies of pages are written."""

    @property
    def window(self) -> int | None:
        """How many pending requests are to be in memory, as the record has the others; ``None`` for all."""

    async def load(self) -> Restored:
        """Return what an earlier crawl has left."""

    async def fill(self, seen: DigestSet, too_deep: DigestSet, redirected: DigestSet) -> None:
        """Fill empty sets with the digests of what is known; nobody may use them meanwhile."""

    async def ways(self) -> Ways:
        """Return what is known of the depths of URLs."""

    async def waiting_hosts(self) -> list[str]:
        """Return a URL of each host that has pending requests."""

    async def no_longer_too_deep(self, max_depth: int | None) -> list[PutOff]:
        """Return what was put off and is not too deep any more."""

    def seeds(self) -> AsyncIterator[list[str]]:
        """Yield the URLs of the seeds of earlier crawls, some at a time."""

    async def waiting(self, parts: Sequence[QueuePart]) -> list[list[Waiting]]:
        """Return the next pending requests of hosts; what is not committed is not among them."""

    async def commit(self, changes: Changes) -> None:
        """Make ``changes`` last, all of them or none."""

    async def recount(self) -> Ledger:
        """Return how many URLs are in each state, counted one by one."""
