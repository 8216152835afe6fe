"""The frontier: schedule, seen-set and ledger; what it changes is noted in a journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from crawler.frontier.host import Host
from crawler.frontier.schedule import Schedule
from crawler.frontier.seen import Seen
from crawler.frontier.window import Key, Window
from crawler.models import Failure, Ledger, Refusal, Request, State
from crawler.policy.order import Ranking
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule
from crawler.state.changes import Snapshot
from crawler.state.digests import DigestSet
from crawler.state.host_record import HostRecord
from crawler.state.journal import Journal
from crawler.state.null_record import NullJournal

_SNAPSHOT_AFTER = 200_000  # digests, which are read in 0.1 s; arbitrary
_SNAPSHOT_GROWTH = 0.25  # so that all snapshots together write five times what the last one does; arbitrary
_NOTHING: Key = (float("-inf"), 0)  # the reach of a host that has nothing in memory


@dataclass(frozen=True, slots=True)
class FrontierStatistics:
    """The frontier at one moment: its ledger, the hosts it remembers, and the requests that it has in memory."""

    ledger: Ledger
    hosts: int
    held: int = 0


class Part(NamedTuple):
    """A part of the queue of a host that is to be read from the disk.

    Attributes:
        host: The host.
        reach: The place behind which it begins.
        limit: How many requests at most.
        reading: By which a reading is known that is void, as the reach was moved meanwhile.
    """

    host: Host
    reach: Key
    limit: int
    reading: int


class Frontier:
    """Every URL ever discovered, each in exactly one state, and the order in which the pending ones are fetched.

    A request has two ends: `release` frees its host when the fetch is over, `finish` closes it when its links are added
    and its items are safe. In between it is in flight.
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
    ) -> None:
        """Create an empty frontier.

        Args:
            rule_for: Gives each host (``name:port``) its politeness.
            places: Requests that may be in flight at once; see `Schedule`.
            ranking: The order of the requests of a host.
            journal: Where changes are noted, so that they can be written to a disk; nowhere by default.
            window: Pending requests in memory, where the others wait on the disk; ``None`` for all.
            ran_low: Called when more should be read from there.
            changed: Called whenever something else may be fetched than before, and when nothing is in flight any more:
                often in bursts, and never within `acquire`.
        """
        self._ranking = ranking or Ranking()
        newest_first = self._ranking.is_newest_first
        self._schedule = Schedule(rule_for, places=places, is_newest_first=newest_first)
        self._window = Window(window, is_newest_first=newest_first)
        self._journal: Journal = journal or NullJournal()
        self._ran_low = ran_low
        self._changed = changed
        self._seen = Seen()
        self._too_deep = DigestSet()
        self._serial = 0
        self._snapshot = 0  # the last serial number at that time
        self._counts = dict.fromkeys(State, 0)
        self._taken: set[int] = set()  # serials of what was acquired, and is in memory whatever the window says
        self._readings = 0  # under way
        self._closed: set[int] = set()  # serials of what was finished meanwhile, and may yet be read as pending

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items() if count)
        return f"<Frontier {counts or 'empty'}>"

    def knows(self, url: str) -> bool:
        """Tell whether a plain request for ``url`` would be dropped: a cheap question, asked for every link."""
        return url in self._seen

    def has_seen(self, request: Request) -> bool:
        """Tell whether a request of the same fingerprint was added or refused before."""
        return request.fingerprint in self._seen or self._is_put_off(request)

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

    def add(self, request: Request, found_on: int = 0) -> bool:
        """Add a request unless its like was seen before; tell whether it was added.

        Args:
            request: The request.
            found_on: The serial number of the one that led to it.

        Raises:
            CrawlerError: The user's order cannot rank it.
            ParseError: It cannot be written down. Of it nothing is known then, in either case.
        """
        fingerprint = request.fingerprint
        if fingerprint in self._seen:
            return False
        request = replace(request, serial=self._serial + 1, rank=self._ranking.rank_of(request))
        host = self._schedule.host(request)
        self._journal.found(request, self._seen.digest(fingerprint), found_on, host.key)
        self._discover(request, fingerprint)
        self._counts[State.PENDING] += 1
        self._hold(request, host)
        self._changed()
        return True

    def refuse(self, request: Request, reason: Refusal, found_on: int = 0) -> bool:
        """Note a request that is not to be fetched, unless its like was seen before; tell whether it was noted.

        One that is too deep is taken by a later `add`: it may yet be found on a shorter way.
        """
        if reason is Refusal.DEPTH:
            return self._put_off(request, found_on)
        if self.has_seen(request):
            return False
        request = replace(request, serial=self._serial + 1)
        fingerprint = request.fingerprint
        self._journal.refused(request, self._seen.digest(fingerprint), found_on, reason)
        self._discover(request, fingerprint)
        self._counts[State.REFUSED] += 1
        return True

    def acquire(self, now: float, *, is_loop_late: bool = False) -> Request | None:
        """Take the next request that may be fetched at ``now``, if there is one; see `Schedule.pop`."""
        request = self._schedule.pop(now, is_loop_late=is_loop_late)
        if request is not None and not request.is_robots_request:
            self._move(State.PENDING, State.IN_FLIGHT)
            if self._journal.is_durable:
                self._taken.add(request.serial)
                if self._window.note_taken(self._schedule.host(request), len(self._schedule)):
                    self._ran_low()
        return request

    def put_back(self, request: Request) -> None:
        """Undo `acquire`, where it turned out that the request cannot be fetched now."""
        self._move(State.IN_FLIGHT, State.PENDING)
        self._schedule.put_back(request)
        self._changed()

    def answered(self, request: Request, now: float, seconds: float) -> bool:
        """Note that the answer to an acquired request begins, after so many ``seconds``; tell whether a delay does."""
        begins = self._schedule.answered(request, now, seconds)
        if begins:
            self._changed()
        return begins

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
        self._changed()

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
        self._changed()

    def interpose(self, robots_request: Request, ready_at: float = 0.0, *, is_for_other_host: bool = False) -> None:
        """Have ``robots_request`` acquired before all others of its host: see `Schedule.interpose`."""
        self._schedule.interpose(robots_request, ready_at, is_for_other_host=is_for_other_host)
        self._changed()

    def slow_down(self, request: Request, delay: float, now: float) -> None:
        """Give the host of ``request``, which answered at ``now``, the ``delay`` that its robots.txt asks for."""
        self._schedule.slow_down(request, delay, now)
        self._note_host(request, now)

    def set_rule(self, host: str, rule: HostRule) -> None:
        """Treat ``host`` by ``rule`` from its next fetch on."""
        self._schedule.host_named(host).pace.rule = rule
        self._changed()

    def place(self, request: Request, address: str) -> None:
        """Note which address the host of ``request`` has."""
        self._schedule.place(request, address)

    # ── how a request ends ──

    def finish(self, request: Request, state: State) -> None:
        """Close an acquired request in its final ``state``, which has been noted already where that is to last."""
        self._move(State.IN_FLIGHT, state)
        self._taken.discard(request.serial)
        if self._readings:
            self._closed.add(request.serial)
        if not self._counts[State.IN_FLIGHT]:
            self._changed()

    def end(
        self, request: Request, state: State, *, failure: Failure | None = None, status: int = 0, reason: str = ""
    ) -> None:
        """Close an acquired request in its final ``state``, and note that, and why."""
        self.finish(request, state)
        self._journal.ended(request, state, status or (failure.status if failure else 0), reason or None)
        if failure is not None:
            self._journal.failed(request, failure)

    def retry(self, request: Request, ready_at: float, failure: Failure) -> None:
        """Put an acquired and released request back after a ``failure``, not to be fetched before ``ready_at``."""
        self._move(State.IN_FLIGHT, State.PENDING)
        again = replace(request, attempt=request.attempt + 1)
        self._schedule.defer(again, ready_at)
        self._journal.attempted(request, failure)
        self._journal.waits(again, ready_at)
        self._changed()

    def give_back(self, request: Request) -> None:
        """Put an acquired and released request back, because its fetch was cut off."""
        self._move(State.IN_FLIGHT, State.PENDING)
        self._schedule.push(request)
        self._changed()

    def abandon(self) -> None:
        """Count all that is in flight as pending, at the end of a crawl that was cut off."""
        self._counts[State.PENDING] += self._counts[State.IN_FLIGHT]
        self._counts[State.IN_FLIGHT] = 0

    def statistics(self) -> FrontierStatistics:
        """Return the counts of this moment."""
        counts = {state.value: count for state, count in self._counts.items()}
        ledger = Ledger(discovered=len(self._seen) + len(self._too_deep), **counts)
        return FrontierStatistics(ledger, self._schedule.hosts, len(self._schedule))

    # ── what is on the disk ──

    @property
    def seen(self) -> DigestSet:
        """The digests of all requests, to be filled before the first is added."""
        return self._seen.digests

    @property
    def too_deep(self) -> DigestSet:
        """The digests of what was put off, to be filled before anything is added."""
        return self._too_deep

    def take_snapshot(self) -> Snapshot | None:
        """Return all digests for the disk, where so many are new that reading them one by one would take long."""
        if self._serial < _SNAPSHOT_AFTER + self._snapshot * (1 + _SNAPSHOT_GROWTH):
            return None
        self._snapshot = self._serial
        return Snapshot(self._serial, self.seen.lengths(), self.seen)

    def resume(self, serial: int, ledger: Ledger, snapshot: int = 0) -> None:
        """Go on where a crawl ended that had come to a ``serial`` number, with these states, and a ``snapshot``."""
        self._serial, self._snapshot = serial, snapshot
        self._counts = {state: getattr(ledger, state.value) for state in State}

    def restore(self, name: str, known: HostRecord) -> None:
        """Remember what was ``known`` of the host ``name``."""
        self._schedule.host_named(name).restore(known)

    def expect(self, name: str, now: float) -> None:
        """Take note that the host ``name`` has requests on the disk of which none is in memory.

        It may have been asked for something at any time until ``now``, of which nothing is known: its delay begins.
        """
        host = self._schedule.host_named(name)
        host.free_at = max(host.free_at, now + host.pace.delay)
        host.reach = _NOTHING
        self._window.ask_for(host)

    @property
    def is_low(self) -> bool:
        """Whether there are hosts of which more should be read."""
        return bool(self._window.low)

    def wanted(self, most: int) -> list[Part]:
        """Return what should be read, of so many hosts at most; `extend` is to be called with each part."""
        held, low = len(self._schedule), self._window.low
        parts: list[Part] = []
        while low and len(parts) < most:
            host = low.popleft()
            if host.is_refilling:
                count = self._window.wanted(host, held)
                held += count  # what is read of one host leaves less room for the next
                parts.append(Part(host, host.reach or _NOTHING, count, host.reading))
        self._readings += len(parts)
        return parts

    def extend(self, part: Part, requests: Sequence[tuple[Request, float]]) -> None:
        """Take in what was read: in the order of the queue, each with the time before which it is not to be fetched."""
        host = part.host
        if host.is_refilling and host.reading == part.reading:
            self._take_in(host, requests, is_last=len(requests) < part.limit)
        self._readings -= 1
        if not self._readings:
            self._closed.clear()
        self._changed()

    def _take_in(self, host: Host, requests: Sequence[tuple[Request, float]], *, is_last: bool) -> None:
        late = self._window.extend(host, None if is_last else self._window.key_of(requests[-1][0]))
        found = {request.serial for request, _ in requests}
        new = [each for each in requests if each[0].serial not in self._taken and each[0].serial not in self._closed]
        for request, ready_at in new:
            if ready_at:
                self._taken.add(request.serial)
                self._schedule.defer(request, ready_at)
            else:
                self._schedule.push(request)
        for request in late:
            if request.serial not in found:  # else it came to the disk just in time to be read
                self._schedule.push(request)
        self._shrink(host)
        # What is in flight, or waits for another try, will not ask for more when the queue itself has nothing.
        if not host.queue and host.reach is not None and (not new or self._window.has_room(len(self._schedule))):
            self._window.ask_for(host)

    def _hold(self, request: Request, host: Host) -> None:
        """Keep a new request in memory, where it has room there."""
        if not self._window.admits(request, host, len(self._schedule)):
            return
        self._schedule.push(request)
        self._shrink(host)

    def _shrink(self, host: Host) -> None:
        """Drop from memory what the queue of ``host`` has too much of there."""
        worst = self._window.overflow(host, len(self._schedule))
        if worst:
            self._schedule.shrink(len(worst))
            self._taken.difference_update(each.serial for each in worst)

    def _note_host(self, request: Request, now: float) -> None:
        """Note what is to be remembered of the host of ``request``, or that it is nothing any more."""
        if not self._journal.is_durable:
            return
        host = self._schedule.host(request)
        known = host.remembered(now)
        if known is not None or host.is_remembered:
            self._journal.remember(host.name, known)
            host.is_remembered = known is not None

    def _is_put_off(self, request: Request) -> bool:
        return bool(self._too_deep) and self._seen.digest(request.fingerprint) in self._too_deep

    def _put_off(self, request: Request, found_on: int) -> bool:
        fingerprint = request.fingerprint
        if fingerprint in self._seen:
            return False
        digest = self._seen.digest(fingerprint)
        if digest in self._too_deep:
            return False
        self._journal.put_off(request, digest, found_on)
        self._too_deep.add(digest)
        self._counts[State.REFUSED] += 1
        return True

    def _discover(self, request: Request, fingerprint: str) -> None:
        """Take note of a request that is new, once it is written down."""
        self._serial = request.serial
        digest = self._seen.add(fingerprint)
        if digest is not None and self._too_deep and self._too_deep.discard(digest):
            self._counts[State.REFUSED] -= 1
            self._journal.taken(digest)

    def _move(self, before: State, after: State) -> None:
        self._counts[before] -= 1
        self._counts[after] += 1
