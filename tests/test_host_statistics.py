from __future__ import annotations

import pytest

from crawler.frontier.frontier import Frontier
from crawler.frontier.host_statistics import HostOrder, HostStatistics, WaitsFor
from crawler.models import ROBOTS, Failure, Request, State
from crawler.policy.pace import Outcome
from crawler.policy.politeness import HostRule
from crawler.state.memory_journal import MemoryJournal

FREE = HostRule(0.0, None)
FAILURE = Failure("http://a.example/1", State.FAILED, "ConnectError", "refused")
ROBOTS_REQUEST = Request("http://a.example/robots.txt", label=ROBOTS)


def page(number: int = 1, host: str = "a.example") -> Request:
    return Request(f"http://{host}/{number}")


def frontier_of(pages: int, rule: HostRule = FREE, places: int | None = None) -> Frontier:
    front = Frontier(lambda _: rule, places=places)
    for number in range(1, pages + 1):
        front.add(page(number))
    return front


def acquired(front: Frontier, now: float = 0.0) -> Request:
    taken = front.acquire(now)
    assert taken is not None
    return taken


def look(front: Frontier, now: float = 0.0, host: str = "a.example") -> HostStatistics:
    [found] = [each for each in front.hosts(1000, now=now) if each.name == host]
    return found


def told(front: Frontier, now: float = 0.0) -> tuple[WaitsFor, float | None]:
    """Return what the host waits for, and until when."""
    found = look(front, now)
    return found.waits_for, None if found.ready_in is None else round(now + found.ready_in, 6)


def test_a_host_that_may_be_asked_waits_for_nothing() -> None:
    assert look(frontier_of(3)) == HostStatistics(
        name="a.example",
        pending=3,
        has_more=False,
        active=0,
        delay=0.0,
        waits_for=WaitsFor.NOTHING,
        ready_in=None,
    )


def test_a_host_of_which_all_is_being_fetched_waits_for_requests() -> None:
    front = frontier_of(1)
    acquired(front)
    found = look(front)
    assert (found.pending, found.active, found.waits_for) == (0, 1, WaitsFor.REQUESTS)


def test_its_delay_counts_from_an_answer_and_then_passes() -> None:
    front = frontier_of(2, HostRule(2.0, None))
    taken = acquired(front)
    assert told(front, 5.0) == (WaitsFor.ANSWER, None)
    front.answered(taken, 6.0, 1.0)
    assert told(front, 6.5) == (WaitsFor.DELAY, 8.0)
    assert told(front, 8.0) == (WaitsFor.NOTHING, None)
    assert look(front).delay == 2.0


def test_the_delay_of_its_address_counts_as_its_own() -> None:
    front = frontier_of(1, HostRule(0.0, None, address_delay=3.0))
    front.add(page(1, "b.example"))
    for host in ("a.example", "b.example"):
        front.place(page(1, host), "192.0.2.1")
    taken = acquired(front)
    other = "b.example" if "a.example" in taken.url else "a.example"
    assert look(front, 1.0, other).waits_for is WaitsFor.ANSWER
    front.answered(taken, 2.0, 1.0)
    found = look(front, 3.0, other)
    assert (found.waits_for, found.ready_in) == (WaitsFor.DELAY, 2.0)


def test_it_waits_for_a_connection_of_its_own_or_of_its_address() -> None:
    front = frontier_of(2, HostRule(0.0, 1))
    acquired(front)
    assert told(front) == (WaitsFor.CONNECTION, None)
    front = frontier_of(2, HostRule(0.0, None, address_connections=1))
    front.place(page(), "192.0.2.1")
    acquired(front)
    assert told(front) == (WaitsFor.CONNECTION, None)


def test_it_waits_for_its_robots_txt() -> None:
    front = frontier_of(2)
    taken = acquired(front)
    front.close(taken)
    front.put_back(taken)
    front.interpose(ROBOTS_REQUEST)
    assert told(front) == (WaitsFor.ROBOTS, None)
    assert acquired(front) is ROBOTS_REQUEST
    assert told(front) == (WaitsFor.ROBOTS, None)
    front.release(ROBOTS_REQUEST, 0.0)
    front.open(taken)
    assert told(front) == (WaitsFor.NOTHING, None)


def test_it_waits_for_the_look_up_of_its_address_and_then_for_its_robots_txt() -> None:
    front = frontier_of(1, HostRule(0.0, None, address_connections=8))
    taken = acquired(front)
    front.close(taken)
    front.put_back(taken)
    assert told(front) == (WaitsFor.LOOKUP, None)
    front.place(taken, "192.0.2.1")
    assert told(front) == (WaitsFor.ROBOTS, None)


def test_a_pause_that_it_asked_for_is_told_from_its_delay() -> None:
    front = frontier_of(2, HostRule(1.0, None))
    front.release(acquired(front), 10.0, Outcome.OVERLOADED, pause=7.0)
    assert told(front, 16.9) == (WaitsFor.PAUSE, 17.0)
    assert told(front, 17.0) == (WaitsFor.NOTHING, None)


def test_a_longer_delay_because_it_was_overloaded_is_no_pause() -> None:
    front = frontier_of(2, HostRule(1.0, None))
    front.release(acquired(front), 10.0, Outcome.OVERLOADED)
    assert told(front, 10.5)[0] is WaitsFor.DELAY


def test_a_host_that_keeps_failing_has_pauses_and_is_given_up_at_last() -> None:
    front = frontier_of(9, HostRule(0.0, None, max_delay=1000.0, give_up_after=1))
    now, seen = 1.0, []
    while front.acquire(now) is not None:
        front.release(page(), now, Outcome.BROKEN)
        waits_for, ready_at = told(front, now)
        seen.append(waits_for)
        if waits_for is WaitsFor.DOWN:
            break
        assert ready_at is not None
        now = ready_at
    assert seen == [WaitsFor.PAUSE] * 3 + [WaitsFor.DOWN]


def test_the_pause_of_an_earlier_crawl_is_told() -> None:
    front = frontier_of(1, HostRule(1.0, None))
    front.release(acquired(front), 10.0, Outcome.OVERLOADED, pause=50.0)
    data = front.host(page()).remembered(11.0)
    assert data is not None
    later = frontier_of(1, HostRule(1.0, None))
    later.restore("a.example", data)
    assert told(later, 20.0) == (WaitsFor.PAUSE, 60.0)


def test_a_host_whose_requests_all_failed_waits_for_the_first_retry() -> None:
    front = frontier_of(2)
    for ready_at in (9.0, 5.0):
        taken = acquired(front)
        front.release(taken, 0.0)
        front.retry(taken, ready_at, FAILURE)
    found = look(front, 1.0)
    assert (found.pending, found.waits_for, found.ready_in) == (2, WaitsFor.RETRY, 4.0)


def test_a_host_with_requests_on_the_disk_says_so() -> None:
    front = Frontier(lambda _: FREE, journal=MemoryJournal(lambda: None), window=1)
    for number in range(20):
        front.add(page(number))
    found = look(front)
    assert (found.pending, found.has_more, found.waits_for) == (16, True, WaitsFor.NOTHING)
    for _ in range(16):
        acquired(front)
    assert told(front) == (WaitsFor.DISK, None)


def test_a_host_that_is_not_prompt_waits_for_one_of_the_places_for_such_hosts() -> None:
    front = frontier_of(1, places=2)
    front.release(acquired(front), 0.0, Outcome.ANSWERED, seconds=0.1)
    for host in ("b.example", "c.example"):
        front.add(page(1, host))
    acquired(front, 1.0)
    front.add(page(2))
    waiting = {each.name: each.waits_for for each in front.hosts(9, now=1.0)}
    assert waiting["c.example"] is WaitsFor.PLACE
    assert waiting["a.example"] is WaitsFor.NOTHING


ORDERS: list[tuple[HostOrder, list[str]]] = [
    ("busiest", ["c.example", "b.example", "a.example"]),
    ("waiting", ["b.example", "a.example", "c.example"]),
    ("name", ["a.example", "b.example", "c.example"]),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
def test_the_first_hosts_of_an_order_are_returned(order: HostOrder, expected: list[str]) -> None:
    front = Frontier(lambda _: FREE)
    for host, count in (("c.example", 2), ("a.example", 2), ("b.example", 4)):
        for number in range(count):
            front.add(page(number, host))
    taken = [acquired(front) for _ in range(4)]  # two of the first, one each of the others
    assert len(taken) == 4
    assert [each.name for each in front.hosts(9, order, now=0.0)] == expected
    assert [each.name for each in front.hosts(2, order, now=0.0)] == expected[:2]
    assert front.hosts(0, order, now=0.0) == []
