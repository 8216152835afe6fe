"""The crawl of ``crawler site``: it yields one line for each page, and follows its links."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from crawler.cli.crawl_definition import CrawlDefinition
from crawler.crawl.configuration import Configuration
from crawler.document.page import Page
from crawler.models import Request
from crawler.policy.bodies import Bodies
from crawler.policy.fetch import Fetch
from crawler.sitemaps import sitemap

PAGES = ("text/html", "application/xhtml+xml", "text/plain")
"""The content types that are read. For others a line would show no more than the URL, but cost the whole body."""

_SITEMAP = re.compile(r"[^?]*\.(?:xml|rss|atom)(?:\.gz)?|[^?]*/sitemap[^/?]*\.txt(?:\.gz)?", re.IGNORECASE)


class SitePage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of ``crawler site``.

    Attributes:
        url: Where the page came from, normalised.
        status: Its HTTP status.
        depth: Links followed from the seed.
        title: The text of ``<title>``.
        out_links: How many distinct URLs it links to, fragments aside, whether in scope or not.
        changed: Whether it differs from the last crawl, where that is known: see `Page.changed`.
    """

    url: str
    status: int
    depth: int
    title: str
    out_links: int
    changed: bool | None = None


def definition(seeds: tuple[str | Request, ...], more: Iterator[str | Request] | None = None) -> CrawlDefinition:
    """Return the crawl from ``seeds``, and from ``more`` seeds, which are read as the crawl needs them."""
    return CrawlDefinition(Configuration(parse, fetch=Fetch(bodies=Bodies(content_types=PAGES))), seeds, more)


def seed_of(url: str) -> str | Request:
    """Return the seed for ``url``: a sitemap, if its name looks like one, as a line about such a file is of no use.

    >>> seed_of("https://example.org/sitemap.xml").label
    'sitemap:'
    """
    return sitemap(url) if _SITEMAP.fullmatch(url) else url


def parse(page: Page) -> Iterator[SitePage | Request]:
    """Yield the line of ``page``, then its links. This is a function of the module so that it pickles by name."""
    links = list(page.links())
    yield SitePage(page.url, page.status, page.depth, page.title, len(links), page.changed)
    yield from links
