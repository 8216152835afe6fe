"""The frontier and its record together: whatever happens, every URL is in one state, and comes up once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crawler.frontier.frontier import Frontier
from crawler.frontier.window import Part
from crawler.models import Failure, Refusal, Request, State
from crawler.policy.order import Order, Ranking
from crawler.policy.politeness import HostRule
from crawler.state.memory_journal import MemoryJournal
from crawler.state.record import QueuePart
from crawler.state.rows import Waiting
from crawler.state.sqlite_store import Store
from crawler.url import host_of

HOSTS = ("a.example", "b.example:81", "c.example")
FINAL = [State.DONE, State.FAILED, State.DENIED, State.QUARANTINED]
Reading: TypeAlias = list[tuple[Part, list[Waiting]]]
FAILURE = Failure("http://a.example/", State.FAILED, "ConnectError", "refused")


def score(request: Request) -> float:
    return float(len(request.url) * 7919 % 13 + request.priority)


class Crawl:
    """A frontier and a store, driven by hand; `refill` and `commit` are what a crawl does in between."""

    def __init__(self, folder: Path, order: Order, window: int) -> None:
        self.now = 0.0
        self.ranking = Ranking(order)
        self.store = Store(folder, is_depth_first=self.ranking.is_newest_first)
        self.journal = MemoryJournal(lambda: None)
        self.frontier = Frontier(
            lambda _: HostRule(0.0, None), ranking=self.ranking, journal=self.journal, window=window
        )
        kept = self.store.load()
        discovered = self.frontier.discovered
        self.store.fill(discovered.seen.digests, discovered.too_deep, discovered.redirected)
        self.frontier.discovered.resume(kept.serial, ledger=kept.ledger)
        for name, data in kept.hosts.items():
            self.frontier.restore(name, data)
        for url in self.store.waiting_hosts():
            self.frontier.window.expect(host_of(url), 0.0)

    def commit(self) -> None:
        changes = self.journal.take()
        changes.snapshot = self.frontier.discovered.take_snapshot()
        self.store.commit(changes)

    def refill(self) -> None:
        while self.frontier.window.is_low:
            self.take_in(self.read())

    def read(self) -> Reading:
        parts = self.frontier.window.wanted(2)
        self.commit()
        wanted = [QueuePart(part.host.key, part.reach[0], abs(part.reach[1]), part.limit) for part in parts]
        return list(zip(parts, self.store.waiting(wanted), strict=True))

    def take_in(self, reading: Reading) -> None:
        for part, rows in reading:
            self.frontier.window.extend(part, [(row.request(), row.ready_at or 0.0) for row in rows])


class DurableFrontierMachine(RuleBasedStateMachine):
    """Any sequence of finds, fetches, commits and kills, beside a dictionary of what the disk must know."""

    order: Order = "breadth"
    window = 4

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 0.0
        self.number = 0
        self.states: dict[str, State] = {}
        self.committed: dict[str, State] = {}
        self.flying: list[Request] = []
        self.readings: list[Reading] = []
        self.crawl = self.opened()

    def opened(self) -> Crawl:
        return Crawl(self.folder, self.order, self.window)

    @rule(host=st.sampled_from(HOSTS), count=st.integers(1, 40), priority=st.integers(-1, 1), depth=st.integers(0, 2))
    def find(self, host: str, count: int, priority: int, depth: int) -> None:
        for _ in range(count):
            self.number += 1
            url = f"http://{host}/{self.number}"
            assert self.crawl.frontier.add(Request(url, priority=priority, depth=depth))
            self.states[url] = State.PENDING

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def find_again(self, data: st.DataObject) -> None:
        url = data.draw(st.sampled_from(sorted(self.states)))
        assert not self.crawl.frontier.add(Request(url))

    @rule(host=st.sampled_from(HOSTS))
    def refuse(self, host: str) -> None:
        self.number += 1
        url = f"http://{host}/{self.number}"
        assert self.crawl.frontier.refuse(Request(url), Refusal.SCOPE)
        self.states[url] = State.REFUSED

    @rule(count=st.integers(1, 30))
    def acquire(self, count: int) -> None:
        for _ in range(count):
            self.crawl.refill()
            taken = self.crawl.frontier.acquire(self.now)
            if taken is None:
                return
            assert self.states[taken.url] is State.PENDING
            self.crawl.frontier.release(taken, self.now)
            self.states[taken.url] = State.IN_FLIGHT
            self.flying.append(taken)

    @precondition(lambda self: self.crawl.frontier.window.is_low)
    @rule()
    def begin_to_read(self) -> None:
        """Read from the disk what the frontier will be handed later: anything may happen in between."""
        self.readings.append(self.crawl.read())

    @precondition(lambda self: self.readings)
    @rule()
    def end_to_read(self) -> None:
        self.crawl.take_in(self.readings.pop(0))

    @precondition(lambda self: self.flying)
    @rule(state=st.sampled_from(FINAL), count=st.integers(1, 30))
    def end(self, state: State, count: int) -> None:
        for taken in self.flying[:count]:
            self.states[taken.url] = state
            self.crawl.frontier.end(taken, state, failure=FAILURE if state is State.FAILED else None)
        del self.flying[:count]

    @precondition(lambda self: self.flying)
    @rule(wait=st.sampled_from([0.0, 3.0]))
    def retry(self, wait: float) -> None:
        taken = self.flying.pop(0)
        self.states[taken.url] = State.PENDING
        self.crawl.frontier.retry(taken, self.now + wait, FAILURE)

    @precondition(lambda self: self.flying)
    @rule()
    def give_back(self) -> None:
        taken = self.flying.pop()
        self.states[taken.url] = State.PENDING
        self.crawl.frontier.give_back(taken)

    @precondition(lambda self: self.flying)
    @rule()
    def put_back(self) -> None:
        self.crawl.refill()
        taken = self.crawl.frontier.acquire(self.now)
        if taken is not None:
            self.crawl.frontier.put_back(taken)

    @rule(seconds=st.sampled_from([1.0, 5.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def commit(self) -> None:
        self.crawl.commit()
        self.committed = dict(self.states)

    @rule()
    def kill(self) -> None:
        """End without a word: what was committed is there, or more, as `refill` commits too."""
        self.crawl.store.close()
        self.crawl = self.opened()
        known = {url: state for url, state in self.states.items() if self.crawl.frontier.knows(url)}
        assert self.committed.keys() <= known.keys()
        done = self.on_the_disk()
        for url, state in known.items():
            # The last commit may be later than the one that we know of, never earlier.
            assert done[url] in {state, self.committed.get(url, State.PENDING), State.PENDING}
        self.readings = []
        self.states = {url: done[url] for url in known}
        self.committed = dict(self.states)
        self.flying = []

    def on_the_disk(self) -> dict[str, State]:
        from crawler.state.schema import STATES  # noqa: PLC0415  # for this look into the file alone

        rows = self.crawl.store._connection.execute("SELECT url, state FROM requests")
        return {url: STATES[state] for url, state in rows}

    @invariant()
    def the_ledger_is_that_of_the_dictionary(self) -> None:
        ledger = self.crawl.frontier.statistics().ledger
        assert ledger.balanced
        assert ledger.discovered == len(self.states)
        for state in (State.PENDING, State.IN_FLIGHT, *FINAL):
            assert getattr(ledger, state.value) == sum(each is state for each in self.states.values())

    def teardown(self) -> None:
        """Crawl to the end: every URL that is pending comes up, once."""
        for taken in self.flying:
            self.states[taken.url] = State.PENDING
            self.crawl.frontier.give_back(taken)
        left = {url for url, state in self.states.items() if state is State.PENDING}
        self.now += 100.0
        while self.readings:
            self.end_to_read()
        while left:
            self.crawl.refill()
            taken_now = self.crawl.frontier.acquire(self.now)
            assert taken_now is not None, f"{len(left)} URLs never come up"
            left.remove(taken_now.url)
            self.crawl.frontier.release(taken_now, self.now)
            self.crawl.frontier.end(taken_now, State.DONE)
        self.crawl.refill()
        assert self.crawl.frontier.acquire(self.now) is None
        self.crawl.commit()
        assert self.crawl.store.recount() == self.crawl.frontier.statistics().ledger == self.crawl.store.ledger
        self.crawl.store.close()
        shutil.rmtree(self.folder)


class DepthFirstMachine(DurableFrontierMachine):
    order = "depth"


class BestFirstMachine(DurableFrontierMachine):
    order = staticmethod(score)


FEW = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestBreadthFirst = DurableFrontierMachine.TestCase
TestDepthFirst = DepthFirstMachine.TestCase
TestBestFirst = BestFirstMachine.TestCase
for case in (TestBreadthFirst, TestDepthFirst, TestBestFirst):
    case.settings = FEW


ORDERS: list[tuple[Order, list[int]]] = [
    ("breadth", list(range(300))),
    ("depth", list(range(299, -1, -1))),
    (lambda request: int(request.url[-1]), sorted(range(300), key=lambda number: (-(number % 10), number))),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS, ids=["breadth", "depth", "best"])
@pytest.mark.parametrize("window", [1, 100, 1000])
def test_the_order_is_the_same_whatever_waits_on_the_disk(
    tmp_path: Path, order: Order, expected: list[int], window: int
) -> None:
    crawl = Crawl(tmp_path, order, window)
    for number in range(300):
        crawl.frontier.add(Request(f"http://a.example/{number}"))
    crawl.commit()
    taken = []
    while crawl.frontier.pending:
        crawl.refill()
        request = crawl.frontier.acquire(0.0)
        assert request is not None
        taken.append(int(request.url.rpartition("/")[2]))
        crawl.frontier.release(request, 0.0)
        crawl.frontier.end(request, State.DONE)
    assert taken == expected
    crawl.store.close()


def test_no_more_requests_are_in_memory_than_the_window_has(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, "breadth", 100)
    for number in range(5000):
        crawl.frontier.add(Request(f"http://host{number % 10}.example/{number}"))
    assert crawl.frontier.statistics().held <= 100 + 10 * 16
    assert crawl.frontier.pending == 5000
    crawl.store.close()


def test_what_is_read_of_many_hosts_at_once_is_no_more_than_the_window_has(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, "breadth", 400)
    for number in range(3000):
        crawl.frontier.add(Request(f"http://host{number % 30}.example/{number}"))
    crawl.commit()
    crawl.store.close()
    crawl = Crawl(tmp_path, "breadth", 400)
    parts = crawl.frontier.window.wanted(64)
    assert len(parts) == 30
    assert sum(part.limit for part in parts) <= 400 + 30 * 16
    crawl.store.close()


def acquired(crawl: Crawl, count: int) -> list[Request]:
    """Return the next requests; nothing is read from the disk for them."""
    requests = [crawl.frontier.acquire(crawl.now) for _ in range(count)]
    found = [request for request in requests if request is not None]
    assert len(found) == count
    for request in found:
        crawl.frontier.release(request, crawl.now)
    return found


def close(crawl: Crawl, requests: list[Request]) -> None:
    for request in requests:
        crawl.frontier.end(request, State.DONE)


def rest_of(crawl: Crawl) -> list[int]:
    """Crawl to the end; return the serial numbers of what came up."""
    numbers = []
    while crawl.frontier.pending:
        crawl.refill()
        [request] = acquired(crawl, 1)
        numbers.append(request.serial)
        close(crawl, [request])
    return sorted(numbers)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Crawl]:
    """A crawl that holds 16 of the 60 requests of its only host in memory."""
    crawl = Crawl(tmp_path, "breadth", 1)
    find(crawl, 60)
    yield crawl
    crawl.store.close()


def find(crawl: Crawl, count: int, priority: int = 0) -> None:
    known = crawl.frontier.statistics().ledger.discovered
    for number in range(known + 1, known + count + 1):
        crawl.frontier.add(Request(f"http://a.example/{number}", priority=priority))


def test_better_requests_that_are_found_while_others_are_read_lose_none(small: Crawl) -> None:
    close(small, acquired(small, 8))
    reading = small.read()
    find(small, 25, priority=1)  # which push all others out of memory, and some of their own
    small.take_in(reading)
    assert rest_of(small) == list(range(9, 86))


def test_requests_that_come_back_from_behind_those_on_the_disk_hide_none(small: Crawl) -> None:
    flying = []
    for _ in range(5):
        flying += acquired(small, 8)
        small.refill()
    find(small, 40, priority=1)
    close(small, acquired(small, 15))
    for request in flying:
        small.frontier.give_back(request)
    find(small, 1, priority=2)
    assert len(rest_of(small)) == 101 - 15


def test_what_is_finished_while_it_is_read_as_pending_does_not_come_up_again(small: Crawl) -> None:
    flying = acquired(small, 8)
    find(small, 33, priority=1)
    finished: list[int] = []
    while not finished:
        reading = small.read()
        read = {row.serial for _, rows in reading for row in rows}
        finished = [request.serial for request in flying if request.serial in read]
        close(small, [request for request in flying if request.serial in read])
        small.take_in(reading)
        if not finished:
            close(small, acquired(small, 1))
    close(small, [request for request in flying if request.serial not in finished])
    assert not {*rest_of(small)} & {*range(1, 9)}


def test_a_host_is_read_on_where_all_that_was_read_of_it_is_in_flight(small: Crawl) -> None:
    flying = []
    for _ in range(4):
        flying += acquired(small, 8)
        small.refill()
    find(small, 25, priority=1)
    close(small, acquired(small, 16))
    small.refill()
    reading = small.read()
    while not reading or any(row.serial > 32 for row in reading[0][1]):
        small.take_in(reading)
        close(small, acquired(small, 1))
        reading = small.read()
    while (request := small.frontier.acquire(0.0)) is not None:  # all that is in memory
        small.frontier.release(request, 0.0)
        close(small, [request])
    small.take_in(reading)
    close(small, flying)
    assert rest_of(small) == list(range(33, 61))


def test_a_slow_host_with_many_pages_leaves_room_for_the_others(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, "breadth", 100)
    for number in range(5000):
        crawl.frontier.add(Request(f"http://slow.example/{number}"))
    for number in range(20):
        crawl.frontier.add(Request(f"http://host{number}.example/"))
    hosts = {host_of(request.url) for request in iter(lambda: crawl.frontier.acquire(0.0), None)}
    assert len(hosts) == 21
    crawl.store.close()
