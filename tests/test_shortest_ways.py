"""In a crawl with a limit on depth, what is crawled is what the shortest ways reach, in whatever order pages come."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.crawl.page_ways import PageWays, take_shorter
from crawler.frontier.frontier import Frontier
from crawler.frontier.shortest_ways import ShortestWays, Unproven
from crawler.models import Refusal, Request, State
from crawler.policy.politeness import HostRule
from crawler.state.digests import digest_of
from crawler.state.null_record import NullJournal

Graph = Mapping[int, Sequence[int]]


def url_of(node: int) -> str:
    return f"http://a.example/{node}"


def step_of(node: int) -> int:
    """Return how much deeper the links of a node are: some are sitemaps."""
    return int(node % 5 != 2)


def fails(node: int) -> bool:
    return node % 7 == 5


def reached(graph: Graph, most: int, seeds: Sequence[int] = (0,)) -> dict[int, int]:
    """Return the distances from the seeds, up to ``most``."""
    depths = dict.fromkeys(seeds, 0)
    for depth in range(most + 1):
        waiting = deque(node for node, known in depths.items() if known == depth)
        while waiting:
            node = waiting.popleft()
            there = depth + step_of(node)
            for link in () if fails(node) else graph.get(node, ()):
                if there <= most and there < depths.get(link, most + 1):
                    depths[link] = there
                    if there == depth:
                        waiting.append(link)
    return depths


class Crawl:
    """A crawl of a graph, whose pages are parsed in any order; other seeds than the first may come at any time."""

    def __init__(self, graph: Graph, most: int, order: random.Random, at_once: int, late: Sequence[int] = ()) -> None:
        self.graph, self.most, self.order, self.at_once = graph, most, order, at_once
        self.late = list(late)
        self.frontier = Frontier(lambda _: HostRule(0.0, None), is_depth_limited=True)
        self.crawled: list[int] = []
        self.frontier.add(Request(url_of(0)))
        if self.late:
            self.ways.wait_for_seeds()

    @property
    def ways(self) -> ShortestWays:
        assert self.frontier.ways is not None
        return self.frontier.ways

    def run(self) -> None:
        flying: list[Request] = []
        while True:
            if self.late and (not self.order.randrange(5) or not flying):
                self._add_seed(self.late.pop())
            while len(flying) < self.at_once and (request := self.frontier.acquire(0.0)) is not None:
                self.frontier.release(request, 0.0)
                flying.append(request)
            if not flying and not self.late:
                return
            if flying:
                self._parse(flying.pop(self.order.randrange(len(flying))))

    def _add_seed(self, node: int) -> None:
        if not self.frontier.add(Request(url_of(node))):
            take_shorter(self.frontier, self._add, Request(url_of(node)), 0)
        if not self.late:
            self.ways.seeds_are_over()

    def _parse(self, request: Request) -> None:
        node = int(request.url.rpartition("/")[2])
        self.crawled.append(node)
        if fails(node):
            self.frontier.finish(request, State.FAILED)
            return
        page_ways = PageWays(self.frontier, self._add, request, step_of(node))
        for link in self.graph.get(node, ()):
            page_ways.add(Request(url_of(link), depth=page_ways.depth, parent=request.url))
        page_ways.end()
        self.frontier.finish(request, State.DONE)

    def _add(self, request: Request, found_on: int) -> None:
        if request.depth > self.most:
            self.frontier.refuse(request, Refusal.DEPTH, found_on)
        else:
            self.frontier.add(request, found_on)


graphs = st.dictionaries(st.integers(0, 15), st.lists(st.integers(0, 15), max_size=5), max_size=16)


seeds = st.lists(st.integers(0, 15), max_size=3)


@given(graphs, st.integers(0, 6), st.integers(0, 2**32), st.integers(1, 6), seeds)
def test_what_is_crawled_is_what_the_shortest_ways_reach(
    graph: Graph, most: int, seed: int, at_once: int, late: Sequence[int]
) -> None:
    crawl = Crawl(graph, most, random.Random(seed), at_once, late)
    crawl.run()
    expected = reached(graph, most, (0, *late))
    assert sorted(crawl.crawled) == sorted(expected)
    assert {node: crawl.ways.depth_of(digest_of(url_of(node))) for node in expected} == expected
    assert crawl.frontier.statistics().ledger.balanced


@given(graphs, st.integers(0, 6), st.integers(0, 2**32), seeds)
def test_nothing_is_remembered_of_pages_in_the_end(graph: Graph, most: int, seed: int, late: Sequence[int]) -> None:
    crawl = Crawl(graph, most, random.Random(seed), 4, late)
    crawl.run()
    assert repr(crawl.ways).endswith(" 0 pages unproven>")
    assert crawl.ways.is_proven(100)


def test_breadth_first_remembers_next_to_nothing() -> None:
    graph = {node: range(node * 10 + 1, node * 10 + 11) for node in range(200)}
    crawl = Crawl(graph, 3, random.Random(1), 1)
    crawl.run()
    assert len(crawl.crawled) == len(reached(graph, 3))


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_url_that_becomes_less_deep_takes_along_what_hangs_below_it(at_once: int) -> None:
    # 0 → 1 → 3 → 4, and 0 → 6 → 8 → 3: with a limit of 3, 4 is found over 1 alone.
    graph = {0: [6, 1], 1: [3], 6: [8], 8: [3], 3: [4]}
    for seed in range(30):
        crawl = Crawl(graph, 3, random.Random(seed), at_once)
        crawl.run()
        assert sorted(crawl.crawled) == [0, 1, 3, 4, 6, 8]


@pytest.fixture
def crawl() -> Crawl:
    """Node 1 is about to be parsed at depth 3, and something that is less deep is pending."""
    crawl = Crawl({}, 3, random.Random(1), 1)
    crawl.frontier.add(Request(url_of(1), depth=3))
    return crawl


def test_a_page_that_becomes_less_deep_while_its_links_are_added_takes_them_along(crawl: Crawl) -> None:
    page_ways = PageWays(crawl.frontier, crawl._add, Request(url_of(1), depth=3), 1)
    page_ways.add(Request(url_of(3), depth=4))
    take_shorter(crawl.frontier, crawl._add, Request(url_of(1), depth=1), 0)
    page_ways.add(Request(url_of(4), depth=page_ways.depth))
    page_ways.end()
    assert [crawl.ways.depth_of(digest_of(url_of(node))) for node in (1, 3, 4)] == [1, 2, 2]


def test_a_request_that_comes_from_the_disk_again_has_its_lesser_depth_again(crawl: Crawl) -> None:
    on_the_disk = Request(url_of(1), depth=3)
    take_shorter(crawl.frontier, crawl._add, Request(url_of(1), depth=1), 0)
    assert [crawl.ways.at_its_depth(on_the_disk).depth for _ in range(2)] == [1, 1]


def test_a_request_that_is_redirected_has_its_own_depth_not_that_of_its_target(crawl: Crawl) -> None:
    crawl.frontier.add(Request(url_of(3), depth=3))
    take_shorter(crawl.frontier, crawl._add, Request(url_of(3), depth=1), 0)
    hop = Request(url_of(3), depth=3, hops=(("GET", url_of(1), 302, url_of(1)),))
    assert crawl.ways.at_its_depth(hop).depth == 3


def test_what_has_ended_and_becomes_less_deep_after_a_kill_is_waited_for_no_more() -> None:
    ways = ShortestWays(NullJournal())
    digests = [digest_of(url_of(node)) for node in range(3)]
    ways.restore([(digests[0], 3, False), (digests[1], 3, True)], [(digests[0], 1), (digests[1], 2)], [])
    assert [ways.depth_of(digest) for digest in digests] == [1, 2, None]
    assert ways.is_proven(2)
    assert not ways.is_proven(3)
    ways.note_ended(ways.at_its_depth(Request(url_of(1), depth=3)))
    assert ways.is_proven(100)


def test_too_many_links_are_not_remembered_for_seeds_to_come() -> None:
    ways = ShortestWays(NullJournal())
    ways.wait_for_seeds()
    page = Unproven(1, 1, bytes(16 * 1000), ())
    for number in range(300):
        ways.remember(digest_of(str(number)), 1, page)
    assert ways.is_proven(100)
    ways.seeds_are_over()
    assert ways.is_proven(100)


@pytest.mark.parametrize("rule", [HostRule(1.0, None), HostRule(0.0, None, address_delay=1.0)], ids=["host", "address"])
@pytest.mark.parametrize("comes_back", [False, True], ids=["answered", "put back"])
def test_the_host_of_a_request_that_became_less_deep_is_asked_again(rule: HostRule, comes_back: bool) -> None:
    frontier = Frontier(lambda _: rule, is_depth_limited=True)
    first, second = Request(url_of(1), depth=3), Request(url_of(2), depth=3)
    frontier.add(first)
    frontier.place(first, "192.0.2.1")
    frontier.add(second)
    assert frontier.ways is not None
    list(frontier.ways.lower(digest_of(first.url), 2))
    request = frontier.acquire(0.0)
    assert request is not None
    assert (request.url, request.depth) == (first.url, 2)
    if comes_back:
        frontier.put_back(request)
    else:
        frontier.release(request, 0.0)
        frontier.finish(request, State.DONE)
    again = frontier.acquire(10.0)
    assert again is not None
    assert again.url == (first.url if comes_back else second.url)
