"""The frontier in memory: schedule, seen-set and ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler.frontier.host import Host
from crawler.frontier.schedule import Schedule
from crawler.models import Ledger, Request, State
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule


@dataclass(frozen=True, slots=True)
class FrontierStatistics:
    """The frontier at one moment: its ledger and the hosts it remembers."""

    ledger: Ledger
    hosts: int


class MemoryFrontier:
    """Every URL ever discovered, each in exactly one state, and the order in which the pending ones are fetched.

    A request has two ends: `release` frees its host when the fetch is over, `finish` closes it when its links are added
    and its items are safe. In between it is in flight.
    """

    def __init__(self, rule_for: Callable[[str], HostRule], *, places: int | None = None) -> None:
        """Create an empty frontier.

        Args:
            rule_for: Gives each host (``name:port``) its politeness.
            places: Requests that may be in flight at once; see `Schedule`.
        """
        self._schedule = Schedule(rule_for, places=places)
        self._seen: set[str] = set()
        self._too_deep: set[str] = set()  # a part of the seen
        self._counts = dict.fromkeys(State, 0)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items() if count)
        return f"<MemoryFrontier {counts or 'empty'}>"

    def knows(self, url: str) -> bool:
        """Tell whether a plain request for ``url`` would be dropped: a cheap question, asked for every link."""
        return url in self._seen and url not in self._too_deep

    def has_seen(self, request: Request) -> bool:
        """Tell whether a request of the same fingerprint was added or refused before."""
        return request.fingerprint in self._seen

    @property
    def pending(self) -> int:
        """Requests that wait for their fetch."""
        return self._counts[State.PENDING]

    @property
    def in_flight(self) -> int:
        """Requests acquired and not finished."""
        return self._counts[State.IN_FLIGHT]

    @property
    def next_host(self) -> str:
        """The host whose turn is next; empty when each has all its connections in use."""
        return self._schedule.next_host

    @property
    def waits_for_retries(self) -> bool:
        """Whether the only requests that wait are those that failed and wait to be tried again."""
        return self._schedule.waits_for_retries

    @property
    def next_ready_at(self) -> float | None:
        """When `acquire` will next have something; ``None`` while that depends on other calls."""
        return self._schedule.next_ready_at

    def add(self, request: Request) -> bool:
        """Add a request unless its like was seen before; tell whether it was added."""
        if self._discover(request):
            self._counts[State.PENDING] += 1
        elif request.fingerprint in self._too_deep:
            self._too_deep.remove(request.fingerprint)
            self._move(State.REFUSED, State.PENDING)
        else:
            return False
        self._schedule.push(request)
        return True

    def refuse(self, request: Request, *, too_deep: bool = False) -> bool:
        """Note a request that is not to be fetched, unless its like was seen before; tell whether it was noted.

        One that is ``too_deep`` is taken by a later `add`: it may yet be found on a shorter way.
        """
        if not self._discover(request):
            return False
        self._counts[State.REFUSED] += 1
        if too_deep:
            self._too_deep.add(request.fingerprint)
        return True

    def acquire(self, now: float, *, is_hurried: bool = False) -> Request | None:
        """Take the next request that may be fetched at ``now``, if there is one; see `Schedule.pop`."""
        request = self._schedule.pop(now, is_hurried=is_hurried)
        if request is not None and not request.is_errand:
            self._move(State.PENDING, State.IN_FLIGHT)
        return request

    def put_back(self, request: Request) -> None:
        """Undo `acquire`, where it turned out that the request cannot be fetched now."""
        self._move(State.IN_FLIGHT, State.PENDING)
        self._schedule.put_back(request)

    def answered(self, request: Request, now: float, seconds: float) -> bool:
        """Note that the answer to an acquired request begins, after so many ``seconds``; tell whether a delay does."""
        return self._schedule.answered(request, now, seconds)

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

    def interpose(self, errand: Request, ready_at: float = 0.0, *, is_guest: bool = False) -> None:
        """Have ``errand`` acquired before all others of its host: see `Schedule.interpose`."""
        self._schedule.interpose(errand, ready_at, is_guest=is_guest)

    def slow_down(self, request: Request, delay: float, now: float) -> None:
        """Give the host of ``request``, which answered at ``now``, the ``delay`` that its robots.txt asks for."""
        self._schedule.slow_down(request, delay, now)

    def place(self, request: Request, address: str) -> None:
        """Note which address the host of ``request`` has."""
        self._schedule.place(request, address)

    def finish(self, state: State) -> None:
        """Close an acquired request in its final ``state``."""
        self._move(State.IN_FLIGHT, state)

    def retry(self, request: Request, ready_at: float) -> None:
        """Put an acquired and released request back, not to be fetched before ``ready_at``."""
        self._move(State.IN_FLIGHT, State.PENDING)
        self._schedule.defer(request, ready_at)

    def give_back(self, request: Request) -> None:
        """Put an acquired and released request back, because its fetch was cut off."""
        self._move(State.IN_FLIGHT, State.PENDING)
        self._schedule.push(request)

    def abandon(self) -> None:
        """Count all that is in flight as pending, at the end of a crawl that was cut off."""
        self._counts[State.PENDING] += self._counts[State.IN_FLIGHT]
        self._counts[State.IN_FLIGHT] = 0

    def statistics(self) -> FrontierStatistics:
        """Return the counts of this moment."""
        counts = {state.value: count for state, count in self._counts.items()}
        ledger = Ledger(discovered=len(self._seen), **counts)
        return FrontierStatistics(ledger, self._schedule.hosts)

    def _discover(self, request: Request) -> bool:
        fingerprint = request.fingerprint
        if fingerprint in self._seen:
            return False
        self._seen.add(fingerprint)
        return True

    def _move(self, before: State, after: State) -> None:
        self._counts[before] -= 1
        self._counts[after] += 1
