"""The order of fetches: a queue for each host, and heaps of the hosts that may be asked (Mercator, BUbiNG).

```
requests ─► host queue ─► address ─► lane of prompt hosts ─► pop
            (rank)        (hosts     lane of all others
                           by time)
```

Invariant: a host is in the heap of its address ⇔ it is open, has requests and a free connection, and waits for no
answer that its delay counts from. An address is in a lane ⇔ the same holds for it. The keys are the times at which
delays end, so the top of a lane is the next that may be asked, and a host that may not costs nothing.

**Lanes.** A host that has shown itself to be prompt does not wait for those that have not. While both kinds are ready
the others get one turn in sixty-four, as a new host costs a connection and its robots.txt; where the event loop is
late, also while no prompt host is ready but some are being asked. And they get half of the places: ten thousand hosts
that trickle bytes leave the other half to the ten that do not.

Pure and synchronous: time is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import random

from crawler.frontier.host import Address, Host
from crawler.models import Request
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule
from crawler.url import host_of

_PROMPT, _OTHERS = 0, 1
_TURNS = 64  # of which one is for hosts that are not prompt, while both kinds are ready; arbitrary. See `Schedule`


class Schedule:
    """Requests waiting for their turn. Each call costs O(log hosts + log requests of the host)."""

    def __init__(
        self,
        rule_for: Callable[[str], HostRule],
        *,
        places: int | None = None,
        is_newest_first: bool = False,
        jitter: Callable[[], float] = random,
    ) -> None:
        """Create an empty schedule.

        Args:
            rule_for: Gives each host (``name:port``) its rule.
            places: Requests that may be in flight at once, half of which hosts that are not prompt may take.
            is_newest_first: Whether of requests of equal rank the newest is first.
            jitter: Returns random numbers in [0, 1), for the jitter of delays.
        """
        self._rule_for = rule_for
        self._others_places = None if places is None else (places + 1) // 2
        self._sign = -1 if is_newest_first else 1
        self._jitter = jitter
        self._hosts: dict[str, Host] = {}
        self._addresses: dict[str, Address] = {}
        self._lanes: tuple[list[tuple[float, int, Address]], ...] = ([], [])
        self._deferred: list[tuple[float, int, Request]] = []
        self._sequence = 0
        self._size = 0
        self._prompt_hosts = 0
        self._unproven_active = 0
        self._executor = 0  # of prompt hosts since the last of the others
        self._active = 0
        self._sweep_at = 1024  # hosts at which idle ones are forgotten; doubles with what remains

    def __repr__(self) -> str:
        ready = sum(len(lane) for lane in self._lanes)
        return f"<Schedule {self._size} requests, {len(self._hosts)} hosts, {ready} ready>"

    def __len__(self) -> int:
        return self._size

    @property
    def hosts(self) -> int:
        """Hosts known at present: those with requests, connections or an unfinished delay."""
        return len(self._hosts)

    def push(self, request: Request) -> None:
        """Add a request to its host's queue."""
        host = self.host(request)
        heappush(host.queue, (request.rank, self._sign * request.serial, self._next(), request))
        self._size += 1
        self._offer(host)

    def shrink(self, count: int) -> None:
        """Note that ``count`` requests were taken out of the queue of a host, which keeps some."""
        self._size -= count

    def defer(self, request: Request, until: float) -> None:
        """Add a request that is not to be fetched before ``until``."""
        heappush(self._deferred, (until, self._next(), request))
        self._size += 1

    def pop(self, now: float, *, is_loop_late: bool = False) -> Request | None:
        """Take the next request whose host may be asked at ``now``; its host's connection is in use until `release`.

        Where the caller ``is_loop_late``, what others could be given is better left to prompt hosts.
        """
        self._wake_deferred(now)
        lane = self._lane_at(now, is_loop_late)
        if lane is None:
            return None
        address = heappop(self._lanes[lane])[2]
        address.offered_at = None
        host = heappop(address.hosts)[2]
        host.scheduled = False
        return self._take(host, now)

    def answered(self, request: Request, now: float, seconds: float) -> bool:
        """Note that the answer to ``request`` begins, after so many ``seconds``; tell whether a delay does, too."""
        host = self.host(request)
        host.pace.note_latency(seconds)
        if host.awaited is not request and host.address.awaited is not request:
            return False
        self._end_wait(request, host, now)
        self._offer(host)
        return True

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
        host = self.host(request)
        self._free(host)
        # What began before a pause says nothing of whether the host is back.
        is_late = seconds is not None and now - seconds < host.paused_at and outcome is not Outcome.ANSWERED
        noted = self._note(host, Outcome.UNKNOWN if is_late else outcome, seconds)
        wait = max(min(pause, host.pace.rule.max_delay), noted)
        if noted and host.pace.is_failing:
            host.paused_at = now
        self._end_wait(request, host, now, is_void=outcome is Outcome.UNKNOWN)
        if wait:
            host.free_at = max(host.free_at, now + wait)
        if host.pace.is_down:  # nothing is asked of it any more: what waits for it may fail at once
            host.free_at = 0.0
        self._offer(host)
        if len(self._hosts) > self._sweep_at:
            self._forget_idle(now)

    def put_back(self, request: Request) -> None:
        """Undo the `pop` of a request that nothing was asked for: its host may be asked at once."""
        host = self.host(request)
        self._free(host)
        self._end_wait(request, host, 0.0, is_void=True)
        # Before those after it.
        heappush(host.queue, (request.rank, self._sign * request.serial, -self._next(), request))
        self._size += 1
        self._offer(host)

    def close(self, request: Request) -> None:
        """Offer nothing of the host of ``request`` until `open`: something must be known of it first."""
        self.host(request).closed = True

    def open(self, request: Request) -> None:
        """Offer the requests of the host of ``request`` again."""
        host = self.host(request)
        host.closed = False
        self._offer(host)

    def interpose(self, request: Request, ready_at: float = 0.0, *, is_for_other_host: bool = False) -> None:
        """Have ``request`` popped before all others of its host, also while that is closed.

        It is not popped before ``ready_at``; nor is anything else of its host. One that ``is_for_other_host`` comes
        after those of the host itself, and alternates with its other requests: any number of hosts may redirect to one.
        """
        host = self.host(request)
        if is_for_other_host:
            host.robots_requests.append(request)
        else:
            host.robots_requests.appendleft(request)
        host.free_at = max(host.free_at, ready_at)
        self._offer(host)

    def slow_down(self, request: Request, delay: float, now: float) -> None:
        """Give the host of ``request``, which answered at ``now``, the ``delay`` that its robots.txt asks for.

        It may have two, one by http and one by https: the longer delay counts.
        """
        host = self.host(request)
        host.pace.crawl_delay = max(host.pace.crawl_delay, delay)
        host.free_at = max(host.free_at, now + host.pace.delay_by(self._jitter()))

    def place(self, request: Request, address: str) -> None:
        """Note which address the host of ``request`` has: hosts on one address share its connections and delay."""
        host = self.host(request)
        rule = host.pace.rule
        host.is_placed = True
        if not rule.minds_address or host.address.name == address:
            return
        if host.scheduled:  # the address that it leaves was its own
            host.address.hosts.clear()
            host.scheduled = False
        shared = self._addresses.get(address)
        if shared is None:
            shared = self._addresses[address] = Address(address, rule.address_delay, rule.address_connections)
        shared.active += host.active
        host.address = shared
        self._offer(host)

    @property
    def next_ready_at(self) -> float | None:
        """When `pop` will next have something; ``None`` while that depends on another call."""
        self._clean_lanes()
        prompt, others = self._lanes
        heaps = (prompt, others if self._others_may_go else [], self._deferred)
        return min([heap[0][0] for heap in heaps if heap], default=None)

    @property
    def next_host(self) -> str:
        """The host that is asked next; empty when none is ready or waiting for its delay."""
        self._clean_lanes()
        prompt, others = self._lanes
        tops = [lane[0] for lane in (prompt, others if self._others_may_go else []) if lane]
        return min(tops)[2].hosts[0][2].name if tops else ""

    @property
    def waits_for_retries(self) -> bool:
        """Whether the only requests that wait are those that failed and wait to be tried again."""
        return 0 < self._size == len(self._deferred)

    def host(self, request: Request) -> Host:
        """Return the host of ``request``, made when first asked for."""
        return self.host_named(host_of(request.url))

    def host_named(self, name: str) -> Host:
        """Return the host ``name``, made when first asked for."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, self._rule_for(name))
        return host

    # ── the heaps ──

    def _take(self, host: Host, now: float) -> Request:
        address = host.address
        request = self._next_of(host)
        if host.pace.delay > 0:
            host.awaited = request
        else:
            host.free_at = now  # behind those that have waited longer
        if address.delay > 0:
            address.awaited = request
        host.active += 1
        address.active += 1
        self._active += 1
        self._executor = self._executor + 1 if host.pace.is_prompt else 0
        if not host.pace.is_prompt:
            host.active_unproven += 1
            self._unproven_active += 1
        self._offer(host)
        self._offer_address(address)
        return request

    def _next_of(self, host: Host) -> Request:
        is_turn_of_others = host.was_robots_request and bool(host.queue) and not host.closed
        host.was_robots_request = bool(host.robots_requests) and not is_turn_of_others
        if host.was_robots_request:
            return host.robots_requests.popleft()
        self._size -= 1
        return heappop(host.queue)[-1]

    def _note(self, host: Host, outcome: Outcome, seconds: float | None) -> float:
        """Note what came of a fetch; return the seconds for which the host is to be left alone."""
        pace = host.pace
        was_prompt = pace.is_prompt
        wait = pace.note(outcome, seconds)
        if outcome is Outcome.OVERLOADED:  # its delay grew, and holds also where others were answered in between
            wait = max(wait, pace.delay_by(self._jitter()))
        self._prompt_hosts += pace.is_prompt - was_prompt
        if pace.is_prompt and not was_prompt and host.address.offered_at is not None:
            # It waits in the other lane, where it may be in for a long wait. What is left there is out of date.
            heappush(self._lanes[_PROMPT], (host.address.offered_at, self._next(), host.address))
        return wait

    def _end_wait(self, request: Request, host: Host, now: float, *, is_void: bool = False) -> None:
        """Let the delays begin that wait for the answer to ``request``; end them where nothing was asked."""
        if host.awaited is request:
            host.awaited = None
            if not is_void:
                host.free_at = max(host.free_at, now + host.pace.delay_by(self._jitter()))
        address = host.address
        if address.awaited is request:
            address.awaited = None
            if not is_void:
                address.free_at = now + address.delay
            self._offer_address(address)

    def _free(self, host: Host) -> None:
        host.active -= 1
        host.address.active -= 1
        self._active -= 1
        if host.active_unproven:
            host.active_unproven -= 1
            self._unproven_active -= 1
        self._offer_address(host.address)

    def _offer(self, host: Host) -> None:
        if host.may_be_asked and not host.scheduled:
            host.scheduled = True
            heappush(host.address.hosts, (host.free_at, self._next(), host))
            self._offer_address(host.address)

    def _offer_address(self, address: Address) -> None:
        if not address.may_be_asked:
            return
        ready_at, _, host = address.hosts[0]
        ready_at = max(ready_at, address.free_at)
        if address.offered_at is None or ready_at < address.offered_at:
            address.offered_at = ready_at
            lane = _PROMPT if host.pace.is_prompt else _OTHERS
            heappush(self._lanes[lane], (ready_at, self._next(), address))

    def _lane_at(self, now: float, is_loop_late: bool) -> int | None:
        """Return the lane whose turn is at ``now``; ``None`` where nobody may be asked."""
        self._clean_lanes()
        prompt, others = self._lanes
        prompt_is_ready = bool(prompt) and prompt[0][0] <= now
        if not (others and others[0][0] <= now and self._others_may_go):
            return _PROMPT if prompt_is_ready else None
        is_their_turn = self._executor >= _TURNS - 1
        if prompt_is_ready and not is_their_turn:
            return _PROMPT
        # What prompt hosts answer will wake the caller again.
        return _OTHERS if is_their_turn or not is_loop_late or self._unproven_active == self._active else None

    def _clean_lanes(self) -> None:
        """Take out of the tops of the lanes what is out of date."""
        for lane in self._lanes:
            while lane and not self._is_current(lane[0]):
                heappop(lane)

    def _is_current(self, entry: tuple[float, int, Address]) -> bool:
        """Tell whether an entry of a lane says what is true now; the address gets another where it does not."""
        offered_at, _, address = entry
        if address.offered_at != offered_at:
            return False
        self._look_at_next_host(address)
        if address.may_be_asked and max(address.hosts[0][0], address.free_at) <= offered_at:
            return True
        address.offered_at = None
        self._offer_address(address)
        return False

    def _look_at_next_host(self, address: Address) -> None:
        """Take hosts out of the heap of ``address`` that were closed or given a pause since they came into it."""
        while address.hosts:
            ready_at, _, host = address.hosts[0]
            if host.may_be_asked and host.free_at <= ready_at:
                return
            heappop(address.hosts)
            host.scheduled = False
            self._offer(host)

    @property
    def _others_may_go(self) -> bool:
        places = self._others_places
        return places is None or not self._prompt_hosts or self._unproven_active < places

    def _wake_deferred(self, now: float) -> None:
        while self._deferred and self._deferred[0][0] <= now:
            self._size -= 1
            self.push(heappop(self._deferred)[2])

    def _forget_idle(self, now: float) -> None:
        """Drop hosts with nothing to remember, so that a crawl of the whole web does not keep each host it ever saw."""
        self._hosts = {name: host for name, host in self._hosts.items() if host.is_worth_keeping(now)}
        self._prompt_hosts = sum(host.pace.is_prompt for host in self._hosts.values())
        kept = {host.address.name for host in self._hosts.values()}
        self._addresses = {name: each for name, each in self._addresses.items() if name in kept}
        self._sweep_at = max(1024, 2 * len(self._hosts))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
