"""A fetched page, as parsers see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from crawler.document.canonical import canonical_in
from crawler.document.charset import decode
from crawler.document.directives import Directives, directives_of
from crawler.document.html import (
    LexborHTMLParser,
    LexborNode,
    base_of,
    canonical_of,
    is_html,
    references_in,
    refreshes_in,
    resolve_links,
    robots_elements,
    title_of,
)
from crawler.document.json_text import decoded_json
from crawler.document.query_encoding import query_encoder
from crawler.document.references import parse_refresh
from crawler.document.sources import ANCHORS, Source
from crawler.document.transfer import Transfer
from crawler.document.xhtml import as_html, is_xhtml
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import PageRetry, Request
from crawler.url import Base, with_raw_bytes

__all__ = ["Page", "Refresh"]


class Refresh(NamedTuple):
    """The ``url`` to which a page sends its reader after so many ``seconds``."""

    seconds: float
    url: str


class Page:
    """A response with its body. Text, tree and links are computed on first use and cached.

    Create one to test a parser: ``list(parse(Page("https://books.example/", b"<h1>…</h1>")))``.

    Attributes:
        url: The URL of the body: that to which redirects have led, if there were any.
        body: The body, decompressed.
        status: The HTTP status.
        headers: The response's header fields as pairs, names in lower case.
        request: The request that this page answers.
        seconds: The time from sending the request to the last byte of the body.
        changed: Whether the page differs from that of the last crawl, if the cache has the mode ``"changed"``; else,
            and if there was no last crawl, ``None``.
        agent: The product token for which the site may have special `directives`, or none. The crawl sets this and the
            next attribute: neither travels with the page.
        obeys_robots: Whether `links` leaves out the links that robots are asked not to follow.
        transfer: What is archived of the exchange; ``None`` where nothing is archived, or a cache had the page.
    """

    __slots__ = (
        "_base",
        "_resolved",
        "_text",
        "_tree",
        "agent",
        "body",
        "changed",
        "headers",
        "obeys_robots",
        "request",
        "seconds",
        "status",
        "transfer",
        "url",
    )

    def __init__(  # a response has this many parts
        self,
        url: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (),
        request: Request | None = None,
        seconds: float = 0.0,
        changed: bool | None = None,
    ) -> None:
        self.url = url
        self.body = body
        self.status = status
        self.headers = headers
        self.request = request or Request(url)
        self.seconds = seconds
        self.changed = changed
        self.agent = ""
        self.obeys_robots = True
        self.transfer: Transfer | None = None
        self._base: Base | None = None
        self._text: str | None = None
        self._tree: LexborHTMLParser | None = None
        self._resolved: set[str] = set()

    def __repr__(self) -> str:
        return f"<Page {self.status} {self.url} {len(self.body)} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Page.of_parts, (self.parts(),)

    def parts(self) -> tuple[Any, ...]:
        """Return the values of the page that travel to another process, for `of_parts`; computed attributes do not.

        Plain values pickle in a third of the time that the page itself takes.
        """
        request = astuple(self.request)
        return (self.url, self.body, self.status, self.headers, request, self.seconds, self.changed, self.transfer)

    @classmethod
    def of_parts(cls, parts: tuple[Any, ...]) -> Page:
        """Return the page with these `parts`."""
        url, body, status, headers, request, seconds, changed, transfer = parts
        page = cls(url, body, status=status, headers=headers, request=Request(*request), seconds=seconds)
        page.changed, page.transfer = changed, transfer
        return page

    @property
    def depth(self) -> int:
        """Links followed from the seed."""
        return self.request.depth

    @property
    def label(self) -> str:
        """The label of the request, by which a `Router` chooses the parser."""
        return self.request.label

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the request."""
        return self.request.metadata or {}

    def header(self, name: str, default: str = "") -> str:
        """Return the first header field of that ``name``, in any case, or ``default``."""
        name = name.lower()
        return next((value for key, value in self.headers if key == name), default)

    @property
    def content_type(self) -> str:
        """The Content-Type header field, empty where none was sent; several are separated by commas."""
        return ", ".join([value for name, value in self.headers if name == "content-type"])

    @property
    def is_html(self) -> bool:
        """Whether the page is HTML by its Content-Type; where that says nothing, whether it may be a text."""
        return is_html(self.content_type, self.body)

    @property
    def text(self) -> str:
        """The body as text: by byte order mark, header, ``<meta charset>``, UTF-8, windows-1252, in this order."""
        if self._text is None:
            self._text = decode(self.body, self.content_type)
        return self._text

    @property
    def tree(self) -> LexborHTMLParser:
        """The whole document as selectolax's tree; XHTML is read as XML if it is well-formed."""
        if self._tree is None:
            self._tree = LexborHTMLParser(as_html(self.text) if is_xhtml(self.content_type) else self.text)
        return self._tree

    def css(self, selector: str) -> list[LexborNode]:
        """Return all nodes that match a CSS ``selector``, in document order."""
        return self.tree.css(selector)

    def css_first(self, selector: str) -> LexborNode | None:
        """Return the first node that matches a CSS ``selector``, or ``None``."""
        return self.tree.css_first(selector)

    @property
    def title(self) -> str:
        """The text of ``<title>``, white space collapsed; empty if there is none or the body is not HTML."""
        return title_of(self.tree) if self.is_html else ""

    def json(self) -> Any:
        """Return the body as JSON, a half of a surrogate pair in it as U+FFFD, a number beyond all floats as infinity.

        Raises:
            ValueError: The body is not JSON (msgspec's error, which names the position).
        """
        return decoded_json(self.text)

    @property
    def canonical(self) -> str | None:
        """The canonical URL that the page declares (RFC 6596): in its head, else in a Link header field."""
        found = canonical_of(self.tree, self.base) if self.is_html else None
        return found or canonical_in(self.headers, self.url)

    @property
    def refresh(self) -> Refresh | None:
        """The target of a Refresh header field or ``<meta http-equiv=refresh>``; the first one counts.

        Those whose target is no http(s) URL are ignored.
        """
        return _first_refresh(self)

    @property
    def directives(self) -> Directives:
        """The directives for robots in X-Robots-Tag header fields and ``<meta name=robots>``."""
        fields = [value for name, value in self.headers if name == "x-robots-tag"]
        elements = robots_elements(self.tree) if self.is_html else ()
        return directives_of(elements, fields, agent=self.agent)

    def links(
        self,
        selector: str | None = None,
        *,
        sources: Iterable[Source] = ANCHORS,
        nofollow: bool = False,
        label: str = "",
        priority: int = 0,
    ) -> Iterator[Request]:
        """Yield a request for each link of the page, resolved, normalised, each once; none if the page is not HTML.

        Args:
            selector: CSS selector of the nodes whose ``href`` is followed, instead of ``sources``.
            sources: The attributes in which links are looked for, one after the other; by default those of ``<a>`` and
                ``<area>``. `crawler.document.sources` has more.
            nofollow: Whether to yield also the links that robots are asked not to follow: those with ``rel=nofollow``,
                and all links of a page whose `directives` forbid it.
            label: Label of the requests, for a `Router`.
            priority: Priority of the requests.

        Raises:
            ConfigurationError: Both ``selector`` and ``sources`` are given.
        """
        if selector is not None:
            if sources is not ANCHORS:
                raise ConfigurationError.of("selector", selector, "no sources beside it: a Source has a selector")
            sources = (Source(selector, "href"),)
        nofollow = nofollow or not self.obeys_robots
        if not self.is_html or not (nofollow or self.directives.follow):
            return
        urls = resolve_links(references_in(self.tree, sources, nofollow=nofollow), self.base, self.url)
        self._resolved.update(urls)
        for url in urls:
            yield Request(url, label=label, priority=priority)

    def follow(self, href: str, **fields: Any) -> Request:
        """Return a request for ``href``, resolved against the page; ``fields`` are those of `Request`.

        Raises:
            InvalidURLError: ``href`` is no http(s) reference.
        """
        url = self.base.resolve(href)
        self._resolved.add(url)
        return Request(url, **fields)

    def retry(self, reason: str, wait: float | None = None) -> PageRetry:
        """Return what a parser yields to have this page fetched again: it says that you are banned, or logged out.

        Nothing else that the parser yields for this page counts then: no item and no link. It is an attempt like any
        other. When all of `Retry.attempts` are used up, the request fails with a `PageRetryError`.

        Args:
            reason: Why; failures and ``crawler explain`` show it.
            wait: Seconds until then; ``None`` for the waits of `Retry`.

        Raises:
            ConfigurationError: ``reason`` is no text, or ``wait`` is no number of seconds.
        """
        retry = PageRetry(reason, wait)
        retry.check()
        return retry

    def normalise(self, request: Request) -> Request:
        """Return a request that a parser yielded with its URL normalised; URLs that this page resolved already are.

        Raises:
            InvalidURLError: Its URL is no http(s) reference.
        """
        if request.url in self._resolved:
            return request
        return msgspec.structs.replace(request, url=self.base.resolve(request.url))

    @property
    def base(self) -> Base:
        """The base URL of the references in the page: its ``<base href>``, else its URL."""
        if self._base is None:
            encoder = partial(query_encoder, self.body, self.content_type)
            self._base = base_of(self.tree, self.url, encoder) if self.is_html else Base(self.url)
        return self._base


def _first_refresh(page: Page) -> Refresh | None:
    field = parse_refresh(with_raw_bytes(page.header("refresh")))
    if field and (refresh := _refresh(field, Base(page.url))):
        return refresh
    elements = refreshes_in(page.tree) if page.is_html else ()
    return next((refresh for element in elements if (refresh := _refresh(element, page.base))), None)


def _refresh(parsed: tuple[float, str], base: Base) -> Refresh | None:
    try:
        return Refresh(parsed[0], base.resolve(parsed[1]))
    except InvalidURLError:
        return None
