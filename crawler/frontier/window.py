"""How many of the pending requests are in memory, over all hosts; the others wait on the disk alone.

There is one bound for all hosts, and one for each, so that a slow host with a million pages leaves memory to the
others. Where the queue of a host runs low its next part is read; where better requests have made it long, its worst
are dropped. What a queue keeps, and where that part of it ends, is the business of `HostQueue`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from crawler.frontier.host import Host
from crawler.frontier.host_queue import BEFORE_ALL, Key
from crawler.frontier.schedule import Schedule
from crawler.models import Request

_SHARE = 8  # of the window that one host may have; arbitrary
_LEAST = 16  # requests of a host in memory, however many hosts there are; arbitrary
_AT_ONCE = 1000  # requests of a host that are read at once, at most: to queue them takes the event loop 3 ms


class Part(NamedTuple):
    """A part of the queue of a host that is to be read from the disk.

    Attributes:
        host: The host.
        reach: The place behind which it begins.
        limit: How many requests at most.
        reading: The number of the reading: it is void where the queue began another one, or none, meanwhile.
    """

    host: Host
    reach: Key
    limit: int
    reading: int


class Window:
    """Keeps about ``size`` requests in memory; without a size all of them, and nothing is on the disk."""

    def __init__(self, schedule: Schedule, size: int | None = None, ran_low: Callable[[], None] = lambda: None) -> None:
        """Create the window of an empty frontier.

        Args:
            schedule: Has the hosts, and what is in memory.
            size: Requests in memory, beside a few of each host.
            ran_low: Called when a fetch leaves a queue so short that more of it should be read.
        """
        self._schedule = schedule
        self._size = size
        self._ran_low = ran_low
        self._low: deque[Host] = deque()
        self._taken: set[int] = set()  # serials of what was acquired, and is in memory whatever the window says
        self._readings = 0  # under way
        self._ended: set[int] = set()  # serials of what ended meanwhile, and may yet be read as pending

    def __repr__(self) -> str:
        return f"<Window of {self._size} requests, {len(self._low)} hosts run low>"

    # ── what the frontier tells it ──

    def hold(self, host: Host, request: Request) -> None:
        """Keep a new request of ``host`` in memory, where it belongs there."""
        if self._size is None:
            self._schedule.push_to(host, request)
        elif host.queue.admits(request, self._share()):
            self._schedule.push_to(host, request)
            self._shrink(host)

    def note_taken(self, request: Request) -> None:
        """Note that ``request`` was acquired; its host may run low now."""
        if self._size is None:
            return
        self._taken.add(request.serial)
        host = self._schedule.host(request)
        if host.queue.runs_low(self._share()):
            self._ask_for(host)
            self._ran_low()

    def note_ended(self, request: Request) -> None:
        """Note that ``request`` has come to its end."""
        self._taken.discard(request.serial)
        if self._readings:
            self._ended.add(request.serial)

    # ── what is read from the disk ──

    def expect(self, name: str, now: float) -> None:
        """Take note that the host ``name`` has requests on the disk of which none is in memory.

        It may have been asked for something at any time until ``now``, of which nothing is known: its delay begins.
        """
        host = self._schedule.known.named(name)
        host.free_at = max(host.free_at, now + host.pace.delay)
        host.queue.forget()
        self._ask_for(host)

    @property
    def is_low(self) -> bool:
        """Whether there are hosts of which more should be read."""
        return bool(self._low)

    def wanted(self, most: int) -> list[Part]:
        """Return what should be read, of so many hosts at most; `extend` is to be called with each part."""
        held, parts = len(self._schedule), list[Part]()
        while self._low and len(parts) < most:
            host = self._low.popleft()
            queue = host.queue
            if queue.is_reading:
                count = max(_LEAST, min(_AT_ONCE, self._share(held) - len(queue)))
                held += count  # what is read of one host leaves less for the next
                parts.append(Part(host, queue.reach or BEFORE_ALL, count, queue.reading))
        self._readings += len(parts)
        return parts

    def extend(self, part: Part, requests: Sequence[tuple[Request, float]]) -> None:
        """Take in what was read: in the order of the queue, each with the time before which it is not to be fetched."""
        if part.host.queue.expects(part.reading):
            self._take_in(part.host, requests, is_last=len(requests) < part.limit)
        self._readings -= 1
        if not self._readings:
            self._ended.clear()

    def _take_in(self, host: Host, requests: Sequence[tuple[Request, float]], *, is_last: bool) -> None:
        queue, schedule = host.queue, self._schedule
        late = queue.end_reading((each for each, _ in requests), None if is_last else queue.key_of(requests[-1][0]))
        new = [each for each in requests if each[0].serial not in self._taken and each[0].serial not in self._ended]
        for request, ready_at in new:
            if ready_at:
                self._taken.add(request.serial)
                schedule.defer(request, ready_at)
            else:
                schedule.push_to(host, request)
        for request in late:
            schedule.push_to(host, request)
        self._shrink(host)
        # What is in flight, or waits for another attempt, will not ask for more when the queue itself has nothing.
        if not queue.entries and queue.reach is not None and (not new or self._has_space):
            self._ask_for(host)

    # ── how much may be in memory ──

    @property
    def _has_space(self) -> bool:
        return self._size is None or len(self._schedule) < self._size

    def _share(self, held: int | None = None) -> int:
        """Return how many requests a host may have in memory, where so many are ``held`` there of all hosts."""
        size, held = self._size or 0, len(self._schedule) if held is None else held
        return max(_LEAST, size // _SHARE) if held < size else _LEAST

    def _ask_for(self, host: Host) -> None:
        """Have the next part of the queue of ``host`` read."""
        host.queue.begin_reading()
        self._low.append(host)

    def _shrink(self, host: Host) -> None:
        """Drop from memory what the queue of ``host`` has too much of there."""
        dropped = host.queue.drop_worst(self._share())
        if dropped:
            self._schedule.shrink(len(dropped))
            self._taken.difference_update(each.serial for each in dropped)
