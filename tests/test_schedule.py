from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from crawler.frontier.host import Host
from crawler.frontier.schedule import Schedule
from crawler.models import Request
from crawler.policy.order import Ranking
from crawler.policy.pace import Outcome
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
    made = Request(f"http://{host}/{number}", priority=priority, depth=depth)
    return replace(made, rank=Ranking().rank_of(made))


def schedule(rule: HostRule = FREE) -> Schedule:
    return Schedule(lambda _host: rule)


def popped(schedule: Schedule, now: float = 0.0) -> list[Request]:
    """Pop all that may be popped at ``now``."""
    return list(iter(lambda: schedule.pop(now), None))


def test_an_empty_schedule_has_nothing_and_waits_for_a_push() -> None:
    empty = schedule()
    assert empty.pop(10.0) is None
    assert (len(empty), empty.hosts, empty.next_ready_at, empty.next_host) == (0, 0, None, "")


def test_a_host_is_not_asked_again_before_its_delay_has_passed_since_its_answer_began() -> None:
    hosts = schedule(HostRule(2.0, None))
    first = request("a", 1)
    hosts.push(first)
    hosts.push(request("a", 2))
    assert (hosts.pop(10.0), hosts.next_ready_at) == (first, None)
    assert hosts.pop(99.0) is None  # the server may not have seen the first yet
    hosts.answered(first, 100.0, 0.1)
    assert hosts.next_ready_at == 102.0
    assert hosts.pop(101.999) is None
    assert hosts.pop(102.0) == request("a", 2)


def test_a_host_whose_request_is_put_back_is_remembered_however_many_there_are() -> None:
    hosts = schedule(HostRule(1.0, None, address_connections=8))
    for number in range(1500):
        hosts.push(request(f"host{number}"))
    first = hosts.pop(1.0)
    assert first is not None
    hosts.place(first, "192.0.2.1")
    hosts.put_back(first)
    assert hosts.host(first).is_placed
    assert len(hosts) == 1500


def test_the_delay_of_an_address_outlasts_the_hosts_that_were_asked() -> None:
    hosts = schedule(HostRule(0.0, None, address_delay=100.0))
    for number in range(1500):
        each = request(f"host{number}")
        hosts.push(each)
        hosts.place(each, f"192.0.2.{number}")
        assert hosts.pop(1.0) == each
        hosts.answered(each, 1.0, 0.1)
        hosts.release(each, 1.0)
    other = request("other")
    hosts.push(other)
    hosts.place(other, "192.0.2.1")
    assert hosts.pop(50.0) is None
    assert hosts.pop(101.0) == other


def test_the_delay_does_not_count_again_from_the_end_of_an_answer() -> None:
    hosts = schedule(HostRule(2.0, 1))
    first, second = request("a", 1), request("a", 2)
    hosts.push(first)
    hosts.push(second)
    hosts.pop(10.0)
    hosts.answered(first, 10.5, 0.5)
    assert hosts.pop(20.0) is None  # its connection is in use
    hosts.release(first, 20.0)
    assert hosts.pop(20.0) == second


def test_the_delay_counts_from_the_end_of_a_fetch_that_was_not_answered() -> None:
    hosts = schedule(HostRule(2.0, None))
    first = request("a", 1)
    hosts.push(first)
    hosts.push(request("a", 2))
    hosts.pop(10.0)
    hosts.release(first, 15.0, Outcome.BROKEN)
    assert hosts.next_ready_at == 17.0


def test_the_end_of_one_answer_does_not_begin_the_delay_of_another_that_is_awaited() -> None:
    hosts = schedule(HostRule(2.0, 3))
    requests = [request("a", number) for number in range(3)]
    for each in requests:
        hosts.push(each)
    hosts.pop(0.0)
    hosts.answered(requests[0], 1.0, 1.0)
    assert hosts.pop(3.0) is requests[1]
    hosts.release(requests[0], 4.0)
    assert hosts.next_ready_at is None
    hosts.answered(requests[1], 5.0, 2.0)
    assert hosts.next_ready_at == 7.0


def test_the_delay_holds_for_requests_that_come_after_the_host_was_idle() -> None:
    hosts = schedule(HostRule(2.0, 1))
    first = request("a", 1)
    hosts.push(first)
    hosts.pop(10.0)
    hosts.release(first, 10.5)
    hosts.push(request("a", 2))
    assert hosts.pop(12.0) is None
    assert hosts.pop(12.5) is not None


def test_a_request_that_is_put_back_costs_no_delay_and_no_connection() -> None:
    hosts = schedule(HostRule(2.0, 1, address_delay=5.0, address_connections=1))
    first = request("a", 1)
    hosts.push(first)
    hosts.place(first, "192.0.2.1")
    assert hosts.pop(10.0) is first
    hosts.put_back(first)
    assert (len(hosts), hosts.pop(10.0)) == (1, first)


def test_jitter_prolongs_the_delay_by_chance() -> None:
    hosts = Schedule(lambda _: HostRule(2.0, None, jitter=0.5), jitter=lambda: 0.5)
    first = request("a", 1)
    hosts.push(first)
    hosts.push(request("a", 2))
    hosts.pop(0.0)
    hosts.answered(first, 10.0, 0.0)
    assert hosts.next_ready_at == 12.5


# ── what hosts ask for ──


def answered(hosts: Schedule, each: Request, now: float, outcome: Outcome, **options: float) -> None:
    """Push, pop and release one request."""
    hosts.push(each)
    assert hosts.pop(now) is each
    hosts.release(each, now, outcome, **options)


def test_a_host_that_asks_for_a_pause_gets_it_as_a_whole() -> None:
    hosts = schedule()
    answered(hosts, request("a", 1), 10.0, Outcome.OVERLOADED, pause=7.0)
    hosts.push(request("a", 2))
    assert hosts.next_ready_at == 17.0


def test_a_pause_is_no_longer_than_the_longest_delay() -> None:
    hosts = schedule(HostRule(0.0, None, max_delay=30.0))
    answered(hosts, request("a", 1), 10.0, Outcome.OVERLOADED, pause=1e9)
    hosts.push(request("a", 2))
    assert hosts.next_ready_at == 40.0


def test_a_pause_holds_for_a_host_that_waits_already() -> None:
    hosts = schedule()
    first, second = request("a", 1), request("a", 2)
    hosts.push(first)
    assert hosts.pop(1.0) is first
    hosts.push(second)
    hosts.release(first, 1.0, Outcome.OVERLOADED, pause=7.0)
    assert hosts.pop(7.9) is None
    assert hosts.pop(8.0) is second


def test_a_host_that_keeps_failing_gets_pauses_and_is_given_up_at_last() -> None:
    hosts = schedule(HostRule(0.0, None, max_delay=1000.0, give_up_after=3))
    now = 1000.0
    waits: list[float] = []
    while not hosts.host(request("a")).pace.is_down:
        answered(hosts, request("a", len(waits)), now, Outcome.BROKEN)
        hosts.push(sentinel := request("a", -1))
        ready_at = max(now, hosts.next_ready_at or now)
        waits.append(ready_at - now)
        now = ready_at
        assert hosts.pop(now) is sentinel
        hosts.release(sentinel, now, Outcome.UNKNOWN)
    assert waits == [0.0, 0.0, 30.0, 60.0, 120.0, 0.0]  # what waits for a host that is down may fail at once


def test_failures_of_requests_that_began_before_a_pause_do_not_prolong_it() -> None:
    hosts = schedule(HostRule(0.0, None, max_delay=1000.0, give_up_after=2))
    requests = [request("a", number) for number in range(10)]
    for each in requests:
        hosts.push(each)
    assert popped(hosts, 100.0) == requests
    for each in requests:
        hosts.release(each, 101.0, Outcome.BROKEN, seconds=1.0)
    hosts.push(probe := request("a", 99))
    assert hosts.next_ready_at == 131.0
    assert hosts.pop(131.0) is probe
    hosts.release(probe, 132.0, Outcome.BROKEN, seconds=1.0)
    hosts.push(request("a", 100))
    assert hosts.next_ready_at == 192.0


def test_a_host_that_failed_gets_one_connection_until_it_answers() -> None:
    hosts = schedule(HostRule(0.0, None, give_up_after=1))
    answered(hosts, request("a", 0), 0.0, Outcome.BROKEN)
    probe, others = request("a", 1), [request("a", number) for number in (2, 3)]
    for each in (probe, *others):
        hosts.push(each)
    assert popped(hosts, 100.0) == [probe]
    hosts.release(probe, 101.0, Outcome.ANSWERED)
    assert popped(hosts, 101.0) == others


# ── hosts of which something must be known first ──


def test_a_closed_host_is_not_asked_until_it_is_opened() -> None:
    hosts = schedule()
    each = request("a")
    hosts.push(each)
    hosts.close(each)
    assert hosts.pop(1.0) is None
    hosts.push(request("b"))
    assert hosts.pop(1.0) == request("b")
    hosts.open(each)
    assert hosts.pop(1.0) is each


def test_what_is_interposed_comes_before_all_others_which_wait_until_the_host_is_opened() -> None:
    hosts = schedule(HostRule(1.0, 1))
    page, robots_request = request("a", 1, priority=9), request("a", 2)
    hosts.push(page)
    hosts.close(page)
    hosts.interpose(robots_request)
    assert popped(hosts, 5.0) == [robots_request]
    hosts.release(robots_request, 6.0)
    assert hosts.pop(99.0) is None
    hosts.open(page)
    assert hosts.next_ready_at == 7.0
    assert hosts.pop(7.0) is page


def test_errands_of_other_hosts_take_turns_with_pages_and_come_after_its_own() -> None:
    hosts = schedule(HostRule(0.0, 1))
    foreign, pages = [request("a", n) for n in (1, 2, 3)], [request("a", n) for n in (4, 5)]
    own = request("a", 6)
    for page in pages:
        hosts.push(page)
    for other in foreign:
        hosts.interpose(other, is_for_other_host=True)
    hosts.close(own)
    hosts.interpose(own)
    order = []
    while each := hosts.pop(1.0):
        order.append(each)
        hosts.release(each, 1.0)
        if len(order) == 2:
            hosts.open(own)
    assert order == [own, foreign[0], pages[0], foreign[1], pages[1], foreign[2]]


def test_what_is_interposed_for_later_holds_the_host_until_then() -> None:
    hosts = schedule()
    hosts.push(request("a", 1))
    hosts.interpose(request("a", 2), 5.0)
    assert hosts.pop(4.9) is None
    assert hosts.pop(5.0) == request("a", 2)


def test_a_crawl_delay_counts_from_robots_txt_on() -> None:
    hosts = schedule(HostRule(1.0, 1))
    robots_request = request("a", 2)
    hosts.push(request("a", 1))
    hosts.interpose(robots_request)
    hosts.pop(10.0)
    hosts.release(robots_request, 10.0)
    hosts.slow_down(robots_request, 5.0, 10.0)
    hosts.open(robots_request)
    assert hosts.next_ready_at == 15.0


def test_of_two_crawl_delays_by_http_and_by_https_the_longer_counts() -> None:
    hosts = schedule(HostRule(1.0, 1))
    hosts.push(request("a", 1))
    hosts.slow_down(Request("http://a/"), 5.0, 10.0)
    hosts.slow_down(Request("https://a/"), 2.0, 10.0)
    each = hosts.pop(20.0)
    assert each is not None
    hosts.push(request("a", 2))
    hosts.release(each, 20.0)
    assert hosts.next_ready_at == 25.0


# ── addresses ──


def on_one_address(rule: HostRule, count: int) -> Schedule:
    """Return a schedule with a request for each of ``count`` hosts, all of them on one address."""
    hosts = schedule(rule)
    for number in range(count):
        hosts.push(request(f"host{number}"))
        hosts.place(request(f"host{number}"), "192.0.2.1")
    return hosts


def test_hosts_on_one_address_share_its_connections() -> None:
    hosts = on_one_address(HostRule(0.0, None, address_connections=3), 1000)
    taken = popped(hosts, 1.0)
    assert len(taken) == 3
    assert hosts.next_ready_at is None
    hosts.release(taken[0], 1.0)
    assert len(popped(hosts, 1.0)) == 1


def test_hosts_on_one_address_share_its_delay() -> None:
    hosts = on_one_address(HostRule(0.0, None, address_delay=2.0), 3)
    first = hosts.pop(10.0)
    assert first is not None
    assert hosts.pop(99.0) is None
    hosts.answered(first, 100.0, 0.1)
    assert hosts.next_ready_at == 102.0
    assert len(popped(hosts, 102.0)) == 1


def test_hosts_of_other_addresses_do_not_wait_for_a_busy_one() -> None:
    hosts = on_one_address(HostRule(0.0, None, address_connections=1), 10)
    hosts.push(request("elsewhere"))
    hosts.place(request("elsewhere"), "192.0.2.2")
    assert len(popped(hosts, 1.0)) == 2


def test_the_address_of_a_host_does_not_matter_where_it_has_no_limits() -> None:
    hosts = on_one_address(FREE, 10)
    assert len(popped(hosts, 1.0)) == 10


def test_requests_in_flight_when_the_address_becomes_known_count() -> None:
    hosts = schedule(HostRule(0.0, None, address_connections=1))
    early = request("a", 1)
    hosts.push(early)
    assert hosts.pop(0.0) is early
    hosts.push(request("a", 2))
    hosts.place(early, "192.0.2.1")
    assert hosts.pop(0.0) is None
    hosts.release(early, 0.0)
    assert hosts.pop(0.0) == request("a", 2)


# ── lanes ──


def test_hosts_that_are_not_prompt_leave_half_of_the_places_to_those_that_are() -> None:
    hosts = Schedule(lambda _: FREE, places=10)
    answered(hosts, request("prompt", 0), 0.0, Outcome.ANSWERED, seconds=0.1)
    for number in range(100):
        hosts.push(request(f"slow{number}"))
    assert len(popped(hosts, 1.0)) == 5
    hosts.push(request("prompt", 1))
    assert popped(hosts, 1.0) == [request("prompt", 1)]


def test_a_host_is_not_prompt_because_its_robots_txt_was() -> None:
    hosts = schedule()
    answered(hosts, request("a", 1), 0.0, Outcome.ANSWERED)
    assert not hosts.host(request("a")).pace.is_prompt


def test_hosts_that_are_not_prompt_get_all_places_where_nobody_else_wants_them() -> None:
    hosts = Schedule(lambda _: FREE, places=10)
    for number in range(100):
        hosts.push(request(f"new{number}"))
    assert len(popped(hosts, 1.0)) == 100  # the caller counts places


def test_a_host_that_is_slow_once_is_no_longer_prompt_and_may_become_so_again() -> None:
    hosts = schedule()
    pace = hosts.host(request("a")).pace
    for seconds, is_prompt in ((0.1, True), (1.5, False), (1.0, True)):
        answered(hosts, request("a", 1), 0.0, Outcome.ANSWERED, seconds=seconds)
        assert pace.is_prompt is is_prompt


def test_a_host_that_becomes_prompt_while_it_waits_changes_lanes() -> None:
    hosts = Schedule(lambda _: FREE, places=4)
    answered(hosts, request("prompt", 0), 0.0, Outcome.ANSWERED, seconds=0.1)
    first, *others = [request("new", 1), request("slow1"), request("slow2"), request("new", 2)]
    hosts.push(first)
    assert hosts.pop(0.0) is first
    for each in others:
        hosts.push(each)
    assert popped(hosts) == [request("slow1")]  # and both places of the others are taken
    hosts.release(first, 0.5, Outcome.ANSWERED, seconds=0.5)
    assert popped(hosts, 1.0) == [request("new", 2), request("slow2")]


def test_hosts_that_are_not_prompt_get_one_turn_in_sixty_four_while_others_are_ready() -> None:
    hosts = Schedule(lambda _: FREE, places=1000)
    answered(hosts, request("prompt", 0), 5.0, Outcome.ANSWERED, seconds=0.1)
    for number in range(256):
        hosts.push(request(f"new{number}"))
        hosts.push(request("prompt", number))
    order = [host_of(each.url) for each in popped(hosts, 6.0)]
    assert [order[:256].count("prompt"), len(order)] == [252, 512]
    assert "prompt" not in order[260:]


def test_while_the_caller_is_hurried_others_wait_for_their_turn_as_long_as_a_prompt_host_is_asked() -> None:
    hosts = Schedule(lambda _: FREE, places=1000)
    answered(hosts, request("prompt", 0), 5.0, Outcome.ANSWERED, seconds=0.1)
    for number in range(3):
        hosts.push(request(f"new{number}"))
    first = hosts.pop(6.0, is_loop_late=True)  # nobody else is asked
    assert first is not None
    hosts.push(asked := request("prompt", 1))
    assert hosts.pop(6.0, is_loop_late=True) is asked
    assert hosts.pop(6.0, is_loop_late=True) is None
    assert hosts.pop(6.0) is not None
    hosts.release(asked, 7.0)
    assert hosts.pop(7.0, is_loop_late=True) is not None


# ── the rest ──


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
    first = hosts.pop(1.0)
    assert first is not None
    hosts.answered(first, 1.0, 0.0)
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


def test_a_call_looks_at_two_hosts_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at two hundred thousand of them at once would hold the event loop for a tenth of a second."""
    looks = Counter[int]()
    call = 0
    is_worth_keeping = Host.is_worth_keeping

    def counted(host: Host, now: float) -> bool:
        looks[call] += 1
        return is_worth_keeping(host, now)

    monkeypatch.setattr(Host, "is_worth_keeping", counted)
    hosts = schedule()
    for number in range(20_000):
        hosts.push(request(f"host{number}"))
    for each in popped(hosts):
        call += 1
        hosts.release(each, 0.0)
    assert max(looks.values()) == 2
    assert hosts.hosts <= 1024


def test_prompt_hosts_that_are_forgotten_leave_no_place_to_themselves() -> None:
    hosts = Schedule(lambda _host: FREE, places=2)
    for number in range(3000):
        each = request(f"host{number}")
        hosts.push(each)
        assert hosts.pop(float(number)) == each
        hosts.release(each, float(number), seconds=0.1)
    assert hosts.lanes._prompt_hosts == hosts.hosts


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
        self.awaited: dict[str, Request] = {}
        self.closed: set[str] = set()
        self.free_at = dict.fromkeys(RULES, 0.0)

    def new_request(self, host: str, priority: int = 0, depth: int = 0) -> Request:
        self.number += 1
        made = request(host, self.number, priority=priority, depth=depth)
        self.pushed[made.url] += 1
        return made

    def ready_hosts(self) -> list[str]:
        """Hosts that belong into the heaps."""
        return [
            host
            for host, rule in RULES.items()
            if self.waiting[host]
            and host not in self.closed
            and host not in self.awaited
            and (rule.connections is None or self.in_use(host) < rule.connections)
        ]

    def in_use(self, host: str) -> int:
        return sum(host_of(each.url) == host for each in self.active)

    def begin_delay(self, done: Request) -> None:
        host = host_of(done.url)
        if self.awaited.get(host) is done:
            del self.awaited[host]
            self.free_at[host] = self.now + RULES[host].delay

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

    @rule(host=st.sampled_from(list(RULES)))
    def close(self, host: str) -> None:
        self.closed.add(host)
        self.schedule.close(request(host))

    @precondition(lambda self: self.closed)
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.closed)))
        self.closed.remove(host)
        self.schedule.open(request(host))

    @rule()
    def pop(self) -> None:
        for due in sorted(entry for entry in self.deferred if entry[0] <= self.now):
            self.deferred.remove(due)
            self.waiting[host_of(due[2].url)].append(due[2])
        may_be_asked = [host for host in self.ready_hosts() if self.free_at[host] <= self.now]
        taken = self.schedule.pop(self.now)
        if taken is None:
            assert not may_be_asked
            return
        host = host_of(taken.url)
        assert host in may_be_asked
        # `min` takes the first of equals, and the oldest stands first.
        assert taken == min(self.waiting[host], key=lambda each: (-each.priority, each.depth))
        self.waiting[host].remove(taken)
        self.active.append(taken)
        if RULES[host].delay:
            self.awaited[host] = taken
        self.popped[taken.url] += 1

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        each = data.draw(st.sampled_from(self.active))
        self.schedule.answered(each, self.now, 0.0)
        self.begin_delay(each)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), outcome=st.sampled_from([Outcome.ANSWERED, Outcome.BROKEN]))
    def release(self, data: st.DataObject, outcome: Outcome) -> None:
        done = data.draw(st.sampled_from(self.active))
        self.active.remove(done)
        self.schedule.release(done, self.now, outcome)
        self.begin_delay(done)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        undone = data.draw(st.sampled_from(self.active))
        host = host_of(undone.url)
        self.active.remove(undone)
        if self.awaited.get(host) is undone:
            del self.awaited[host]
        self.waiting[host].insert(0, undone)  # before those that came after it
        self.popped[undone.url] -= 1
        self.schedule.put_back(undone)

    @invariant()
    def what_is_ready_when_is_what_the_model_says(self) -> None:
        ready = self.ready_hosts()
        times = [self.free_at[host] for host in ready] + [until for until, _, _ in self.deferred]
        expected, known = min(times, default=None), self.schedule.next_ready_at
        # Hosts without a delay are behind those that waited longer, at times that have passed.
        assert known == expected or (known is not None and expected is not None and max(known, expected) <= self.now)
        assert self.schedule.next_host in set(ready) or not ready
        assert len(self.schedule) == len(self.deferred) + sum(map(len, self.waiting.values()))

    @invariant()
    def no_host_gets_more_connections_than_allowed(self) -> None:
        for host, limits in RULES.items():
            assert limits.connections is None or self.in_use(host) <= limits.connections

    def teardown(self) -> None:
        """Let everything run to its end: whatever was pushed is popped exactly once."""
        for host in self.closed:
            self.schedule.open(request(host))
        self.closed.clear()
        while len(self.schedule):
            for done in list(self.active):
                self.active.remove(done)
                self.schedule.release(done, self.now)
                self.begin_delay(done)
            ready_at = self.schedule.next_ready_at
            assert ready_at is not None
            self.now = max(self.now, ready_at)
            self.pop()
        assert +self.popped == self.pushed


TestScheduleMachine = ScheduleMachine.TestCase
TestScheduleMachine.settings = settings(max_examples=60)


@pytest.mark.parametrize("rule", [FREE, HostRule(1.0, 1)])
def test_each_call_costs_no_more_with_forty_thousand_requests(rule: HostRule) -> None:
    # Not timed: a schedule that scanned its requests or hosts would not end within the test's time.
    hosts = schedule(rule)
    for number in range(40_000):
        hosts.push(request(f"host{number % 8_000}", number))
    count = 0
    now = 0.0
    while len(hosts):
        for taken in popped(hosts, now):
            hosts.release(taken, now)
            count += 1
        now = hosts.next_ready_at or now
    assert count == 40_000


def test_a_host_whose_requests_wait_for_another_attempt_is_not_forgotten_and_its_failures_count() -> None:
    hosts = schedule(HostRule(0.0, None, give_up_after=2))
    for number in range(2):
        hosts.push(request("failing", number))
    for _ in range(2):
        failed = hosts.pop(0.0)
        assert failed is not None
        hosts.release(failed, 0.0, Outcome.BROKEN, seconds=0.0)
        hosts.defer(failed, 1000.0)
    before = hosts.host(request("failing", 0))
    for number in range(3000):
        hosts.push(request(f"host{number}", 0))
        other = hosts.pop(500.0)
        assert other is not None
        hosts.release(other, 500.0, seconds=0.0)
    assert hosts.hosts < 3000  # others were forgotten
    assert hosts.host(request("failing", 0)) is before
