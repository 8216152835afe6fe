"""A host: its connections, its delay and its queue; and the address that it may share with others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from crawler.errors import FetchError
from crawler.frontier.host_queue import HostQueue
from crawler.models import Request
from crawler.policy.pace import Outcome, Pace
from crawler.policy.politeness import HostRule
from crawler.state.host_record import HostRecord, host_key


class Address:
    """An IP address with the hosts on it. A host whose address does not matter has one to itself.

    Attributes:
        hosts: A heap of its hosts that may be asked, by time.
        users: How many hosts are on it, where it is shared.
        active: Requests in flight to it.
        awaited: The request whose answer its delay will count from.
        free_at: When its delay ends.
        offered_at: Its key in a lane of the schedule; ``None`` where it is in none.
    """

    __slots__ = ("active", "awaited", "connections", "delay", "free_at", "hosts", "name", "offered_at", "users")

    def __init__(self, name: str = "", delay: float = 0.0, connections: int | None = None) -> None:
        self.name = name
        self.delay = delay
        self.connections = connections
        self.hosts: list[tuple[float, int, Host]] = []
        self.users = 0
        self.active = 0
        self.awaited: Request | None = None
        self.free_at = 0.0
        self.offered_at: float | None = None

    def __repr__(self) -> str:
        return f"<Address {self.name or 'of one host'} {len(self.hosts)} hosts ready, {self.active} active>"

    @property
    def may_be_asked(self) -> bool:
        """Whether one of its hosts may be asked as soon as the delays are over."""
        if not self.hosts or self.awaited is not None:
            return False
        return self.connections is None or self.active < self.connections


@dataclass(slots=True)
class FailedLookup:
    """The name of a host has no address, or nobody could say.

    Attributes:
        error: Why.
        until: When it is looked up again; ``None`` until a request has failed by it.
    """

    error: FetchError
    until: float | None = None


_NOTHING = HostRecord()
_TOO_MUCH = frozenset({Outcome.OVERLOADED, Outcome.SILENT})


class Host:
    """One host: its queue, its connections in use and the end of its delay.

    Attributes:
        key: The number by which the disk knows it, of 63 bits.
        pace: Its delay, and what changes that.
        address: Its address.
        queue: Its requests.
        robots_requests: What is fetched before all of them, also while it is closed; those of other hosts alternate
            with the queue.
        was_robots_request: Whether the last request that was taken was one.
        active: Requests in flight to it.
        active_unproven: How many of them began before it had shown itself to be prompt.
        awaited: The request whose answer its delay will count from.
        free_at: When its delay ends, or its pause.
        failed_lookup: What came of the last look-up of its address, where that failed.
        judged_at: When it was last found to be overloaded or silent.
        paused_at: When its last pause for failures began.
        paused_until: When the last pause ends that it asked for, or was given for failures.
        is_offered: Whether it is in the heap of its address.
        is_closed: Whether something must be known of it before its pages are asked for.
        is_placed: Whether its address is known.
        is_remembered: Whether the disk knows something of it.
    """

    __slots__ = (
        "active",
        "active_unproven",
        "address",
        "awaited",
        "failed_lookup",
        "free_at",
        "is_closed",
        "is_offered",
        "is_placed",
        "is_remembered",
        "judged_at",
        "key",
        "name",
        "pace",
        "paused_at",
        "paused_until",
        "queue",
        "robots_requests",
        "was_robots_request",
    )

    def __init__(self, name: str, rule: HostRule, queue: HostQueue) -> None:
        self.name = name
        self.key = host_key(name)
        self.pace = Pace(rule)
        self.address = Address()
        self.queue = queue
        self.robots_requests: deque[Request] | None = None  # an empty one would be half of the memory of a host
        self.was_robots_request = False
        self.active = 0
        self.active_unproven = 0
        self.awaited: Request | None = None
        self.free_at = 0.0
        self.failed_lookup: FailedLookup | None = None
        self.judged_at = float("-inf")
        self.paused_at = 0.0
        self.paused_until = 0.0
        self.is_offered = False
        self.is_closed = False
        self.is_placed = False
        self.is_remembered = False

    def __repr__(self) -> str:
        return f"<Host {self.name} {len(self.queue)} requests, {self.active} active, {self.pace!r}>"

    @property
    def may_be_asked(self) -> bool:
        """Whether it may be asked as soon as its delay is over."""
        if self.awaited is not None or not (self.robots_requests or (len(self.queue) and not self.is_closed)):
            return False
        limit = 1 if self.pace.is_failing else self.pace.rule.connections
        return limit is None or self.active < limit

    # ── a fetch ──

    def begin(self, now: float) -> Request:
        """Take the next request, which uses a connection of the host and of its address until `end`."""
        is_page_due = self.was_robots_request and bool(self.queue) and not self.is_closed
        robots_requests = self.robots_requests
        self.was_robots_request = bool(robots_requests) and not is_page_due
        request = robots_requests.popleft() if robots_requests and not is_page_due else self.queue.pop()
        if self.pace.delay > 0:
            self.awaited = request
        else:
            self.free_at = now  # behind those that have waited longer
        address = self.address
        if address.delay > 0:
            address.awaited = request
        self.active += 1
        address.active += 1
        return request

    def end(self) -> None:
        """Free a connection."""
        self.active -= 1
        self.address.active -= 1

    def awaits(self, request: Request) -> bool:
        """Tell whether a delay counts from the answer to ``request``."""
        return self.awaited is request or self.address.awaited is request

    def goes_on_as(self, request: Request, changed: Request) -> Request:
        """Return ``changed``, and await the answer to it where that to ``request`` is awaited: they are one request."""
        if self.awaited is request:
            self.awaited = changed
        if self.address.awaited is request:
            self.address.awaited = changed
        return changed

    def begin_delay(self, request: Request, now: float, jitter: Callable[[], float]) -> None:
        """Let the delays begin that count from the answer to ``request``."""
        if self.awaited is request:
            self.awaited = None
            self.free_at = max(self.free_at, now + self.pace.delay_by(jitter()))
        address = self.address
        if address.awaited is request:
            address.awaited = None
            address.free_at = now + address.delay

    def drop_delay(self, request: Request) -> None:
        """Wait no longer for the answer to ``request``, as nothing was asked of the host."""
        if self.awaited is request:
            self.awaited = None
        if self.address.awaited is request:
            self.address.awaited = None

    def note(
        self, outcome: Outcome, now: float, seconds: float | None, pause: float, jitter: Callable[[], float]
    ) -> None:
        """Note what came of a fetch that took so many ``seconds``, and the ``pause`` that the host asks for.

        The host is left alone for a while where it asks for that, is overloaded, or keeps failing.
        """
        pace = self.pace
        if seconds is not None and outcome is not Outcome.ANSWERED and now - seconds < self.paused_at:
            outcome = Outcome.UNKNOWN  # what began before a pause does not tell whether the host is back
        if outcome in _TOO_MUCH and seconds is not None:
            if now - seconds < self.judged_at:
                outcome = Outcome.UNKNOWN  # what was in flight together says the same, and says it once
            else:
                self.judged_at = now
        wait = pace.note(outcome, seconds)
        is_overloaded = outcome in _TOO_MUCH
        if not (wait or pause or is_overloaded):
            return
        pause = max(wait, min(pause, pace.rule.max_delay))
        if pause:
            self.paused_until = max(self.paused_until, now + pause)
        if is_overloaded:  # its delay grew, and holds also where others were answered in between
            wait = max(wait, pace.delay_by(jitter()))
        if wait and pace.is_failing:
            self.paused_at = now
        self.free_at = max(self.free_at, now + max(wait, pause))

    # ── what was learnt of it ──

    def interpose(self, request: Request, ready_at: float, *, is_first: bool) -> None:
        """Take in a robots request, before all others or after them; nothing is asked before ``ready_at``."""
        if self.robots_requests is None:
            self.robots_requests = deque()
        if is_first:
            self.robots_requests.appendleft(request)
        else:
            self.robots_requests.append(request)
        self.free_at = max(self.free_at, ready_at)

    def remembered(self, now: float) -> HostRecord | None:
        """Return what the next crawl should know of it; ``None`` where that is nothing."""
        pause = self.free_at if self.free_at > now + self.pace.delay_by(1.0) else 0.0
        known = HostRecord(pause, self.paused_at if self.pace.is_failing else 0.0, self.pace.snapshot())
        return None if known == _NOTHING else known

    def restore(self, known: HostRecord) -> None:
        """Remember what `remembered` returned."""
        self.free_at = max(self.free_at, known.free_at)
        self.paused_at = known.paused_at
        self.paused_until = known.free_at
        self.pace.restore(known.pace)
        self.is_remembered = True

    def is_worth_keeping(self, now: float) -> bool:
        """Tell whether there is something to remember of it."""
        return bool(
            self.queue
            or self.active
            or self.is_closed
            or self.robots_requests
            or max(self.free_at, self.address.free_at) > now
            or self.pace.is_down
            or self.pace.crawl_delay
            or self.queue.reach is not None
        )
