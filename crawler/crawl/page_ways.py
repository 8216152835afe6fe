"""The links of one page in a crawl with a limit on depth: each keeps the depth of the shortest way to it."""

from __future__ import annotations

from collections.abc import Callable

from crawler.document.page import Page
from crawler.frontier.frontier import Frontier
from crawler.frontier.shortest_ways import Found, ShortestWays, Unproven, joined
from crawler.models import Request
from crawler.state.digests import digest_of

_LEAST = 3  # the depth from which a URL can become less deep by a page that does: that page has at least 1 then


class PageWays:
    """Takes the links of a page, and remembers them while the page may yet become less deep.

    Attributes:
        depth: The depth of its links.
    """

    def __init__(self, frontier: Frontier, add: Callable[[Request, int], None], page: Page, step: int) -> None:
        """Begin a page.

        Args:
            frontier: Has the depths.
            add: Adds a request, with the serial number of the one that led to it, or refuses it.
            page: The page.
            step: How much deeper its links are.
        """
        if frontier.ways is None:
            raise AssertionError("the crawl has no limit on depth")
        self._frontier = frontier
        self._ways: ShortestWays = frontier.ways
        self._add = add
        self._serial, self._step = page.request.serial, step
        self._digest = digest_of(page.request.fingerprint)
        known = self._ways.depth_of(self._digest)
        self._own = page.depth if known is None else min(known, page.depth)
        self.depth = self._own + step
        self._is_proven = self._ways.is_proven(self._own)
        self._links: list[bytes] = []
        self._too_deep: list[Request] = []

    def __repr__(self) -> str:
        return f"<PageWays at {self._own}, {len(self._links)} links remembered>"

    def add(self, request: Request) -> None:
        """Add the request for a link, or lower the depth of the one that there is."""
        digest = digest_of(request.fingerprint)
        self._take(request, digest, self._serial)
        if self._is_proven:
            return
        depth = self._ways.depth_of(digest)
        if depth is None:
            self._too_deep.append(request)
        elif depth >= _LEAST:
            self._links.append(digest)

    def end(self) -> None:
        """Remember the page, where that is needed."""
        if not self._is_proven:
            page = Unproven(self._serial, self._step, joined(self._links), tuple(self._too_deep))
            self._ways.remember(self._digest, self._own, page)

    def _take(self, request: Request, digest: bytes, found_on: int) -> None:
        if not self._ways.is_shorter(digest, request.depth):
            return
        if not self._frontier.knows(request.fingerprint):
            self._add(request, found_on)
            return
        waiting: list[Found] = list(self._ways.lower(digest, request.depth))
        while waiting:
            request, found_on = waiting.pop()
            if self._frontier.knows(request.fingerprint):
                waiting += self._ways.lower(digest_of(request.fingerprint), request.depth)
            else:
                self._add(request, found_on)
