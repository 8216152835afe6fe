"""The links that a changed parser would add to a crawl."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from crawler.document.page import Page
from crawler.frontier.seen import Seen
from crawler.models import SITEMAP, Request
from crawler.parsing.worker import Parsed
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Boundary
from crawler.url import without_userinfo


class NewLink(msgspec.Struct, frozen=True):
    """A URL that the crawl has not discovered, with the page that it was found on, its depth, method and label."""

    url: str
    parent: str
    depth: int
    method: str = "GET"
    label: str = ""


class NewLinks:
    """Finds the links of pages that are in scope and not among the URLs of a crawl; each of them once."""

    def __init__(self, seen: Seen, boundary: Boundary, rewriting: Rewriting | None = None) -> None:
        """Compare with the URLs ``seen``, to which what is found is added.

        Args:
            seen: The URLs of the crawl.
            boundary: What belongs to the crawl.
            rewriting: How the crawl normalises URLs.
        """
        self._seen = seen
        self._boundary = boundary
        self._rewriting = rewriting

    def __repr__(self) -> str:
        return f"<NewLinks beyond {len(self._seen)} URLs>"

    def of(self, page: Page, parsed: Parsed) -> Iterator[NewLink]:
        """Yield what is new among the links of a page."""
        depth = page.depth + (page.label != SITEMAP)
        for link in parsed.links:
            url = self._canonical(link)
            if url not in self._seen and self._is_new(Request(url)):
                yield NewLink(url, page.url, depth)
        for request in parsed.requests:
            url = self._canonical(request.url) if request.method == "GET" else without_userinfo(request.url)
            if self._is_new(replace(request, url=url)):
                yield NewLink(url, page.url, depth, request.method, request.label)

    def _canonical(self, link: str) -> str:
        """Return the canonical URL of ``link``, as the crawl has it."""
        url = without_userinfo(link) if "@" in link else link
        return self._rewriting.rewritten(url) if self._rewriting else url

    def _is_new(self, request: Request) -> bool:
        fingerprint = request.fingerprint
        if fingerprint in self._seen or not self._boundary.permits(request.url):
            return False
        return self._seen.add(fingerprint) is not None
