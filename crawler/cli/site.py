"""The parser of ``crawler site``: one line a page, and on to its links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crawler.models import Request
from crawler.page import Page


@dataclass(frozen=True, slots=True)
class SitePage:
    """One line of ``crawler site``.

    Attributes:
        url: Where the page came from, normalised.
        status: Its HTTP status.
        depth: Links followed from the seed.
        title: The text of ``<title>``.
        out_links: How many distinct URLs it links to, fragments aside, whether in scope or not.
    """

    url: str
    status: int
    depth: int
    title: str
    out_links: int


def parse(page: Page) -> Iterator[SitePage | Request]:
    """Yield the line of ``page``, then its links. At the top level of a module, so that it pickles by name."""
    links = list(page.links())
    yield SitePage(page.url, page.status, page.depth, page.title, len(links))
    yield from links
