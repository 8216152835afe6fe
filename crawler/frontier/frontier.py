"""The frontier: what was discovered, in which state it is, and what is fetched next.

```
add ─► discovered? ─► state counts ─► window ─► schedule ─► acquire ─► release ─► finish
       (seen-set)     (ledger)        (memory   (hosts by               (the host  (the request
                                      or disk)   time)                   is free)   is closed)
```

Each part is a class of its own; the frontier keeps them in step, and notes what changes in a journal.

**When `changed` is called.** When a request may be fetched that `acquire` did not have, or earlier than
`next_ready_at` said:

- by `add`, `give_back`, `answered`, `open`, `interpose`, `set_rule`, `place` and `Window.extend`, where they
  let a host be asked that could not be, or let one be asked earlier;
- by `retry`, and by `Window.extend` for each request that waits for a time;
- by each `release`, as it leaves a place to any host.

And when the last request in flight ends, as the crawl may be over. Not by `acquire`, nor by `put_back`: who
acquires goes on with it. Calls may come in bursts and in the middle of a change: the receiver notes that there was
one, and looks at the frontier later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from crawler.errors import FetchTimeoutError
from crawler.frontier.discovered import Discovered
from crawler.frontier.host import Host
from crawler.frontier.host_statistics import HostOrder, HostStatistics, statistics_of
from crawler.frontier.redirects import Redirects
from crawler.frontier.schedule import Schedule
from crawler.frontier.shortest_ways import ShortestWays
from crawler.frontier.state_counts import StateCounts
from crawler.frontier.window import Window
from crawler.models import Failure, Ledger, Refusal, Request, State
from crawler.policy.order import Ranking
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule
from crawler.state.host_record import HostRecord
from crawler.state.journal import Journal
from crawler.state.null_record import NullJournal


@dataclass(frozen=True, slots=True)
class FrontierStatistics:
    """The frontier at one moment: its ledger, the hosts it remembers, and the requests that it has in memory."""

    ledger: Ledger
    hosts: int
    held: int = 0


class Frontier:
    """Every URL ever discovered, each in one state, and the order in which the pending ones are fetched.

    A request has two ends: `release` frees its host when the fetch is over; `finish` closes it when all is safe.

    Attributes:
        discovered: The URLs that were met, to be filled before the first is added.
        window: What is in memory, and what is to be read from the disk.
        redirects: Takes requests in flight from hop to hop.
        ways: The depths of URLs; ``None`` where they do not matter.
    """

    def __init__(
        self,
        rule_for: Callable[[str], HostRule],
        *,
        places: int | None = None,
        ranking: Ranking | None = None,
        journal: Journal | None = None,
        window: int | None = None,
        ran_low: Callable[[], None] = lambda: None,
        changed: Callable[[], None] = lambda: None,
        is_depth_limited: bool = False,
    ) -> None:
        """Create an empty frontier.

        Args:
            rule_for: Gives each host (``name:port``) its politeness.
            places: Requests that may be in flight at once; see `Schedule`.
            ranking: The order of the requests of a host.
            journal: Where changes are noted, so that they can be written to a disk; nowhere by default.
            window: Pending requests in memory, where the others wait on the disk; ``None`` for all.
            ran_low: Called when more should be read from there.
            changed: Called when something else may be fetched than before; see above.
            is_depth_limited: Whether each URL is to have the depth of the shortest way to it.
        """
        self._ranking = ranking or Ranking()
        newest = self._ranking.is_newest_first
        self._schedule = Schedule(rule_for, places=places, is_newest_first=newest, changed=changed)
        self._counts = StateCounts()
        self._journal: Journal = NullJournal() if journal is None else journal
        self._changed = changed
        self.ways = ShortestWays(self._journal) if is_depth_limited else None
        self.discovered = Discovered(self._counts, self._journal, self.ways)
        self.window = Window(self._schedule, window, ran_low)
        parts = self.discovered, self._schedule, self.window, self._counts, self._journal
        self.redirects = Redirects(*parts, finish=self.finish)

    def __repr__(self) -> str:
        return f"<Frontier {self._counts}>"

    # ── what there is ──

    def knows(self, url: str) -> bool:
        """Tell whether a plain request for ``url`` would be dropped: a cheap question, asked for every link."""
        return url in self.discovered.seen

    def has_seen(self, request: Request) -> bool:
        """Tell whether a request of the same fingerprint was added or refused before."""
        return request.fingerprint in self.discovered

    @property
    def pending(self) -> int:
        """Requests that wait for their fetch."""
        return self._counts[State.PENDING]

    @property
    def in_flight(self) -> int:
        """Requests acquired and not finished."""
        return self._counts[State.IN_FLIGHT]

    @property
    def waits_for_retries(self) -> bool:
        """Whether the only requests that wait are those that failed and wait to be tried again."""
        return self._schedule.waits_for_retries

    @property
    def next_host(self) -> str:
        """The host that is asked next; empty when each has all its connections in use."""
        return self._schedule.next_host

    @property
    def next_ready_at(self) -> float | None:
        """When `acquire` will next have something; ``None`` while that depends on other calls."""
        return self._schedule.next_ready_at

    def statistics(self) -> FrontierStatistics:
        """Return the counts of this moment."""
        counts, schedule = self._counts, self._schedule
        return FrontierStatistics(counts.ledger(len(self.discovered)), schedule.hosts, len(schedule))

    def hosts(self, limit: int, order: HostOrder = "busiest", *, now: float) -> list[HostStatistics]:
        """Return what so many hosts do at ``now``, and what they wait for; see `statistics_of`."""
        return statistics_of(self._schedule, limit, order, now)

    # ── what is found ──

    def add(self, request: Request, found_on: int = 0) -> bool:
        """Add a request unless its like was seen before; tell whether it was added.

        Args:
            request: The request.
            found_on: The serial number of the one that led to it.

        Raises:
            CrawlerError: The user's order cannot rank it.
            ParseError: It cannot be written down. In both cases nothing is known of it afterwards.
        """
        request = self.discovered.told_apart(request) if request.again else request
        if not request.again and request.fingerprint in self.discovered.seen:
            return False
        request = replace(request, serial=self.discovered.serial + 1, rank=self._ranking.rank_of(request))
        host = self._schedule.host(request)
        self.discovered.add(request, found_on, host.key)
        self.window.hold(host, request)
        return True

    def refuse(self, request: Request, reason: Refusal, found_on: int = 0) -> bool:
        """Note a request that is not to be fetched, unless its like was seen before; tell whether it was noted.

        One that is too deep is taken by a later `add`: it may yet be found on a shorter way.
        """
        if self.has_seen(request):
            return False
        if reason is Refusal.DEPTH and not request.again:
            self.discovered.put_off(request, found_on)
        else:
            self.discovered.refuse(request, reason, found_on)
        return True

    # ── a fetch ──

    def acquire(self, now: float, *, is_loop_late: bool = False) -> Request | None:
        """Take the next request that may be fetched at ``now``, if there is one; see `Schedule.pop`."""
        request = self._schedule.pop(now, is_loop_late=is_loop_late)
        if request is None or request.is_robots_request:
            return request
        self._counts.move(State.PENDING, State.IN_FLIGHT)
        self.window.note_taken(request)
        return self.host(request).goes_on_as(request, self.ways.at_its_depth(request)) if self.ways else request

    def put_back(self, request: Request) -> None:
        """Undo `acquire`, where it turned out that the request cannot be fetched now."""
        self._counts.move(State.IN_FLIGHT, State.PENDING)
        self._schedule.put_back(request)

    def answered(self, request: Request, now: float, seconds: float) -> None:
        """Note that the answer to an acquired request begins, after so many ``seconds``; so may a delay."""
        self._schedule.answered(request, now, seconds)

    def release(
        self,
        request: Request,
        now: float,
        outcome: Outcome = Outcome.ANSWERED,
        *,
        seconds: float | None = None,
        pause: float = 0.0,
    ) -> None:
        """Free the connection of an acquired request's host, when its fetch is over: see `Schedule.release`."""
        self._schedule.release(request, now, outcome, seconds=seconds, pause=pause)
        self._note_host(request, now)

    # ── what must be known of a host before it is asked ──

    def host(self, request: Request) -> Host:
        """Return what is known of the host of ``request``."""
        return self._schedule.host(request)

    def close(self, request: Request) -> None:
        """Offer nothing of the host of ``request`` until `open`: something must be known of it first."""
        self._schedule.close(request)

    def open(self, request: Request) -> None:
        """Offer the requests of the host of ``request`` again."""
        self._schedule.open(request)

    def interpose(self, robots_request: Request, ready_at: float = 0.0, *, is_for_other_host: bool = False) -> None:
        """Have ``robots_request`` acquired before all others of its host: see `Schedule.interpose`."""
        self._schedule.interpose(robots_request, ready_at, is_for_other_host=is_for_other_host)

    def slow_down(self, request: Request, delay: float, now: float) -> None:
        """Give the host of ``request``, which answered at ``now``, the ``delay`` that its robots.txt asks for."""
        self._schedule.slow_down(request, delay, now)
        self._note_host(request, now)

    def set_rule(self, host: str, rule: HostRule) -> None:
        """Treat ``host`` by ``rule`` from its next fetch on."""
        self._schedule.set_rule(host, rule)

    def place(self, request: Request, address: str) -> None:
        """Note which address the host of ``request`` has."""
        self._schedule.place(request, address)

    def _note_host(self, request: Request, now: float) -> None:
        """Note what the next crawl should know of the host of ``request``, or that it is nothing any more."""
        if not self._journal.is_durable:
            return
        host = self._schedule.host(request)
        known = host.remembered(now)
        if known is not None or host.is_remembered:
            self._journal.remember(host.name, known)
            host.is_remembered = known is not None

    # ── how a request ends ──

    def finish(self, request: Request, state: State) -> None:
        """Close an acquired request in its final ``state``, which has been noted already where that is to last."""
        self.window.note_ended(request)
        if self.ways:
            self.ways.note_ended(request)
        self._land(state)

    def end(
        self, request: Request, state: State, *, failure: Failure | None = None, status: int = 0, reason: str = ""
    ) -> None:
        """Close an acquired request in its final ``state``, and note that, and why."""
        self._journal.ended(request, state, status or (failure.status if failure else 0), reason or None)
        if failure is not None:
            self._journal.failed(request, failure)
        self.finish(request, state)

    def retry(self, request: Request, ready_at: float, failure: Failure) -> None:
        """Put an acquired and released request back after a ``failure``, not to be fetched before ``ready_at``."""
        again = replace(request, attempt=request.attempt + 1)
        self._journal.attempted(request, failure)
        self._journal.waits(again, ready_at)
        self._schedule.defer(again, ready_at, is_last=failure.error == FetchTimeoutError.__name__)
        self._land(State.PENDING)

    def give_back(self, request: Request) -> None:
        """Put an acquired and released request back, because its fetch was cut off."""
        self._schedule.push(request)
        self._land(State.PENDING)

    def abandon(self) -> None:
        """Count all that is in flight as pending, at the end of a crawl that was cut off."""
        self._counts.abandon()

    def _land(self, state: State) -> None:
        """Count a request in ``state`` that is in flight no longer."""
        self._counts.move(State.IN_FLIGHT, state)
        if not self._counts[State.IN_FLIGHT]:
            self._changed()

    # ── what an earlier crawl has left ──

    def restore(self, name: str, known: HostRecord) -> None:
        """Remember what was known of the host ``name``."""
        self._schedule.known.named(name).restore(known)
