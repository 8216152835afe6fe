from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crawler.frontier.schedule import Schedule
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.url import host_of

FREE = HostRule(0.0, None)
RULES = {
    "polite.example": HostRule(1.0, 2),
    "slow.example:81": HostRule(2.5, None),
    "single.example": HostRule(0.0, 1),
    "localhost:8080": FREE,
}


def request(host: str, number: int = 0, *, priority: int = 0, depth: int = 0) -> Request:
    return Request(f"http://{host}/{number}", priority=priority, depth=depth)


def schedule(rule: HostRule = FREE) -> Schedule:
    return Schedule(lambda _host: rule)


def popped(schedule: Schedule, now: float = 0.0) -> list[Request]:
    """Pop all that may be popped at ``now``."""
    return list(iter(lambda: schedule.pop(now), None))


def test_an_empty_schedule_has_nothing_and_waits_for_a_push() -> None:
    empty = schedule()
    assert empty.pop(10.0) is None
    assert (len(empty), empty.hosts, empty.next_ready_at, empty.next_host) == (0, 0, None, "")


def test_a_host_is_not_asked_again_before_its_delay_has_passed() -> None:
    hosts = schedule(HostRule(2.0, None))
    hosts.push(request("a", 1))
    hosts.push(request("a", 2))
    assert hosts.pop(10.0) == request("a", 1)
    assert hosts.next_ready_at == 12.0
    assert hosts.pop(11.999) is None
    assert hosts.pop(12.0) == request("a", 2)


def test_the_delay_counts_from_the_start_of_a_request_and_not_from_its_end() -> None:
    hosts = schedule(HostRule(2.0, 1))
    first, second = request("a", 1), request("a", 2)
    hosts.push(first)
    hosts.push(second)
    hosts.pop(10.0)
    assert hosts.pop(20.0) is None  # its connection is in use
    hosts.release(first, 20.0)
    assert hosts.pop(20.0) == second


def test_the_delay_holds_for_requests_that_come_after_the_host_was_idle() -> None:
    hosts = schedule(HostRule(2.0, 1))
    first = request("a", 1)
    hosts.push(first)
    hosts.pop(10.0)
    hosts.release(first, 10.5)
    hosts.push(request("a", 2))
    assert hosts.pop(11.0) is None
    assert hosts.pop(12.0) is not None


def test_a_host_that_waits_holds_up_no_other() -> None:
    hosts = schedule(HostRule(5.0, None))
    for host in ("a", "a", "b"):
        hosts.push(request(host))
    assert [host_of(each.url) for each in popped(hosts, 1.0)] == ["a", "b"]


def test_a_host_gets_as_many_connections_as_its_rule_allows() -> None:
    hosts = schedule(HostRule(0.0, 2))
    for number in range(4):
        hosts.push(request("a", number))
    assert len(popped(hosts)) == 2
    assert hosts.next_ready_at is None
    hosts.release(request("a", 0), 0.0)
    assert len(popped(hosts)) == 1


def test_requests_of_a_host_come_by_priority_then_depth_then_age() -> None:
    hosts = schedule()
    order = [
        request("a", 1, priority=5, depth=9),
        request("a", 2, priority=1, depth=0),
        request("a", 3, priority=0, depth=1),
        request("a", 4, priority=0, depth=1),
        request("a", 5, priority=0, depth=2),
        request("a", 6, priority=-1, depth=0),
    ]
    for place in (4, 0, 2, 5, 1, 3):
        hosts.push(order[place])
    assert popped(hosts) == order


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40), st.floats(0, 1))
def test_without_delays_hosts_are_served_round_robin(names: list[str], step: float) -> None:
    hosts = schedule()
    for number, name in enumerate(names):
        hosts.push(request(name, number))
    left = Counter(names)
    now = 0.0
    while left:
        turn = [hosts.pop(now := now + step) for _ in range(len(left))]
        assert {host_of(each.url) for each in turn if each} == set(left)
        left = +(left - Counter(list(left)))


def test_a_host_that_just_came_does_not_overtake_those_that_wait_twice() -> None:
    hosts = schedule()
    for number in range(3):
        hosts.push(request("old", number))
    hosts.pop(1.0)
    for number in range(3):
        hosts.push(request("new", number))
    assert [host_of(each.url) for each in popped(hosts, 1.0)] == ["new", "old", "new", "old", "new"]


def test_a_deferred_request_is_not_popped_before_its_time() -> None:
    hosts = schedule()
    hosts.defer(request("a"), 5.0)
    assert (len(hosts), hosts.next_ready_at) == (1, 5.0)
    assert hosts.pop(4.9) is None
    assert hosts.pop(5.0) == request("a")
    assert (len(hosts), hosts.next_ready_at) == (0, None)


def test_a_deferred_request_waits_for_its_host_like_any_other() -> None:
    hosts = schedule(HostRule(10.0, None))
    hosts.push(request("a", 1))
    hosts.defer(request("a", 2), 5.0)
    assert hosts.pop(1.0) == request("a", 1)
    assert hosts.pop(6.0) is None
    assert hosts.next_ready_at == 11.0
    assert hosts.pop(11.0) == request("a", 2)


def test_hosts_with_nothing_to_remember_are_forgotten() -> None:
    hosts = schedule()
    for number in range(10_000):
        each = request(f"host{number}")
        hosts.push(each)
        assert hosts.pop(float(number)) == each
        hosts.release(each, float(number))
    assert hosts.hosts <= 1024


def test_a_host_is_remembered_until_its_delay_is_over() -> None:
    hosts = schedule(HostRule(100.0, None))
    for number in range(3000):
        each = request(f"host{number}")
        hosts.push(each)
        hosts.pop(1.0)
        hosts.release(each, 1.0)
    assert hosts.hosts == 3000
    hosts.push(request("host0", 2))
    assert hosts.pop(100.9) is None
    assert hosts.pop(101.0) == request("host0", 2)


def test_a_host_with_an_open_connection_is_remembered() -> None:
    hosts = schedule(HostRule(0.0, 1))
    busy = request("busy", 1)
    hosts.push(busy)
    assert hosts.pop(0.0) == busy
    for number in range(3000):
        each = request(f"host{number}")
        hosts.push(each)
        hosts.pop(float(number))
        hosts.release(each, float(number))
    hosts.push(request("busy", 2))
    assert hosts.pop(1e6) is None
    hosts.release(busy, 1e6)
    assert hosts.pop(1e6) == request("busy", 2)


def test_the_representation_counts_requests_hosts_and_ready_hosts() -> None:
    hosts = schedule(HostRule(0.0, 1))
    for name in ("a", "a", "b"):
        hosts.push(request(name))
    hosts.pop(0.0)
    assert repr(hosts) == "<Schedule 2 requests, 2 hosts, 1 ready>"


class ScheduleMachine(RuleBasedStateMachine):
    """Any sequence of calls, beside a model that looks at everything each time."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(RULES.__getitem__)
        self.now = 0.0
        self.number = 0
        self.waiting: dict[str, list[Request]] = {host: [] for host in RULES}
        self.deferred: list[tuple[float, int, Request]] = []
        self.active: list[Request] = []
        self.pushed: Counter[str] = Counter()
        self.popped: Counter[str] = Counter()
        self.starts: dict[str, list[float]] = {host: [] for host in RULES}

    def new_request(self, host: str, priority: int = 0, depth: int = 0) -> Request:
        self.number += 1
        made = request(host, self.number, priority=priority, depth=depth)
        self.pushed[made.url] += 1
        return made

    def free_at(self, host: str) -> float:
        return self.starts[host][-1] + RULES[host].delay if self.starts[host] else 0.0

    def ready_hosts(self) -> list[str]:
        """Hosts with requests and a free connection: those that belong into the heap."""
        return [
            host
            for host, rule in RULES.items()
            if self.waiting[host] and (rule.connections is None or self.in_use(host) < rule.connections)
        ]

    def in_use(self, host: str) -> int:
        return sum(host_of(each.url) == host for each in self.active)

    @rule(host=st.sampled_from(list(RULES)), priority=st.integers(-1, 1), depth=st.integers(0, 3))
    def push(self, host: str, priority: int, depth: int) -> None:
        made = self.new_request(host, priority, depth)
        self.waiting[host].append(made)
        self.schedule.push(made)

    @rule(host=st.sampled_from(list(RULES)), wait=st.sampled_from([0.0, 0.5, 3.0]))
    def defer(self, host: str, wait: float) -> None:
        made = self.new_request(host)
        self.deferred.append((self.now + wait, self.number, made))
        self.schedule.defer(made, self.now + wait)

    @rule(seconds=st.sampled_from([0.25, 1.0, 2.5]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def pop(self) -> None:
        for due in sorted(entry for entry in self.deferred if entry[0] <= self.now):
            self.deferred.remove(due)
            self.waiting[host_of(due[2].url)].append(due[2])
        may_be_asked = [host for host in self.ready_hosts() if self.free_at(host) <= self.now]
        taken = self.schedule.pop(self.now)
        if taken is None:
            assert not may_be_asked
            return
        host = host_of(taken.url)
        assert self.free_at(host) == min(self.free_at(each) for each in may_be_asked)
        assert host in may_be_asked
        # `min` takes the first of equals, and the oldest stands first.
        assert taken == min(self.waiting[host], key=lambda each: (-each.priority, each.depth))
        self.waiting[host].remove(taken)
        self.active.append(taken)
        self.starts[host].append(self.now)
        self.popped[taken.url] += 1

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        done = data.draw(st.sampled_from(self.active))
        self.active.remove(done)
        self.schedule.release(done, self.now)

    @invariant()
    def a_host_is_in_the_heap_if_and_only_if_it_has_requests_and_a_free_connection(self) -> None:
        ready = self.ready_hosts()
        waiting = len(self.deferred) + sum(map(len, self.waiting.values()))
        assert repr(self.schedule) == f"<Schedule {waiting} requests, {self.schedule.hosts} hosts, {len(ready)} ready>"
        times = [self.free_at(host) for host in ready] + [until for until, _, _ in self.deferred]
        assert self.schedule.next_ready_at == min(times, default=None)
        first = min(map(self.free_at, ready), default=None)
        assert self.schedule.next_host in {host for host in ready if self.free_at(host) == first} or not ready
        assert len(self.schedule) == waiting

    @invariant()
    def no_host_gets_more_connections_than_allowed_and_starts_keep_their_distance(self) -> None:
        for host, limits in RULES.items():
            assert limits.connections is None or self.in_use(host) <= limits.connections
            assert all(later - earlier >= limits.delay for earlier, later in pairwise(self.starts[host]))

    def teardown(self) -> None:
        """Let everything run to its end: whatever was pushed is popped exactly once."""
        while len(self.schedule):
            for done in list(self.active):
                self.active.remove(done)
                self.schedule.release(done, self.now)
            ready_at = self.schedule.next_ready_at
            assert ready_at is not None
            self.now = max(self.now, ready_at)
            self.pop()
        assert self.popped == self.pushed


TestScheduleMachine = ScheduleMachine.TestCase


@pytest.mark.parametrize("rule", [FREE, HostRule(1.0, 1)])
def test_each_call_costs_no_more_with_a_hundred_thousand_requests(rule: HostRule) -> None:
    # Not timed: a schedule that scanned its requests or hosts would not end within the test's time.
    hosts = schedule(rule)
    for number in range(100_000):
        hosts.push(request(f"host{number % 20_000}", number))
    count = 0
    now = 0.0
    while len(hosts):
        for taken in popped(hosts, now):
            hosts.release(taken, now)
            count += 1
        now = hosts.next_ready_at or now
    assert count == 100_000
