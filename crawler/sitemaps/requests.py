"""The request for a sitemap, and the requests for the URLs in one."""

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

_NESTED = "nested"  # the key, in the metadata of a request for a sitemap, of the number of indexes around it
_BLANKS = "\ufeff \t\r\n"


def sitemap(url: str, *, label: str = "", priority: int = 0, details: bool = False) -> Request:
    """Return the request for a sitemap, whose URLs become requests of the crawl. Use it as a seed, or yield it.

    It may be XML, an index of other sitemaps, RSS, Atom, or text with one URL a line; or a gzip file of any of these.

    Args:
        url: The URL of the sitemap.
        label: Label of the requests for its URLs, for a `Router`.
        priority: Priority of these requests, and of those for further sitemaps.
        details: Whether the parser gets ``page.metadata["lastmod"]`` and ``["priority"]``, as the sitemap has them, for
            those URLs for which it has them.
    """
    options: dict[str, Any] = {"label": label} if label else {}
    if details:
        options["details"] = True
    return Request(url, label=SITEMAP, priority=priority, metadata=options or None)


def parse_sitemap(page: Page) -> Iterator[Request]:
    """Yield a request for each URL of the sitemap in ``page``, normalised; for an index, these are for sitemaps.

    URLs that are invalid, or longer than `LONGEST_URL`, are left out.

    Raises:
        ParseError: The page is no sitemap, or is broken or too large. The URLs before that point are yielded first.
    """
    base = Base(page.url)
    for count, entry in enumerate(_entries_of(page)):
        if count == MOST_URLS:
            raise ParseError(f"the sitemap has more than the {MOST_URLS} URLs allowed")
        if entry.is_sitemap and page.metadata.get(_NESTED, 0) >= MOST_NESTED:
            raise ParseError(f"the sitemap is an index inside of {MOST_NESTED} others")
        try:
            url = _base_within(base, entry.bases).resolve(entry.url)
        except InvalidURLError:
            continue
        yield _request(url, entry, page)


def _base_within(base: Base, references: tuple[str, ...]) -> Base:
    for reference in references:
        base = Base(base.resolve(reference))
    return base


def read_sitemap(page: Page) -> tuple[list[Request], ParseError | None]:
    """Return all requests that `parse_sitemap` yields, and the error that it raises after them, if there is one.

    A sitemap that is cut off or too long fails, but the URLs before that point are crawled.
    """
    requests: list[Request] = []
    try:
        for request in parse_sitemap(page):
            requests.append(request)  # noqa: PERF402  # one by one, to have those before an error
    except ParseError as error:
        return requests, ParseError(f"{error}; URLs taken before that: {len(requests)}")
    return requests, None


def _entries_of(page: Page) -> Iterator[Entry]:
    pieces = pieces_of(page.body, page.content_type)
    for piece in pieces:
        if start := piece.lstrip(_BLANKS):  # a blank before an XML declaration is a mistake, and frequent
            yield from (_in_xml if start.startswith("<") else _in_text)(chain([start], pieces))


def _in_xml(pieces: Iterable[str]) -> Iterator[Entry]:
    reader, count = XmlReader(), 0
    for piece in pieces:
        error = reader.feed(piece)
        entries = reader.take()
        count += len(entries)
        yield from entries
        if error is not None:
            raise error
    error = reader.feed("", is_last=True)
    if error is not None:
        raise error
    if not count and reader.should_have_entries:
        raise ParseError("the index or feed is read to its end, and has no URL")


def _in_text(pieces: Iterable[str]) -> Iterator[Entry]:
    is_sitemap, rest = False, ""
    for piece in chain(pieces, ["\n"]):
        *lines, rest = (rest + piece).replace("\r", "\n").split("\n")
        for line in lines:
            url = line.strip()
            if url.lower().startswith(("http://", "https://")) and len(url) <= LONGEST_URL:
                is_sitemap = True
                yield Entry(url)
        rest = rest[: LONGEST_URL + 1]  # enough to see that the line is too long
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
