"""The order of fetches: a queue for each host, and heaps of the hosts that may be asked (Mercator, BUbiNG).

```
requests ─► host queue ─► address ─► lane of prompt hosts ─► pop
            (rank)        (hosts     lane of all others
                           by time)
```

Invariant: a host is in the heap of its address ⇔ it is open, has requests and a free connection, and waits for no
answer that its delay counts from. An address is in a lane ⇔ the same holds for it. The keys are the times at which
delays end, so the top of a lane is the next that may be asked, and a host that may not costs nothing.

Pure and synchronous: time is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random

from crawler.frontier.deferred import DeferredRequests
from crawler.frontier.host import Host
from crawler.frontier.known_hosts import KnownHosts
from crawler.frontier.lanes import Lanes
from crawler.models import Request
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule


class Schedule:
    """Requests waiting for their turn. Each call costs O(log hosts + log requests of the host).

    Attributes:
        known: The hosts.
        lanes: Those that may be asked.
        deferred: The requests that wait for a time.
    """

    def __init__(
        self,
        rule_for: Callable[[str], HostRule],
        *,
        places: int | None = None,
        is_newest_first: bool = False,
        jitter: Callable[[], float] = random,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Create an empty schedule.

        Args:
            rule_for: Gives each host (``name:port``) its rule.
            places: Requests that may be in flight at once, half of which hosts that are not prompt may take.
            is_newest_first: Whether of requests of equal rank the newest is first.
            jitter: Returns random numbers in [0, 1), for the jitter of delays.
            changed: Called when `pop` may have something earlier than `next_ready_at` said; see `Frontier`.
        """
        self.known = KnownHosts(rule_for, is_newest_first=is_newest_first)
        self.lanes = Lanes(places)
        self.deferred = DeferredRequests()
        self._jitter = jitter
        self._changed = changed
        self._size = 0

    def __repr__(self) -> str:
        return f"<Schedule {self._size} requests, {len(self.known)} hosts, {len(self.lanes)} ready>"

    def __len__(self) -> int:
        return self._size

    @property
    def hosts(self) -> int:
        """Hosts known at present: those with requests, connections or an unfinished delay."""
        return len(self.known)

    def host(self, request: Request) -> Host:
        """Return the host of ``request``, made when first asked for."""
        return self.known.of(request)

    # ── requests ──

    def push(self, request: Request) -> None:
        """Add a request to its host's queue."""
        self.push_to(self.known.of(request), request)

    def push_to(self, host: Host, request: Request) -> None:
        """Add a request to the queue of ``host``."""
        host.queue.push(request)
        self._size += 1
        if self.lanes.offer(host):
            self._changed()

    def shrink(self, count: int) -> None:
        """Note that ``count`` requests were taken out of the queue of a host, which keeps some."""
        self._size -= count

    def defer(self, request: Request, until: float, *, is_last: bool = False) -> None:
        """Add a request that is not to be fetched before ``until``, and then maybe behind all others of its host."""
        self.deferred.push(request, until, is_last=is_last)
        self._size += 1
        self._changed()

    def pop(self, now: float, *, is_loop_late: bool = False) -> Request | None:
        """Take the next request whose host may be asked at ``now``; its host's connection is in use until `release`.

        Where the caller ``is_loop_late``, what others could be given is better left to prompt hosts.
        """
        lanes = self.lanes
        while self.deferred.next_at <= now:
            self._wake(*self.deferred.pop())
        host = lanes.take(now, is_loop_late=is_loop_late)
        if host is None:
            return None
        request = host.begin(now)
        if not host.was_robots_request:
            self._size -= 1
        lanes.note_begun(host)
        if not lanes.offer(host):
            lanes.offer_address(host.address)
        return request

    def put_back(self, request: Request) -> None:
        """Undo the `pop` of a request that nothing was asked for: its host may be asked at once."""
        host = self.known.of(request)
        host.end()
        host.drop_delay(request)
        host.queue.push_first(request)
        self._size += 1
        self.lanes.note_ended(host)
        if not self.lanes.offer(host):
            self.lanes.offer_address(host.address)

    # ── what hosts answer ──

    def answered(self, request: Request, now: float, seconds: float) -> None:
        """Note that the answer to ``request`` begins, after so many ``seconds``; a delay may count from it."""
        host = self.known.of(request)
        host.pace.note_latency(seconds)
        if host.awaits(request):
            host.begin_delay(request, now, self._jitter)
            self._offer(host)

    def release(
        self,
        request: Request,
        now: float,
        outcome: Outcome = Outcome.ANSWERED,
        *,
        seconds: float | None = None,
        pause: float = 0.0,
    ) -> None:
        """Free the connection that ``request`` used.

        Args:
            request: One that was popped.
            now: The time.
            outcome: What came of it.
            seconds: How long it took, where it was for a page.
            pause: Seconds for which the host asks to be left alone.
        """
        host, lanes = self.known.of(request), self.lanes
        host.end()
        lanes.note_ended(host)
        was_prompt = host.pace.is_prompt
        host.note(outcome, now, seconds, pause, self._jitter)
        if host.pace.is_prompt is not was_prompt:
            lanes.note_change(host)
        if outcome is Outcome.UNKNOWN:
            host.drop_delay(request)
        else:
            host.begin_delay(request, now, self._jitter)
        if host.pace.is_down:  # nothing is asked of it any more: what waits for it may fail at once
            host.free_at = 0.0
        if not lanes.offer(host):
            lanes.offer_address(host.address)
        if self.known.are_many:
            for forgotten in self.known.forget_idle(now, self.deferred.count_of):
                lanes.note_forgotten(forgotten)
        self._changed()  # also where this host is not the one: there may be a place for another

    # ── what must be known of a host before it is asked ──

    def close(self, request: Request) -> None:
        """Offer nothing of the host of ``request`` until `open`: something must be known of it first."""
        self.known.of(request).is_closed = True

    def open(self, request: Request) -> None:
        """Offer the requests of the host of ``request`` again."""
        host = self.known.of(request)
        host.is_closed = False
        self._offer(host)

    def interpose(self, request: Request, ready_at: float = 0.0, *, is_for_other_host: bool = False) -> None:
        """Have ``request`` popped before all others of its host, also while that is closed.

        It is not popped before ``ready_at``; nor is anything else of its host. One that ``is_for_other_host`` comes
        after those of the host itself, and alternates with its other requests: any number of hosts may redirect to one.
        """
        host = self.known.of(request)
        host.interpose(request, ready_at, is_first=not is_for_other_host)
        self._offer(host)

    def slow_down(self, request: Request, delay: float, now: float) -> None:
        """Give the host of ``request``, which answered at ``now``, the ``delay`` that its robots.txt asks for.

        It may have two, one by http and one by https: the longer delay counts.
        """
        host = self.known.of(request)
        host.pace.crawl_delay = max(host.pace.crawl_delay, delay)
        host.free_at = max(host.free_at, now + host.pace.delay_by(self._jitter()))

    def set_rule(self, name: str, rule: HostRule) -> None:
        """Treat the host ``name`` by ``rule`` from its next fetch on."""
        host = self.known.get(name)
        if host is not None:  # else it is asked for its rule when it is met
            host.pace.rule = rule
            self._offer(host)

    def place(self, request: Request, address: str) -> None:
        """Note which address the host of ``request`` has: hosts on one address share its connections and delay."""
        host = self.known.of(request)
        host.is_placed = True
        if not host.pace.rule.minds_address or host.address.name == address:
            return
        self.lanes.withdraw(host)  # the address that it leaves was its own
        self.known.move(host, address)
        self._offer(host)

    # ── who is next ──

    @property
    def next_ready_at(self) -> float | None:
        """When `pop` will next have something; ``None`` while that depends on another call."""
        ready_at = min(self.lanes.next_ready_at, self.deferred.next_at)
        return None if ready_at == float("inf") else ready_at

    @property
    def next_host(self) -> str:
        """The host that is asked next; empty when none is ready or waiting for its delay."""
        return self.lanes.next_host

    @property
    def waits_for_retries(self) -> bool:
        """Whether the only requests that wait are those that failed and wait to be tried again."""
        return 0 < self._size == len(self.deferred)

    def _offer(self, host: Host) -> None:
        """Offer ``host`` and its address, and say so where one of them may be asked earlier than before."""
        if self.lanes.offer(host) or self.lanes.offer_address(host.address):
            self._changed()

    def _wake(self, request: Request, is_last: bool) -> None:
        """Add a request whose time has come to its host's queue."""
        host = self.known.of(request)
        (host.queue.push_last if is_last else host.queue.push)(request)
        self.lanes.offer(host)
