"""The frontier in memory: schedule, seen-set and ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler.frontier.schedule import Schedule
from crawler.models import Ledger, Request, State
from crawler.policy.politeness import HostRule


@dataclass(frozen=True, slots=True)
class FrontierStatistics:
    """The frontier at one moment: its ledger, the hosts it remembers, and the host whose turn is next."""

    ledger: Ledger
    hosts: int
    next_host: str


class MemoryFrontier:
    """Every URL ever discovered, each in exactly one state, and the order in which the pending ones are fetched.

    A request has two ends: `release` frees its host when the fetch is over, `finish` closes it when its links are added
    and its items are safe. In between it is in flight.
    """

    def __init__(self, rule_for: Callable[[str], HostRule]) -> None:
        """Create an empty frontier; ``rule_for`` gives each host (``name:port``) its politeness."""
        self._schedule = Schedule(rule_for)
        self._seen: set[str] = set()
        self._counts = dict.fromkeys(State, 0)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items() if count)
        return f"<MemoryFrontier {counts or 'empty'}>"

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._seen

    @property
    def pending(self) -> int:
        """Requests that wait for their fetch."""
        return self._counts[State.PENDING]

    @property
    def in_flight(self) -> int:
        """Requests acquired and not finished."""
        return self._counts[State.IN_FLIGHT]

    @property
    def next_ready_at(self) -> float | None:
        """When `acquire` will next have something; ``None`` while that depends on other calls."""
        return self._schedule.next_ready_at

    def add(self, request: Request) -> bool:
        """Add a request unless its like was seen before; tell whether it was added."""
        if not self._discover(request):
            return False
        self._counts[State.PENDING] += 1
        self._schedule.push(request)
        return True

    def refuse(self, request: Request, state: State = State.REFUSED) -> bool:
        """Note a request that will never be fetched, unless its like was seen before; tell whether it was noted."""
        if not self._discover(request):
            return False
        self._counts[state] += 1
        return True

    def acquire(self, now: float) -> Request | None:
        """Take the next request that may be fetched at ``now``, if there is one."""
        request = self._schedule.pop(now)
        if request is not None:
            self._move(State.PENDING, State.IN_FLIGHT)
        return request

    def release(self, request: Request, now: float) -> None:
        """Free the connection of an acquired request's host, when its fetch is over however it went."""
        self._schedule.release(request, now)

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

    def statistics(self) -> FrontierStatistics:
        """Return the counts of this moment."""
        counts = {state.value: count for state, count in self._counts.items()}
        ledger = Ledger(discovered=len(self._seen), **counts)
        return FrontierStatistics(ledger, self._schedule.hosts, self._schedule.next_host)

    def _discover(self, request: Request) -> bool:
        fingerprint = request.fingerprint
        if fingerprint in self._seen:
            return False
        self._seen.add(fingerprint)
        return True

    def _move(self, before: State, after: State) -> None:
        self._counts[before] -= 1
        self._counts[after] += 1
