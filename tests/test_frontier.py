from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from crawler.frontier.frontier import Frontier
from crawler.models import ROBOTS, Failure, Ledger, Refusal, Request, State
from crawler.policy.politeness import HostRule

URLS = [f"http://{host}/{number}" for host in ("a.example", "b.example:81") for number in range(4)]
FAILURE = Failure("http://a.example/0", State.FAILED, "ConnectError", "refused")
FINAL = [State.DONE, State.FAILED, State.DENIED, State.REFUSED, State.QUARANTINED]


def frontier(rule: HostRule | None = None) -> Frontier:
    return Frontier(lambda _host: rule or HostRule(0.0, None))


def request(number: int = 0, depth: int = 0) -> Request:
    return Request(f"http://a.example/{number}", depth=depth)


def acquired(frontier: Frontier, now: float = 0.0) -> Request:
    """Acquire and release the next request."""
    taken = frontier.acquire(now)
    assert taken is not None
    frontier.release(taken, now)
    return taken


def url_of(request: Request | None) -> str:
    return request.url if request else ""


def ledger(frontier: Frontier) -> Ledger:
    return frontier.statistics().ledger


def test_a_request_is_added_once_whatever_became_of_it() -> None:
    front = frontier()
    assert front.add(request())
    assert not front.add(request(depth=3))
    taken = acquired(front)
    assert not front.add(request())
    front.finish(request(), State.DONE)
    assert not front.add(taken)
    assert ledger(front) == Ledger(discovered=1, done=1)


def test_requests_with_other_payloads_are_other_requests() -> None:
    front = frontier()
    url = "http://a.example/"
    likes = [Request(url), Request(url, "POST", body=b"1"), Request(url, "POST", body=b"2"), Request(url, "HEAD")]
    assert [front.add(each) for each in (*likes, *likes)] == [True] * 4 + [False] * 4
    assert ledger(front) == Ledger(discovered=4, pending=4)


def test_a_url_is_known_when_a_plain_request_for_it_would_be_dropped() -> None:
    front = frontier()
    front.add(Request("http://a.example/post", "POST", body=b"1"))
    front.add(request(1))
    front.refuse(request(2), Refusal.SCOPE)
    front.refuse(request(3), Refusal.DEPTH)
    known = [front.knows(f"http://a.example/{path}") for path in ("post", "1", "2", "3", "4")]
    assert known == [False, True, True, False, False]


def test_what_was_too_deep_is_taken_when_it_is_found_on_a_shorter_way() -> None:
    front = frontier()
    assert front.refuse(request(1, depth=5), Refusal.DEPTH)
    assert ledger(front) == Ledger(discovered=1, refused=1)
    assert front.add(request(1, depth=2))
    assert ledger(front) == Ledger(discovered=1, pending=1)
    assert acquired(front).depth == 2
    assert not front.add(request(1, depth=1))


def test_what_is_out_of_bounds_stays_refused() -> None:
    front = frontier()
    assert front.refuse(request(1), Refusal.SCOPE)
    assert not front.refuse(request(1), Refusal.DEPTH)
    assert not front.add(request(1))
    assert ledger(front) == Ledger(discovered=1, refused=1)


def test_a_request_that_is_known_is_not_refused_later() -> None:
    front = frontier()
    front.add(request(1))
    assert not front.refuse(request(1), Refusal.SCOPE)
    assert not front.refuse(request(1), Refusal.DEPTH)
    assert ledger(front) == Ledger(discovered=1, pending=1)


def test_a_retried_request_comes_back_at_its_time() -> None:
    front = frontier()
    front.add(request())
    taken = acquired(front)
    front.retry(taken, 5.0, FAILURE)
    assert (front.pending, front.in_flight, front.next_ready_at) == (1, 0, 5.0)
    assert front.acquire(4.9) is None
    assert front.acquire(5.0) == replace(taken, attempt=1)


def test_a_request_that_was_cut_off_comes_back_at_once() -> None:
    front = frontier()
    front.add(request())
    taken = acquired(front)
    front.give_back(taken)
    assert (front.pending, front.in_flight) == (1, 0)
    assert front.acquire(0.0) is taken


def test_a_request_stays_in_flight_from_its_release_to_its_end() -> None:
    front = frontier(HostRule(0.0, 1))
    front.add(request(1))
    front.add(request(2))
    first = front.acquire(0.0)
    assert first is not None
    assert first.url == request(1).url
    assert front.acquire(0.0) is None
    assert front.next_host == ""
    front.release(first, 0.0)
    assert (front.in_flight, front.next_host) == (1, "a.example")
    assert url_of(front.acquire(0.0)) == request(2).url
    assert front.in_flight == 2


def test_at_the_end_of_a_crawl_that_was_cut_off_what_was_in_flight_is_pending() -> None:
    front = frontier()
    for number in range(3):
        front.add(request(number))
    acquired(front)
    front.acquire(0.0)
    front.abandon()
    assert ledger(front) == Ledger(discovered=3, pending=3)


def test_hosts_have_their_own_rules() -> None:
    rules = {"a.example": HostRule(10.0, None), "b.example:81": HostRule(0.0, None)}
    front = Frontier(rules.__getitem__)
    for url in URLS:
        front.add(Request(url))
    taken = [each.url for each in iter(lambda: front.acquire(1.0), None)]
    assert sorted(taken) == [URLS[0], *URLS[4:]]
    assert front.next_ready_at is None  # until the answer of the one whose delay counts from it
    front.answered(Request(URLS[0]), 2.0, 1.0)  # another request of the same URL: no delay begins
    assert front.next_ready_at is None
    assert front.statistics().hosts == 2


def test_an_errand_is_no_url_of_the_crawl() -> None:
    front = frontier()
    page, robots_request = request(), Request("http://a.example/robots.txt", label=ROBOTS)
    front.add(page)
    assert url_of(front.acquire(0.0)) == page.url
    front.close(page)
    front.put_back(page)
    front.interpose(robots_request)
    assert front.acquire(1.0) is robots_request
    assert ledger(front) == Ledger(discovered=1, pending=1)
    front.release(robots_request, 1.0)
    assert front.acquire(2.0) is None
    front.open(page)
    assert url_of(front.acquire(2.0)) == page.url
    assert ledger(front) == Ledger(discovered=1, in_flight=1)


@pytest.mark.parametrize("state", FINAL)
def test_a_request_ends_in_one_state(state: State) -> None:
    front = frontier()
    front.add(request())
    acquired(front)
    front.finish(request(), state)
    assert ledger(front) == Ledger(discovered=1, **{state.value: 1})
    assert repr(front) == f"<Frontier 1 {state}>"


class FrontierMachine(RuleBasedStateMachine):
    """Any sequence of calls, beside a dictionary of URLs and their states."""

    def __init__(self) -> None:
        super().__init__()
        self.frontier = frontier(HostRule(1.0, 2))
        self.now = 0.0
        self.states: dict[str, State] = {}
        self.too_deep: set[str] = set()
        self.fetching: list[Request] = []
        self.fetched: list[Request] = []

    @rule(url=st.sampled_from(URLS), depth=st.integers(0, 3))
    def add(self, url: str, depth: int) -> None:
        is_new = url not in self.states or url in self.too_deep
        assert self.frontier.knows(url) is not is_new
        assert self.frontier.add(Request(url, depth=depth)) is is_new
        if is_new:
            self.states[url] = State.PENDING
            self.too_deep.discard(url)

    @rule(url=st.sampled_from(URLS), too_deep=st.booleans())
    def refuse(self, url: str, too_deep: bool) -> None:
        is_new = url not in self.states
        assert self.frontier.refuse(Request(url), Refusal.DEPTH if too_deep else Refusal.SCOPE) is is_new
        if is_new:
            self.states[url] = State.REFUSED
            if too_deep:
                self.too_deep.add(url)

    @rule()
    def acquire(self) -> None:
        taken = self.frontier.acquire(self.now)
        if taken is not None:
            assert self.states[taken.url] is State.PENDING
            self.states[taken.url] = State.IN_FLIGHT
            self.fetching.append(taken)

    @precondition(lambda self: self.fetching)
    @rule()
    def release(self) -> None:
        taken = self.fetching.pop(0)
        self.frontier.release(taken, self.now)
        self.fetched.append(taken)

    @precondition(lambda self: self.fetched)
    @rule(state=st.sampled_from(FINAL))
    def finish(self, state: State) -> None:
        taken = self.fetched.pop(0)
        self.states[taken.url] = state
        self.frontier.finish(taken, state)

    @precondition(lambda self: self.fetched)
    @rule(wait=st.sampled_from([0.0, 0.5, 5.0]))
    def retry(self, wait: float) -> None:
        taken = self.fetched.pop(0)
        self.states[taken.url] = State.PENDING
        self.frontier.retry(taken, self.now + wait, FAILURE)

    @precondition(lambda self: self.fetched)
    @rule()
    def give_back(self) -> None:
        taken = self.fetched.pop(0)
        self.states[taken.url] = State.PENDING
        self.frontier.give_back(taken)

    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def every_url_is_in_exactly_one_state(self) -> None:
        counted = Counter(state.value for state in self.states.values())
        assert ledger(self.frontier) == Ledger(discovered=len(self.states), **counted)
        assert ledger(self.frontier).balanced
        assert self.frontier.pending == counted["pending"]
        assert self.frontier.in_flight == counted["in_flight"] == len(self.fetching) + len(self.fetched)

    def teardown(self) -> None:
        """Cut off, as at the end of a crawl: all that was not finished is pending."""
        self.frontier.abandon()
        unfinished = sum(state in {State.PENDING, State.IN_FLIGHT} for state in self.states.values())
        assert (self.frontier.pending, self.frontier.in_flight) == (unfinished, 0)
        assert ledger(self.frontier).balanced


TestFrontierMachine = FrontierMachine.TestCase
