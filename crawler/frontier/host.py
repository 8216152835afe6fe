"""A host and its queue, and the address that it shares with others."""

from __future__ import annotations

from collections import deque

from crawler.models import Request
from crawler.policy.pace import Pace
from crawler.policy.politeness import HostRule


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


class Host:
    """One host's queue, its connections in use and the end of its delay.

    Attributes:
        queue: A heap of requests by priority, depth and age.
        errands: What is to be fetched before all of them, also while it is closed; guests' take turns with the queue.
        was_errand: Whether the last that was taken was one.
        active: Requests in flight to it.
        active_unproven: How many of them began before it had shown itself to be prompt.
        awaited: The request whose answer its delay will count from.
        free_at: When its delay ends.
        paused_at: When its last pause for failures began.
        scheduled: Whether it is in the heap of its address.
        closed: Whether something must be known of it before more is asked of it than its errands.
        is_placed: Whether its address is known.
    """

    __slots__ = (
        "active",
        "active_unproven",
        "address",
        "awaited",
        "closed",
        "errands",
        "free_at",
        "is_placed",
        "name",
        "pace",
        "paused_at",
        "queue",
        "scheduled",
        "was_errand",
    )

    def __init__(self, name: str, rule: HostRule) -> None:
        self.name = name
        self.pace = Pace(rule)
        self.address = Address()
        self.queue: list[tuple[int, int, int, Request]] = []
        self.errands: deque[Request] = deque()
        self.was_errand = False
        self.active = 0
        self.active_unproven = 0
        self.awaited: Request | None = None
        self.free_at = 0.0
        self.paused_at = 0.0
        self.scheduled = False
        self.closed = False
        self.is_placed = False

    def __repr__(self) -> str:
        return f"<Host {self.name} {len(self.queue)} requests, {self.active} active, {self.pace!r}>"

    @property
    def may_be_asked(self) -> bool:
        """Whether it has its turn as soon as its delay is over."""
        if self.awaited is not None or not (self.errands or (self.queue and not self.closed)):
            return False
        limit = 1 if self.pace.is_failing else self.pace.rule.connections
        return limit is None or self.active < limit

    def is_worth_keeping(self, now: float) -> bool:
        """Tell whether there is something to remember of it."""
        return bool(
            self.queue
            or self.active
            or self.closed
            or self.errands
            or max(self.free_at, self.address.free_at) > now
            or self.pace.is_down
            or self.pace.crawl_delay
        )
