from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

from crawler.crawl.admission import Admission
from crawler.document.page import Page
from crawler.errors import FetchError, ResolveError, RobotsDeniedError
from crawler.fetching.protocol import nobody
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.bodies import BodyRule
from crawler.policy.limits import ByteBudget
from crawler.policy.politeness import HostRule
from crawler.robots.decision import ALLOW_ALL, DENY_ALL
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.clock import SYSTEM_CLOCK
from tests.clocks import ManualClock

MINDED = HostRule(0.0, None, address_connections=2)


class Names:
    """A fetcher that fetches nothing, and whose look-ups end when they are let."""

    def __init__(self, addresses: dict[str, tuple[str, ...]] | None = None) -> None:
        self.addresses = addresses or {}
        self.open = asyncio.Event()
        self.asked: list[str] = []
        self.active = self.peak = 0

    async def fetch(
        self,
        request: Request,
        budget: ByteBudget,
        _bodies: BodyRule | None = None,
        answered: Callable[[], None] = nobody,
    ) -> Page:
        del budget, answered
        raise AssertionError(request)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        self.asked.append(hostname)
        self.active += 1
        self.peak = max(self.peak, self.active)
        await self.open.wait()
        self.active -= 1
        found = self.addresses.get(hostname)
        if found is None:
            raise ResolveError(f"{hostname}: no such name", is_final=True)
        return found


def acquired(frontier: Frontier) -> Request:
    request = frontier.acquire(0.0)
    assert request is not None
    return request


async def test_a_host_is_closed_until_its_address_is_known_and_then_shares_it() -> None:
    names = Names({"a.example": ("192.0.2.9", "192.0.2.1"), "b.example": ("192.0.2.1",)})
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=SYSTEM_CLOCK)
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        for name in names.addresses:
            frontier.add(Request(f"http://{name}/"))
            assert admission.verdict(acquired(frontier)) is False
        assert frontier.acquire(0.0) is None
        names.open.set()
    first = acquired(frontier)
    assert admission.verdict(first) is True
    assert frontier.host(first).address is frontier.host(Request("http://b.example/")).address


async def test_a_name_without_an_address_fails_what_waits_for_it_together() -> None:
    names = Names()
    names.open.set()
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=SYSTEM_CLOCK)
    for number in range(3):
        frontier.add(Request(f"http://dead.example/{number}"))
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        assert admission.verdict(acquired(frontier)) is False
    verdicts = [admission.verdict(acquired(frontier)) for _ in range(3)]
    assert [type(verdict) for verdict in verdicts] == [ResolveError] * 3
    assert names.asked == ["dead.example"]


async def test_a_failed_look_up_holds_from_the_first_request_that_meets_it_however_late_that_comes() -> None:
    """Else a loop that is busy with thousands of names would look them up again and again, and never end."""
    names, clock = Names(), ManualClock()
    names.open.set()
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=clock)
    for number in range(3):
        frontier.add(Request(f"http://dead.example/{number}"))
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        admission.verdict(acquired(frontier))
    clock.run(100.0)
    assert isinstance(admission.verdict(acquired(frontier)), ResolveError)
    clock.run(4.9)
    assert isinstance(admission.verdict(acquired(frontier)), ResolveError)
    clock.run(0.2)
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        assert admission.verdict(acquired(frontier)) is False
    assert names.asked == ["dead.example"] * 2


async def test_a_few_look_ups_begin_in_an_iteration_of_the_loop() -> None:
    names = Names()
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=SYSTEM_CLOCK)
    seen = [0]
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        for number in range(30):
            frontier.add(Request(f"http://host{number}.example/"))
            admission.verdict(acquired(frontier))
        while len(names.asked) < 30:
            await asyncio.sleep(0)
            seen.append(len(names.asked))
        names.open.set()
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 8


async def test_no_more_look_ups_go_on_at_once_than_allowed_and_none_is_forgotten() -> None:
    names = Names()
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=SYSTEM_CLOCK, lookups=4)
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        for number in range(10):
            frontier.add(Request(f"http://host{number}.example/"))
            admission.verdict(acquired(frontier))
        await asyncio.sleep(0)
        assert names.active == 4
        names.open.set()
    assert (len(set(names.asked)), names.peak) == (10, 4)


async def test_closing_ends_look_ups_and_begins_no_others() -> None:
    names = Names()
    frontier = Frontier(lambda _: MINDED)
    admission = Admission(frontier, names, None, clock=SYSTEM_CLOCK, lookups=4)
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        for number in range(10):
            frontier.add(Request(f"http://host{number}.example/"))
            admission.verdict(acquired(frontier))
        await asyncio.sleep(0)
        admission.close()
    assert len(names.asked) == 4


async def test_rules_that_are_not_known_are_asked_for_before_the_request_and_then_decide() -> None:
    frontier = Frontier(lambda _: HostRule(0.0, None))
    rules_cache = RulesCache()
    admission = Admission(frontier, Names(), rules_cache, clock=SYSTEM_CLOCK)
    frontier.add(page := Request("http://a.example/page"))
    async with asyncio.TaskGroup() as group:
        admission.begin(group, lambda _: None)
        assert admission.verdict(acquired(frontier)) is False
        robots_request = acquired(frontier)
        assert (robots_request.is_robots_request, robots_request.url) == (True, "http://a.example/robots.txt")
        assert admission.verdict(robots_request) is True
        error = FetchError("why")
        for rules, kind in ((ALLOW_ALL, bool), (DENY_ALL, RobotsDeniedError), (error, FetchError)):
            rules_cache.learn("http://a.example", rules, float("inf"))
            assert type(admission.verdict(page)) is kind
