"""The order of fetches: a queue for each host, and a heap of the hosts that may be asked (Mercator, BUbiNG).

Invariant: a host is in the heap ⇔ it has requests and a free connection. Its key there is the time at which its
politeness delay ends, so the top of the heap is the next host that may be asked, and a host that may not costs nothing.
Pure and synchronous: time is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.url import host_of


class _Host:
    """One host's queue (a heap by priority, depth, age), its connections in use and the end of its delay."""

    __slots__ = ("active", "free_at", "name", "queue", "rule", "scheduled")

    def __init__(self, name: str, rule: HostRule) -> None:
        self.name = name
        self.rule = rule
        self.queue: list[tuple[int, int, int, Request]] = []
        self.active = 0
        self.free_at = 0.0
        self.scheduled = False

    @property
    def has_free_connection(self) -> bool:
        return self.rule.connections is None or self.active < self.rule.connections


class Schedule:
    """Requests waiting for their turn. Each call costs O(log hosts + log requests of the host)."""

    def __init__(self, rule_for: Callable[[str], HostRule]) -> None:
        """Create an empty schedule; ``rule_for`` gives each host (``name:port``) its rule."""
        self._rule_for = rule_for
        self._hosts: dict[str, _Host] = {}
        self._ready: list[tuple[float, int, _Host]] = []
        self._deferred: list[tuple[float, int, Request]] = []
        self._sequence = 0
        self._size = 0
        self._sweep_at = 1024  # hosts at which idle ones are forgotten; doubles with what remains

    def __repr__(self) -> str:
        return f"<Schedule {self._size} requests, {len(self._hosts)} hosts, {len(self._ready)} ready>"

    def __len__(self) -> int:
        return self._size

    @property
    def hosts(self) -> int:
        """Hosts known at present: those with requests, connections or an unfinished delay."""
        return len(self._hosts)

    def push(self, request: Request) -> None:
        """Add a request to its host's queue."""
        host = self._host(request)
        heappush(host.queue, (-request.priority, request.depth, self._next(), request))
        self._size += 1
        self._offer(host)

    def defer(self, request: Request, until: float) -> None:
        """Add a request that is not to be fetched before ``until``."""
        heappush(self._deferred, (until, self._next(), request))
        self._size += 1

    def pop(self, now: float) -> Request | None:
        """Take the next request whose host may be asked at ``now``; its host's connection is in use until `release`."""
        self._wake_deferred(now)
        if not self._ready or self._ready[0][0] > now:
            return None
        host = heappop(self._ready)[2]
        host.scheduled = False
        host.active += 1
        host.free_at = now + host.rule.delay
        request = heappop(host.queue)[-1]
        self._size -= 1
        self._offer(host)
        return request

    def release(self, request: Request, now: float) -> None:
        """Free the connection that ``request`` used."""
        host = self._host(request)
        host.active -= 1
        self._offer(host)
        if len(self._hosts) > self._sweep_at:
            self._forget_idle(now)

    @property
    def next_ready_at(self) -> float | None:
        """When `pop` will next have something; ``None`` while that depends on a `push` or `release`."""
        times = [heap[0][0] for heap in (self._ready, self._deferred) if heap]
        return min(times, default=None)

    @property
    def next_host(self) -> str:
        """The host that is asked next; empty when none is ready or waiting for its delay."""
        return self._ready[0][2].name if self._ready else ""

    @property
    def waits_for_retries(self) -> bool:
        """Whether the only requests that wait are those that failed and wait to be tried again."""
        return 0 < self._size == len(self._deferred)

    def _offer(self, host: _Host) -> None:
        if host.queue and host.has_free_connection and not host.scheduled:
            host.scheduled = True
            heappush(self._ready, (host.free_at, self._next(), host))

    def _wake_deferred(self, now: float) -> None:
        while self._deferred and self._deferred[0][0] <= now:
            self._size -= 1
            self.push(heappop(self._deferred)[2])

    def _forget_idle(self, now: float) -> None:
        """Drop hosts with nothing to remember, so that a crawl of the whole web does not keep each host it ever saw."""
        self._hosts = {
            name: host for name, host in self._hosts.items() if host.queue or host.active or host.free_at > now
        }
        self._sweep_at = max(1024, 2 * len(self._hosts))

    def _host(self, request: Request) -> _Host:
        name = host_of(request.url)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(name, self._rule_for(name))
        return host

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
