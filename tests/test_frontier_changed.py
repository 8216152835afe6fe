"""When the frontier says that something else may be fetched than before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crawler.frontier.frontier import Frontier
from crawler.models import ROBOTS, Failure, Refusal, Request, State
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule
from crawler.state.memory_journal import MemoryJournal

FAILURE = Failure("http://a.example/1", State.FAILED, "ConnectError", "refused")
ROBOTS_REQUEST = Request("http://a.example/robots.txt", label=ROBOTS)


def page(number: int = 1, host: str = "a.example") -> Request:
    return Request(f"http://{host}/{number}")


class Watched:
    """A frontier, and how often it said that something has changed."""

    def __init__(self, rule: HostRule = HostRule(0.0, None), *, window: int | None = None) -> None:  # noqa: B008  # frozen
        self.calls = 0
        journal = None if window is None else MemoryJournal(lambda: None)
        self.frontier = Frontier(lambda _: rule, journal=journal, window=window, changed=self.note)

    def note(self) -> None:
        self.calls += 1

    def calls_of(self, action: Callable[[], object]) -> int:
        before = self.calls
        action()
        return self.calls - before

    def acquired(self, now: float = 0.0) -> Request:
        taken = self.frontier.acquire(now)
        assert taken is not None
        return taken


@pytest.fixture
def free() -> Watched:
    return Watched()


@pytest.fixture
def polite() -> Watched:
    return Watched(HostRule(2.0, 1))


def test_a_new_request_of_an_idle_host_is_told(free: Watched) -> None:
    assert free.calls_of(lambda: free.frontier.add(page())) == 1


def test_another_request_of_a_host_that_may_be_asked_already_is_not_told(free: Watched) -> None:
    free.frontier.add(page())
    assert free.calls_of(lambda: free.frontier.add(page(2))) == 0


def test_a_new_request_of_a_host_that_waits_for_its_answer_is_not_told(polite: Watched) -> None:
    polite.frontier.add(page())
    polite.acquired()
    assert polite.calls_of(lambda: polite.frontier.add(page(2))) == 0


def test_what_is_known_or_refused_is_not_told(free: Watched) -> None:
    free.frontier.add(page())
    assert free.calls_of(lambda: free.frontier.add(page())) == 0
    assert free.calls_of(lambda: free.frontier.refuse(page(2), Refusal.SCOPE)) == 0
    assert free.calls_of(lambda: free.frontier.refuse(page(3), Refusal.DEPTH)) == 0


def test_acquiring_tells_nothing_also_where_a_retry_is_due(free: Watched) -> None:
    free.frontier.add(page())
    taken = free.acquired()
    free.frontier.release(taken, 0.0)
    free.frontier.retry(taken, 5.0, FAILURE)
    free.frontier.add(page(2))
    assert free.calls_of(lambda: [free.frontier.acquire(9.0) for _ in range(4)]) == 0


def test_looking_and_closing_and_slowing_down_tell_nothing(free: Watched) -> None:
    free.frontier.add(page())

    def look() -> None:
        free.frontier.close(page())
        free.frontier.slow_down(page(), 5.0, 1.0)
        free.frontier.statistics()
        free.frontier.hosts(9, now=2.0)
        assert (free.frontier.next_ready_at, free.frontier.next_host) == (None, "")

    assert free.calls_of(look) == 0


def test_putting_back_tells_nothing_as_who_acquires_goes_on(free: Watched) -> None:
    free.frontier.add(page())
    taken = free.acquired()
    assert free.calls_of(lambda: free.frontier.put_back(taken)) == 0


def test_the_beginning_of_an_answer_is_told_where_a_delay_begins_that_others_wait_for() -> None:
    polite = Watched(HostRule(2.0, 2))
    polite.frontier.add(page())
    polite.frontier.add(page(2))
    taken = polite.acquired()
    assert polite.calls_of(lambda: polite.frontier.answered(taken, 1.0, 1.0)) == 1
    assert polite.frontier.next_ready_at == 3.0
    assert polite.calls_of(lambda: polite.frontier.answered(taken, 1.5, 1.5)) == 0


def test_the_beginning_of_an_answer_is_not_told_where_no_delay_counts_from_it(free: Watched) -> None:
    free.frontier.add(page())
    free.frontier.add(page(2))
    taken = free.acquired()
    assert free.calls_of(lambda: free.frontier.answered(taken, 1.0, 1.0)) == 0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_release_is_told_as_it_leaves_a_place(free: Watched, outcome: Outcome) -> None:
    free.frontier.add(page())
    taken = free.acquired()
    assert free.calls_of(lambda: free.frontier.release(taken, 1.0, outcome)) == 1


def test_opening_a_host_is_told_where_it_has_requests(free: Watched) -> None:
    free.frontier.add(page())
    taken = free.acquired()
    free.frontier.close(taken)
    free.frontier.put_back(taken)
    assert free.frontier.acquire(0.0) is None
    assert free.calls_of(lambda: free.frontier.open(taken)) == 1
    free.frontier.close(page(1, "empty.example"))
    assert free.calls_of(lambda: free.frontier.open(page(1, "empty.example"))) == 0


def test_a_robots_request_is_told(free: Watched) -> None:
    free.frontier.add(page())
    taken = free.acquired()
    free.frontier.close(taken)
    free.frontier.put_back(taken)
    assert free.calls_of(lambda: free.frontier.interpose(ROBOTS_REQUEST)) == 1
    assert free.frontier.acquire(0.0) is ROBOTS_REQUEST


def test_an_address_is_told_where_the_host_moves_to_one_that_may_be_asked() -> None:
    watched = Watched(HostRule(0.0, None, address_connections=1))
    for host in ("a.example", "b.example"):
        watched.frontier.add(page(1, host))
    assert watched.calls_of(lambda: watched.frontier.place(page(1, "a.example"), "192.0.2.1")) == 1
    watched.frontier.place(page(1, "b.example"), "192.0.2.2")
    watched.acquired()
    watched.acquired()
    watched.frontier.add(page(1, "c.example"))
    assert watched.calls_of(lambda: watched.frontier.place(page(1, "c.example"), "192.0.2.1")) == 0  # which is in use


def test_a_rule_with_more_connections_is_told() -> None:
    watched = Watched(HostRule(0.0, 1))
    watched.frontier.add(page())
    watched.frontier.add(page(2))
    watched.acquired()
    assert watched.frontier.acquire(0.0) is None
    assert watched.calls_of(lambda: watched.frontier.set_rule("a.example", HostRule(0.0, 2))) == 1
    assert watched.acquired() is not None


def test_a_retry_is_told(free: Watched) -> None:
    free.frontier.add(page())
    free.frontier.add(page(2))
    taken, _ = free.acquired(), free.acquired()
    free.frontier.release(taken, 0.0)
    assert free.calls_of(lambda: free.frontier.retry(taken, 5.0, FAILURE)) == 1


def test_what_is_given_back_is_told_where_its_host_could_not_be_asked(free: Watched) -> None:
    free.frontier.add(page())
    free.frontier.add(page(2))
    taken, _ = free.acquired(), free.acquired()
    free.frontier.release(taken, 0.0)
    assert free.calls_of(lambda: free.frontier.give_back(taken)) == 1


def test_the_end_of_the_last_request_in_flight_is_told_and_no_other(free: Watched) -> None:
    free.frontier.add(page())
    free.frontier.add(page(2))
    first, second = free.acquired(), free.acquired()
    for taken in (first, second):
        free.frontier.release(taken, 0.0)
    assert free.calls_of(lambda: free.frontier.finish(first, State.DONE)) == 0
    assert free.calls_of(lambda: free.frontier.end(second, State.FAILED, failure=FAILURE)) == 1


def test_what_is_read_from_the_disk_is_told() -> None:
    watched = Watched(window=100)
    window = watched.frontier.window
    assert watched.calls_of(lambda: window.expect("a.example", 0.0)) == 0
    [part] = window.wanted(1)
    rows = [(Request(f"http://a.example/{number}", serial=number), 0.0) for number in range(1, 10)]
    assert watched.calls_of(lambda: window.extend(part, rows)) == 1


def test_what_is_read_from_the_disk_and_waits_for_its_time_is_told() -> None:
    watched = Watched(window=100)
    watched.frontier.window.expect("a.example", 0.0)
    [part] = watched.frontier.window.wanted(1)
    row = Request("http://a.example/1", serial=1), 7.0
    assert watched.calls_of(lambda: watched.frontier.window.extend(part, [row])) == 1
    assert watched.frontier.next_ready_at == 7.0


def test_what_goes_to_the_disk_alone_is_not_told() -> None:
    watched = Watched(window=1)
    for number in range(16):
        watched.frontier.add(page(number))
    assert watched.calls_of(lambda: watched.frontier.add(page(99))) == 0
    assert watched.frontier.statistics().held == 16
