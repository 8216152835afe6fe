"""What hosts do at a moment, and what keeps them waiting: for people who look on."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Literal, TypeAlias, assert_never

from crawler.frontier.host import Host
from crawler.frontier.schedule import Schedule

HostOrder: TypeAlias = Literal["busiest", "waiting", "name"]
"""Which hosts come first: those with the most requests in flight, with the most that wait, or the first by name."""


_NEVER = float("inf")


class WaitsFor(enum.StrEnum):
    """What must happen before another request is sent to a host."""

    NOTHING = "nothing"
    """It may be asked at once: only other hosts, or a pause of the whole crawl, may come first."""
    REQUESTS = "requests"
    """Nothing is known that could be asked for."""
    DISK = "disk"
    """Its next requests are on the disk, and are to be read."""
    RETRY = "retry"
    """All its requests failed, and are tried again at a later time."""
    LOOKUP = "lookup"
    """The address of its name is being looked up."""
    ROBOTS = "robots"
    """Its robots.txt is not known yet."""
    ANSWER = "answer"
    """Its delay, or that of its address, counts from an answer that has not begun."""
    CONNECTION = "connection"
    """All its connections, or those of its address, are in use."""
    DELAY = "delay"
    """Its delay, or that of its address, is not over."""
    PAUSE = "pause"
    """It asked for a pause, or keeps failing."""
    PLACE = "place"
    """It is not prompt, and all places for such hosts are taken."""
    DOWN = "down"
    """It was given up: requests for it fail unasked."""


@dataclass(frozen=True, slots=True)
class HostStatistics:
    """One host at one moment.

    Attributes:
        name: The host, with its port where that is not the scheme's.
        pending: Requests in memory that wait, those that wait for another attempt included.
        has_more: Whether others wait on the disk.
        active: Requests in flight to it, robots.txt included.
        delay: Seconds from an answer to the next request at present, without jitter.
        waits_for: What must happen before another request is sent to it.
        ready_in: Seconds until its delay, its pause or the wait for another attempt ends; ``None`` where something else
            must happen.
    """

    name: str
    pending: int
    has_more: bool
    active: int
    delay: float
    waits_for: WaitsFor
    ready_in: float | None


def statistics_of(schedule: Schedule, limit: int, order: HostOrder, now: float) -> list[HostStatistics]:
    """Return what some hosts do at ``now``, and what they wait for.

    Of 10,000 hosts it takes a few milliseconds: it is for people who look on, not for each request.

    Args:
        schedule: Has the hosts.
        limit: How many of them at most.
        order: Which come first.
        now: The time.
    """
    return [_statistics_of(host, schedule, now) for host in _first_of(schedule, limit, order)]


def _first_of(schedule: Schedule, limit: int, order: HostOrder) -> list[Host]:
    deferred = schedule.deferred

    def waiting(host: Host) -> tuple[bool, int]:
        queue = host.queue
        # Most of the time none is deferred, and to ask for each host would take as long as all else.
        more = deferred.count_of(host.name) if deferred.next_at < _NEVER else 0
        return queue.reach is not None, len(queue) + more

    def busy(host: Host) -> tuple[int, int]:
        return host.active, len(host.queue)

    key: Callable[[Host], Any]
    match order:
        case "busiest":
            take, key = nlargest, busy
        case "waiting":
            take, key = nlargest, waiting
        case "name":
            take, key = nsmallest, _name
        case _:
            assert_never(order)
    return take(limit, schedule.known, key)


def _name(host: Host) -> str:
    return host.name


def _statistics_of(host: Host, schedule: Schedule, now: float) -> HostStatistics:
    waits_for = _waits_for(host, schedule, now)
    match waits_for:
        case WaitsFor.DELAY | WaitsFor.PAUSE:
            ready_at = max(host.free_at, host.address.free_at)
        case WaitsFor.RETRY:
            ready_at = schedule.deferred.next_of(host.name) or now
        case _:
            ready_at = _NEVER
    return HostStatistics(
        name=host.name,
        pending=len(host.queue) + schedule.deferred.count_of(host.name),
        has_more=host.queue.reach is not None,
        active=host.active,
        delay=host.pace.delay,
        waits_for=waits_for,
        ready_in=None if ready_at == _NEVER else max(0.0, ready_at - now),
    )


def _waits_for(host: Host, schedule: Schedule, now: float) -> WaitsFor:
    """Return the first thing that is missing: knowledge of the host, a request, the permission to send it."""
    if host.pace.is_down:
        return WaitsFor.DOWN
    if host.is_closed:
        return WaitsFor.ROBOTS if host.is_placed or not host.pace.rule.minds_address else WaitsFor.LOOKUP
    if not host.queue and not host.robots_requests:
        return _waits_for_requests(host, schedule)
    return _waits_for_leave(host, schedule, now)


def _waits_for_requests(host: Host, schedule: Schedule) -> WaitsFor:
    if host.queue.reach is not None:
        return WaitsFor.DISK
    return WaitsFor.RETRY if schedule.deferred.count_of(host.name) else WaitsFor.REQUESTS


def _waits_for_leave(host: Host, schedule: Schedule, now: float) -> WaitsFor:
    if host.awaited is not None or host.address.awaited is not None:
        return WaitsFor.ANSWER
    address = host.address
    if not host.may_be_asked or (address.connections is not None and address.active >= address.connections):
        return WaitsFor.CONNECTION
    if max(host.free_at, host.address.free_at) > now:
        return WaitsFor.PAUSE if host.paused_until > now else WaitsFor.DELAY
    if not host.pace.is_prompt and not schedule.lanes.others_may_go:
        return WaitsFor.PLACE
    return WaitsFor.NOTHING
