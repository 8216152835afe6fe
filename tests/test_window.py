"""The window and the queues of the hosts, beside a disk that has everything."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crawler.frontier.schedule import Schedule
from crawler.frontier.window import Part, Window
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.url import host_of

HOSTS = ("a.example", "b.example")
SIZE = 40  # so that the share of a host is the least, 16, and two hosts together may hold more


class Disk:
    """All requests that have not ended, as a record would have them."""

    def __init__(self) -> None:
        self.requests: dict[int, Request] = {}

    def read(self, part: Part) -> list[tuple[Request, float]]:
        """Return the next part of a queue; what is in flight is among it, as the disk does not know of that."""
        queue = part.host.queue
        rows = [each for each in self.requests.values() if host_of(each.url) == part.host.name]
        rows = sorted((each for each in rows if queue.key_of(each) > part.reach), key=queue.key_of)
        return [(each, 0.0) for each in rows[: part.limit]]


class WindowMachine(RuleBasedStateMachine):
    """Any sequence of finds, fetches and readings, each of which takes some time."""

    is_newest_first = False

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(lambda _: HostRule(0.0, None), is_newest_first=self.is_newest_first)
        self.window = Window(self.schedule, SIZE)
        self.disk = Disk()
        self.serial = 0
        self.flying: dict[int, Request] = {}
        self.readings: list[list[tuple[Part, list[tuple[Request, float]]]]] = []

    def new_request(self, host: str, rank: int) -> Request:
        self.serial += 1
        made = Request(f"http://{host}/{self.serial}", serial=self.serial, rank=float(rank))
        self.disk.requests[made.serial] = made
        return made

    @initialize(count=st.integers(0, 60), ranks=st.integers(1, 3))
    def come_back(self, count: int, ranks: int) -> None:
        """Begin with what an earlier crawl has left on the disk."""
        for number in range(count):
            self.new_request(HOSTS[0], number % ranks)
        if count:
            self.window.expect(HOSTS[0], 0.0)

    @rule(host=st.sampled_from(HOSTS), count=st.integers(1, 40), rank=st.integers(-1, 2))
    def find(self, host: str, count: int, rank: int) -> None:
        for _ in range(count):
            made = self.new_request(host, rank)
            self.window.hold(self.schedule.host(made), made)

    @rule(count=st.integers(1, 30))
    def acquire(self, count: int) -> None:
        for _ in range(count):
            taken = self.schedule.pop(1.0)
            if taken is None:
                return
            assert taken.serial in self.disk.requests
            assert taken.serial not in self.flying
            self.window.note_taken(taken)
            self.schedule.release(taken, 1.0)
            self.flying[taken.serial] = taken

    @precondition(lambda self: self.flying)
    @rule(count=st.integers(1, 30))
    def end(self, count: int) -> None:
        for serial in list(self.flying)[:count]:
            self.window.note_ended(self.flying.pop(serial))
            del self.disk.requests[serial]

    @precondition(lambda self: self.flying)
    @rule(count=st.integers(1, 10))
    def give_back(self, count: int) -> None:
        for serial in list(self.flying)[-count:]:
            self.schedule.push(self.flying.pop(serial))

    @precondition(lambda self: self.window.is_low)
    @rule()
    def begin_to_read(self) -> None:
        self.readings.append([(part, self.disk.read(part)) for part in self.window.wanted(2)])

    @precondition(lambda self: self.readings)
    @rule()
    def end_to_read(self) -> None:
        for part, rows in self.readings.pop(0):
            self.window.extend(part, rows)

    def in_memory(self, host: str) -> list[int]:
        return [entry[-1].serial for entry in self.schedule.known.named(host).queue.entries]

    @invariant()
    def what_is_pending_and_not_behind_the_reach_is_in_memory_once(self) -> None:
        for name in HOSTS:
            queue, held = self.schedule.known.named(name).queue, self.in_memory(name)
            assert len(held) == len({*held})
            for each in self.disk.requests.values():
                is_covered = queue.reach is None or queue.key_of(each) <= queue.reach
                if is_covered and host_of(each.url) == name and each.serial not in self.flying:
                    assert each.serial in held

    @invariant()
    def nothing_is_in_memory_that_has_ended_or_is_in_flight(self) -> None:
        held = {serial for name in HOSTS for serial in self.in_memory(name)}
        assert held <= self.disk.requests.keys()
        assert not held & self.flying.keys()
        assert len(self.schedule) == len(held)

    @invariant()
    def a_host_whose_queue_is_empty_has_nothing_more_or_is_read_or_waits_for_what_is_in_flight(self) -> None:
        for name in HOSTS:
            queue = self.schedule.known.named(name).queue
            is_flying = any(host_of(each.url) == name for each in self.flying.values())
            assert queue.entries or queue.reach is None or queue.is_reading or is_flying

    def teardown(self) -> None:
        """Crawl to the end: all that is pending comes up."""
        while self.readings:
            self.end_to_read()
        for serial in list(self.flying):
            self.schedule.push(self.flying.pop(serial))
        while self.disk.requests:
            while self.window.is_low:
                self.begin_to_read()
                self.end_to_read()
            before = len(self.disk.requests)
            self.acquire(1)
            self.end(1)
            assert len(self.disk.requests) == before - 1


class NewestFirstMachine(WindowMachine):
    is_newest_first = True


TestOldestFirst = WindowMachine.TestCase
TestNewestFirst = NewestFirstMachine.TestCase
for case in (TestOldestFirst, TestNewestFirst):
    case.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def filled(window: Window, schedule: Schedule, count: int, hosts: int = 1) -> None:
    for number in range(1, count + 1):
        made = Request(f"http://host{number % hosts}.example/{number}", serial=number)
        window.hold(schedule.host(made), made)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(lambda _: HostRule(0.0, None))


def test_without_a_size_all_is_in_memory(schedule: Schedule) -> None:
    window = Window(schedule)
    filled(window, schedule, 5000)
    assert len(schedule) == 5000
    assert not window.is_low


def test_one_host_gets_an_eighth_of_the_window(schedule: Schedule) -> None:
    filled(Window(schedule, 800), schedule, 5000)
    assert len(schedule) == 100


def test_a_host_gets_a_few_however_many_others_there_are(schedule: Schedule) -> None:
    filled(Window(schedule, 100), schedule, 5000, hosts=100)
    assert 100 <= len(schedule) <= 100 * 16


def test_it_tells_once_that_a_queue_runs_low(schedule: Schedule) -> None:
    calls: list[None] = []
    window = Window(schedule, 1, lambda: calls.append(None))
    filled(window, schedule, 100)
    for number in range(16):
        taken = schedule.pop(0.0)
        assert taken is not None
        window.note_taken(taken)
        assert len(calls) == (number >= 7)  # half of the sixteen are left
    assert window.is_low
    assert [part.host.name for part in window.wanted(9)] == ["host0.example"]
    assert not window.is_low


def test_a_reading_that_has_become_void_is_dropped(schedule: Schedule) -> None:
    window = Window(schedule, 1)
    window.expect("host0.example", 0.0)
    [part] = window.wanted(1)
    for number in range(40):
        better = Request(f"http://host0.example/{number}", serial=number, rank=-1.0)
        schedule.push(better)
    behind = Request("http://host0.example/last", serial=99, rank=-2.0)
    part.host.queue.drop_worst(16)
    before = len(part.host.queue)
    window.extend(part, [(behind, 0.0)])
    assert len(part.host.queue) == before


def test_a_host_that_comes_back_has_its_delay_first() -> None:
    schedule = Schedule(lambda _: HostRule(2.0, None))
    window = Window(schedule, 100)
    window.expect("a.example", 10.0)
    [part] = window.wanted(1)
    window.extend(part, [(Request("http://a.example/", serial=1), 0.0)])
    assert schedule.next_ready_at == 12.0
