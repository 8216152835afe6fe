"""What has changed since the last commit, as values. How they are written is the matter of a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from crawler.document.page import Page
from crawler.models import Failure, Request, State
from crawler.robots.decision import Robots
from crawler.state.counters_record import CountersRecord
from crawler.state.digests import DigestSet
from crawler.state.host_record import HostRecord

# msgspec structures, as one is made for each new URL: a named tuple takes 200 ns, these take 80 ns. They hold nothing
# that could refer back to them, so the garbage collector need not look at them.


class Found(msgspec.Struct, frozen=True, gc=False):
    """A new request: pending, or refused.

    Attributes:
        request: The request.
        digest: Of its fingerprint.
        found_on: The serial number of the request that led to it; 0 for seeds.
        more: What it has beside its URL and depth. Written down when it was found, as its metadata may change later;
            ``None`` where that is nothing.
        host: The number of the host in whose queue it waits; ``None`` where it is refused.
        refusal: Why it is not to be fetched; ``None`` where it is pending.
        at: When it was refused, by the time of day.
    """

    request: Request
    digest: bytes
    found_on: int
    more: bytes | None
    host: int | None = None
    refusal: str | None = None
    at: float | None = None


class TooDeep(msgspec.Struct, frozen=True, gc=False):
    """What is too deep to be a request; attributes as those of `Found`."""

    request: Request
    digest: bytes
    found_on: int
    more: bytes | None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A request in its final state.

    Attributes:
        request: The request.
        state: The state.
        status: The HTTP status of its answer; 0 where there was none.
        reason: Why it ended so, where that needs saying.
        at: When, by the time of day.
    """

    request: Request
    state: State
    status: int
    reason: str | None
    at: float


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A request that failed for good, and why."""

    request: Request
    failure: Failure


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A fetch that failed; `at` is the time of day."""

    request: Request
    error: str
    message: str
    status: int
    at: float


class Wait(msgspec.Struct, frozen=True, gc=False):
    """A request that is to be fetched again, not before a time (monotonic, seconds)."""

    request: Request
    ready_at: float


class Lowered(msgspec.Struct, frozen=True, gc=False):
    """A URL that has been found on a shorter way, by the digest of its request."""

    digest: bytes
    depth: int


class Unproven(msgspec.Struct, frozen=True, gc=False):
    """A page that may yet become less deep, and the digests of its links, which are ``step`` deeper than itself."""

    digest: bytes
    depth: int
    serial: int
    step: int
    links: bytes


class Proven(msgspec.Struct, frozen=True, gc=False):
    """No page of that ``depth``, or less, can become less deep."""

    depth: int


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


@dataclass(slots=True)
class Changes:
    """What a commit writes, all of it or nothing. Each list is in the order in which it applies.

    Attributes:
        found: New requests, by serial number, without a gap.
        too_deep: What was put off.
        taken: Digests of what was put off and is a request now.
        redirected: Digests of requests that were redirected.
        ways: What was learnt of the depths of URLs.
        ended: Requests in their final state.
        waits: Requests that are to be fetched again.
        attempts: Fetches that failed.
        failures: Requests that failed for good.
        hosts: What is known of hosts, by name; ``None`` where that is nothing any more.
        robots: What is known of the robots.txt of origins, and until when (monotonic, seconds).
        shapes: How many URLs are alike, by shape.
        counters: The counters of the crawl; ``None`` where they stay as they are.
        facts: What others ask to be remembered, by name.
        snapshot: All digests, where so many are new that they are worth writing in one piece.
        tokens: What of each output belongs to the crawl, by the name of its sink.
        pages: Pages whose bodies are to be written.
    """

    found: list[Found] = field(default_factory=list)
    too_deep: list[TooDeep] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    redirected: list[bytes] = field(default_factory=list)
    ways: list[Lowered | Unproven | Proven] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)
    hosts: dict[str, HostRecord | None] = field(default_factory=dict)
    robots: dict[str, tuple[float, Robots]] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)
    counters: CountersRecord | None = None
    facts: dict[str, bytes] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    tokens: dict[str, bytes] = field(default_factory=dict)
    pages: Sequence[Page] = ()
