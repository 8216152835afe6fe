"""A host and its queue, and the address that it shares with others."""

from __future__ import annotations

from collections import deque

from crawler.models import Request
from crawler.policy.pace import Pace
from crawler.policy.politeness import HostRule
from crawler.state.host_record import HostRecord, host_key


class Address:
    """An IP address, or a host whose address does not matter, which has one to itself.

    Attributes:
        hosts: A heap of its hosts that may be asked, by time.
        active: Requests in flight to it.
        awaited: The request whose answer its delay will count from.
        free_at: When its delay ends.
        offered_at: Its key in a lane of the schedule; ``None`` where it is in none.
    """

    __slots__ = ("active", "awaited", "connections", "delay", "free_at", "hosts", "name", "offered_at")

    def __init__(self, name: str = "", delay: float = 0.0, connections: int | None = None) -> None:
        self.name = name
        self.delay = delay
        self.connections = connections
        self.hosts: list[tuple[float, int, Host]] = []
        self.active = 0
        self.awaited: Request | None = None
        self.free_at = 0.0
        self.offered_at: float | None = None

    def __repr__(self) -> str:
        return f"<Address {self.name or 'of one host'} {len(self.hosts)} hosts ready, {self.active} active>"

    @property
    def may_be_asked(self) -> bool:
        """Whether one of its hosts has its turn as soon as the delays are over."""
        if not self.hosts or self.awaited is not None:
            return False
        return self.connections is None or self.active < self.connections


_NOTHING = HostRecord()


class Host:
    """One host's queue, its connections in use and the end of its delay.

    Attributes:
        key: The number by which the disk knows it, of 63 bits.
        queue: A heap of requests by rank and age.
        robots_requests: What is fetched before all of them, also while it is closed; those of other hosts alternate
            with the queue.
        was_robots_request: Whether the last that was taken was one.
        active: Requests in flight to it.
        active_unproven: How many of them began before it had shown itself to be prompt.
        awaited: The request whose answer its delay will count from.
        free_at: When its delay ends.
        paused_at: When its last pause for failures began.
        scheduled: Whether it is in the heap of its address.
        closed: Whether something must be known of it before more is asked of it than its errands.
        is_placed: Whether its address is known.
        reach: Where the part of its queue that is in memory ends; ``None`` where that is all of it.
        is_refilling: Whether the next part is being read.
        reading: The number of that reading, or of the last one.
        late: What was found meanwhile, behind the reach.
        is_remembered: Whether the disk knows something of it.
    """

    __slots__ = (
        "active",
        "active_unproven",
        "address",
        "awaited",
        "closed",
        "free_at",
        "is_placed",
        "is_refilling",
        "is_remembered",
        "key",
        "late",
        "name",
        "pace",
        "paused_at",
        "queue",
        "reach",
        "reading",
        "robots_requests",
        "scheduled",
        "was_robots_request",
    )

    def __init__(self, name: str, rule: HostRule) -> None:
        self.name = name
        self.key = host_key(name)
        self.pace = Pace(rule)
        self.address = Address()
        self.queue: list[tuple[float, int, int, Request]] = []
        self.robots_requests: deque[Request] = deque()
        self.was_robots_request = False
        self.active = 0
        self.active_unproven = 0
        self.awaited: Request | None = None
        self.free_at = 0.0
        self.paused_at = 0.0
        self.scheduled = False
        self.closed = False
        self.is_placed = False
        self.reach: tuple[float, int] | None = None
        self.is_refilling = False
        self.reading = 0
        self.late: list[Request] = []
        self.is_remembered = False

    def __repr__(self) -> str:
        return f"<Host {self.name} {len(self.queue)} requests, {self.active} active, {self.pace!r}>"

    @property
    def may_be_asked(self) -> bool:
        """Whether it has its turn as soon as its delay is over."""
        if self.awaited is not None or not (self.robots_requests or (self.queue and not self.closed)):
            return False
        limit = 1 if self.pace.is_failing else self.pace.rule.connections
        return limit is None or self.active < limit

    def remembered(self, now: float) -> HostRecord | None:
        """Return what the next crawl should know of it; ``None`` where that is nothing."""
        pause = self.free_at if self.free_at > now + self.pace.delay_by(1.0) else 0.0
        kept = HostRecord(pause, self.paused_at if self.pace.is_failing else 0.0, self.pace.snapshot())
        return None if kept == _NOTHING else kept

    def restore(self, kept: HostRecord) -> None:
        """Remember what `remembered` returned."""
        self.free_at = max(self.free_at, kept.free_at)
        self.paused_at = kept.paused_at
        self.pace.restore(kept.pace)
        self.is_remembered = True

    def is_worth_keeping(self, now: float) -> bool:
        """Tell whether there is something to remember of it."""
        return bool(
            self.queue
            or self.active
            or self.closed
            or self.robots_requests
            or max(self.free_at, self.address.free_at) > now
            or self.pace.is_down
            or self.pace.crawl_delay
            or self.reach is not None
        )
