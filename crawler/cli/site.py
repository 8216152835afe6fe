"""The crawl of ``crawler site``: it yields one line for each page, and follows its links."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from crawler.cli.crawl_definition import CrawlDefinition
from crawler.crawl.configuration import Configuration
from crawler.document.page import Page
from crawler.document.sources import ANCHORS, REFRESHES, Source
from crawler.http.mime import content_type_of
from crawler.models import Request
from crawler.policy.bodies import Bodies
from crawler.policy.fetch import Fetch
from crawler.sitemaps import parse_sitemap, sitemap

PAGES = ("text/html", "application/xhtml+xml", "text/plain")
"""The content types that are read. For others a line would show no more than the URL, but cost the whole body."""

_XML = ("application/xml", "text/xml", "application/rss+xml", "application/atom+xml", "application/rdf+xml")
_SITEMAP = re.compile(
    r"[^?]*(?:\.(?:xml|rss|atom)(?:\.gz)?|/sitemap[^/?]*\.txt(?:\.gz)?)(?:\?.*)?", re.IGNORECASE | re.DOTALL
)
_ROOTS = rb"urlset|sitemapindex|rss|feed|RDF"
_IS_SITEMAP = re.compile(rb"[^<]*+(?:<[?!][^>]*+>[^<]*+)*+<(?:\w+:)?(?:" + _ROOTS + rb")\b")
_LINKS = (*ANCHORS, *REFRESHES, Source("iframe[src], frame[src]", "src"))


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
    bodies = Bodies(content_types=(*PAGES, *_XML))
    return CrawlDefinition(Configuration(parse, fetch=Fetch(bodies=bodies)), seeds, more)


def seed_of(url: str) -> str | Request:
    """Return the seed for ``url``: a sitemap, if its name looks like one, as a line about such a file is of no use.

    >>> seed_of("https://example.org/sitemap.xml").label
    'sitemap:'
    """
    return sitemap(url) if _SITEMAP.fullmatch(url) else url


def parse(page: Page) -> Iterator[SitePage | Request]:
    """Yield the line of ``page``, then its links; of a seed that is a sitemap, whatever its name, the URLs in it.

    Links are also those that a reader follows without a click: refreshes and frames. This is a function of the module
    so that it pickles by name.
    """
    if not page.request.parent and _IS_SITEMAP.match(page.body):
        yield from parse_sitemap(page)
        return
    if content_type_of(page.content_type).essence in _XML:
        return
    links = list(page.links(sources=_LINKS))
    if page.refresh is not None and all(page.refresh.url != link.url for link in links):
        links.append(Request(page.refresh.url))
    yield SitePage(page.url, page.status, page.depth, page.title, len(links), page.changed)
    yield from links
