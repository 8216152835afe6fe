"""The links of one page in a crawl with a limit on depth: each keeps the depth of the shortest way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crawler.frontier.frontier import Frontier
from crawler.frontier.shortest_ways import Found, ShortestWays, Unproven, joined
from crawler.models import Request
from crawler.state.digests import digest_of

Add = Callable[[Request, int], None]
"""Adds a request, with the serial number of the one that led to it, or refuses it."""


class PageWays:
    """Takes the links of a page, and remembers them while the page may yet become less deep."""

    def __init__(self, frontier: Frontier, add: Add, request: Request, step: int) -> None:
        """Begin a page.

        Args:
            frontier: Has the depths.
            add: Adds a request, or refuses it.
            request: The request of the page.
            step: How much deeper its links are: 1, and 0 for what is no page by itself, a sitemap or a redirect.
        """
        if frontier.ways is None:
            raise AssertionError("the crawl has no limit on depth")
        self._frontier = frontier
        self._ways: ShortestWays = frontier.ways
        self._add = add
        self._serial, self._step = request.serial, step
        self._digest = digest_of(request.identity)
        self._own = self._at(request.depth)
        self._is_proven = self._ways.is_proven(self._own)
        self._least = self._ways.least + step  # no link gets less deep than that by this page
        self._links: list[bytes] = []
        self._too_deep: list[Request] = []

    def __repr__(self) -> str:
        return f"<PageWays at {self._own}, {len(self._links)} links remembered>"

    @property
    def depth(self) -> int:
        """The depth of its links."""
        return self._own + self._step

    def add(self, request: Request) -> None:
        """Add the request for a link, or lower the depth of the one that there is."""
        digest = digest_of(request.fingerprint)
        take_shorter(self._frontier, self._add, request, self._serial)
        if self._is_proven:
            return
        depth = self._ways.depth_of(digest)
        if depth is None:
            self._too_deep.append(request)
        elif depth > self._least:
            self._links.append(digest)

    def lead_on(self, target: Request) -> None:
        """Lower the depth of what a redirect leads to; where that is new, it gets its depth by itself."""
        if self._frontier.knows(target.fingerprint):
            take_shorter(self._frontier, self._add, target, self._serial)
        self._links.append(digest_of(target.fingerprint))

    def end(self) -> None:
        """Remember the page, where that is needed."""
        if self._is_proven:
            return
        page = Unproven(self._serial, self._step, joined(self._links), tuple(self._too_deep))
        own = self._at(self._own)
        self._ways.remember(self._digest, own, page)
        if own < self._own:  # a shorter way to it was found while its links were added
            _take_all(self._frontier, self._add, self._ways.hand_down(page, own))

    def _at(self, depth: int) -> int:
        known = self._ways.depth_of(self._digest)
        return depth if known is None else min(known, depth)


def take_shorter(frontier: Frontier, add: Add, request: Request, found_on: int) -> None:
    """Add a request that is new; lower the depth of one that is known, and of what hangs below it."""
    if frontier.ways is not None and frontier.ways.is_shorter(digest_of(request.fingerprint), request.depth):
        _take_all(frontier, add, [Found(request, found_on)])


def _take_all(frontier: Frontier, add: Add, found: Iterable[Found]) -> None:
    waiting = list(found)
    while waiting:
        request, found_on = waiting.pop()
        if frontier.ways is not None and frontier.knows(request.fingerprint):
            waiting += frontier.ways.lower(digest_of(request.fingerprint), request.depth)
        else:
            add(request, found_on)
