"""From a sitemap to requests, and the request for a sitemap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from crawler.document.page import Page
from crawler.errors import InvalidURLError, ParseError
from crawler.models import SITEMAP, Request
from crawler.sitemaps.entry import Entry
from crawler.sitemaps.text import pieces_of
from crawler.sitemaps.xml import XmlReader
from crawler.url import LONGEST_URL, Base

MOST_URLS = 50_000  # of a sitemap; https://www.sitemaps.org/protocol.html#otherformats
MOST_NESTED = 3  # indexes around an index; sitemaps.org allows none, some sites have one

_NESTED = "nested"  # what says in the metadata of a request for a sitemap how many indexes are around it
_BLANKS = "\ufeff \t\r\n"


def sitemap(url: str, *, label: str = "", priority: int = 0, details: bool = False) -> Request:
    """Return the request for a sitemap, whose URLs become requests of the crawl. Use it as a seed, or yield it.

    It may be XML, an index of other sitemaps, RSS, Atom, or text with a URL a line, and a gzip file of any of them.

    Args:
        url: Where it is.
        label: Label of the requests for its URLs, for a `Router`.
        priority: Priority of these and of further sitemaps.
        details: Whether to hand the parser ``page.metadata["lastmod"]`` and ``["priority"]``, as they are written in
            the sitemap, where they are.
    """
    options: dict[str, Any] = {"label": label} if label else {}
    if details:
        options["details"] = True
    return Request(url, label=SITEMAP, priority=priority, metadata=options or None)


def parse_sitemap(page: Page) -> Iterator[Request]:
    """Yield a request for each URL of the sitemap that ``page`` is, normalised; those of an index are for sitemaps.

    URLs that are invalid, or longer than `LONGEST_URL`, are left out.

    Raises:
        ParseError: It is no sitemap, broken, or larger than allowed. What comes before that is yielded first.
    """
    base = Base(page.url)
    for count, entry in enumerate(_entries_of(page)):
        if count == MOST_URLS:
            raise ParseError(f"the sitemap has more than the {MOST_URLS} URLs allowed")
        if entry.is_sitemap and page.metadata.get(_NESTED, 0) >= MOST_NESTED:
            raise ParseError(f"the sitemap is an index inside of {MOST_NESTED} others")
        try:
            url = base.resolve(entry.url)
        except InvalidURLError:
            continue
        yield _request(url, entry, page)


def read_sitemap(page: Page) -> tuple[list[Request], ParseError | None]:
    """Return what `parse_sitemap` yields, and what it raises in the end, if it does.

    Nothing is lost of a sitemap that is cut off or too long: it fails, and what it said before is crawled.
    """
    requests: list[Request] = []
    try:
        for request in parse_sitemap(page):
            requests.append(request)  # noqa: PERF402  # one by one: those before an error count
    except ParseError as error:
        return requests, ParseError(f"{error}; URLs taken before that: {len(requests)}")
    return requests, None


def _entries_of(page: Page) -> Iterator[Entry]:
    pieces = pieces_of(page.body, page.content_type)
    for piece in pieces:
        if start := piece.lstrip(_BLANKS):  # a blank before an XML declaration is a mistake, and frequent
            yield from (_in_xml if start.startswith("<") else _in_text)(chain([start], pieces))


def _in_xml(pieces: Iterable[str]) -> Iterator[Entry]:
    reader = XmlReader()
    for piece in pieces:
        error = reader.feed(piece)
        yield from reader.take()
        if error is not None:
            raise error
    error = reader.feed("", is_last=True)
    if error is not None:
        raise error


def _in_text(pieces: Iterable[str]) -> Iterator[Entry]:
    is_sitemap, rest = False, ""
    for piece in chain(pieces, ["\n"]):
        *lines, rest = (rest + piece).replace("\r", "\n").split("\n")
        for line in lines:
            url = line.strip()
            if url.lower().startswith(("http://", "https://")) and len(url) <= LONGEST_URL:
                is_sitemap = True
                yield Entry(url)
        rest = rest[: LONGEST_URL + 1]  # of a line that is longer, enough to see that it is
    if not is_sitemap:
        raise ParseError("no sitemap: it is neither XML nor text with a URL in each line")


def _request(url: str, entry: Entry, page: Page) -> Request:
    options, priority = page.metadata, page.request.priority
    if entry.is_sitemap:
        deeper = {**options, _NESTED: options.get(_NESTED, 0) + 1}
        return Request(url, label=SITEMAP, priority=priority, metadata=deeper)
    known = {"lastmod": entry.lastmod, "priority": entry.priority} if options.get("details") else {}
    metadata = {name: value for name, value in known.items() if value}
    return Request(url, label=options.get("label", ""), priority=priority, metadata=metadata or None)
