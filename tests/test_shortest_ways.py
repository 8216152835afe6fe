"""In a crawl with a limit on depth, what is crawled is what the shortest ways reach, in whatever order pages come."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.crawl.page_ways import PageWays
from crawler.document.page import Page
from crawler.frontier.frontier import Frontier
from crawler.frontier.shortest_ways import ShortestWays
from crawler.models import Refusal, Request, State
from crawler.policy.politeness import HostRule
from crawler.state.digests import digest_of

Graph = Mapping[int, Sequence[int]]


def url_of(node: int) -> str:
    return f"http://a.example/{node}"


def reached(graph: Graph, most: int) -> dict[int, int]:
    """Return the distances from node 0, up to ``most``."""
    depths, waiting = {0: 0}, deque([0])
    while waiting:
        node = waiting.popleft()
        for link in graph.get(node, ()):
            if link not in depths and depths[node] < most:
                depths[link] = depths[node] + 1
                waiting.append(link)
    return depths


class Crawl:
    """A crawl of a graph, whose pages are parsed in any order."""

    def __init__(self, graph: Graph, most: int, order: random.Random, at_once: int) -> None:
        self.graph, self.most, self.order, self.at_once = graph, most, order, at_once
        self.frontier = Frontier(lambda _: HostRule(0.0, None), is_depth_limited=True)
        self.crawled: list[int] = []
        self.frontier.add(Request(url_of(0)))

    @property
    def ways(self) -> ShortestWays:
        assert self.frontier.ways is not None
        return self.frontier.ways

    def run(self) -> None:
        flying: list[Request] = []
        while True:
            while len(flying) < self.at_once and (request := self.frontier.acquire(0.0)) is not None:
                self.frontier.release(request, 0.0)
                flying.append(request)
            if not flying:
                return
            self._parse(flying.pop(self.order.randrange(len(flying))))

    def _parse(self, request: Request) -> None:
        node = int(request.url.rpartition("/")[2])
        self.crawled.append(node)
        page_ways = PageWays(self.frontier, self._add, Page(request.url, request=request), 1)
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


@given(graphs, st.integers(0, 6), st.integers(0, 2**32), st.integers(1, 6))
def test_what_is_crawled_is_what_the_shortest_ways_reach(graph: Graph, most: int, seed: int, at_once: int) -> None:
    crawl = Crawl(graph, most, random.Random(seed), at_once)
    crawl.run()
    expected = reached(graph, most)
    assert sorted(crawl.crawled) == sorted(expected)
    assert {node: crawl.ways.depth_of(digest_of(url_of(node))) for node in expected} == expected
    assert crawl.frontier.statistics().ledger.balanced


@given(graphs, st.integers(0, 6), st.integers(0, 2**32))
def test_nothing_is_remembered_of_pages_in_the_end(graph: Graph, most: int, seed: int) -> None:
    crawl = Crawl(graph, most, random.Random(seed), 4)
    crawl.run()
    assert repr(crawl.ways).endswith(" 0 pages unproven>")


def test_breadth_first_remembers_next_to_nothing() -> None:
    graph = {node: range(node * 10 + 1, node * 10 + 11) for node in range(200)}
    crawl = Crawl(graph, 3, random.Random(1), 1)
    crawl.run()
    assert len(crawl.crawled) == 1111


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_url_that_becomes_less_deep_takes_along_what_hangs_below_it(at_once: int) -> None:
    # 0 → 1 → 3 → 4, and 0 → 2 → 5 → 3: with a limit of 3, 4 is found over 1 alone.
    graph = {0: [2, 1], 1: [3], 2: [5], 5: [3], 3: [4]}
    for seed in range(30):
        crawl = Crawl(graph, 3, random.Random(seed), at_once)
        crawl.run()
        assert sorted(crawl.crawled) == [0, 1, 2, 3, 4, 5]
