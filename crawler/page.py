"""A fetched page, as a parser sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from crawler.charset import decode
from crawler.html import LINKS, LexborHTMLParser, LexborNode, base_of, is_html, resolve_links
from crawler.models import Request
from crawler.url import resolve

__all__ = ["Page"]


class Page:
    """A response with its body. Text, tree and links are made when first asked for, and kept.

    Make one by hand to test a parser: ``list(parse(Page("https://books.example/", b"<h1>…</h1>")))``.

    Attributes:
        url: Where the body came from (redirects are separate requests, so this is also what was asked for).
        body: The body, decompressed.
        status: The HTTP status.
        headers: The response's header fields as pairs, names in lower case.
        request: What was asked for.
        seconds: From sending the request to the last byte of the body.
    """

    __slots__ = ("_resolved", "_text", "_tree", "body", "headers", "request", "seconds", "status", "url")

    def __init__(  # a response has this many parts
        self,
        url: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (),
        request: Request | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.url = url
        self.body = body
        self.status = status
        self.headers = headers
        self.request = request or Request(url)
        self.seconds = seconds
        self._text: str | None = None
        self._tree: LexborHTMLParser | None = None
        self._resolved: set[str] = set()

    def __repr__(self) -> str:
        return f"<Page {self.status} {self.url} {len(self.body)} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Positional and without the lazy parts: this runs on the loop once a page.
        return _rebuild, (self.url, self.body, self.status, self.headers, self.request, self.seconds)

    @property
    def depth(self) -> int:
        """Links followed from the seed."""
        return self.request.depth

    @property
    def label(self) -> str:
        """The label of the request, which a `Router` chooses by."""
        return self.request.label

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the request carried along."""
        return self.request.metadata or {}

    def header(self, name: str, default: str = "") -> str:
        """Return the first header field of that ``name``, in any case, or ``default``."""
        name = name.lower()
        return next((value for key, value in self.headers if key == name), default)

    @property
    def content_type(self) -> str:
        """The Content-Type header field, empty where none was sent."""
        return self.header("content-type")

    @property
    def text(self) -> str:
        """The body as text: by byte order mark, header, ``<meta charset>``, UTF-8, windows-1252, in this order."""
        if self._text is None:
            self._text = decode(self.body, self.content_type)
        return self._text

    @property
    def tree(self) -> LexborHTMLParser:
        """The whole document as selectolax's tree."""
        if self._tree is None:
            self._tree = LexborHTMLParser(self.text)
        return self._tree

    def css(self, selector: str) -> list[LexborNode]:
        """Return all nodes that match a CSS ``selector``, in document order."""
        return self.tree.css(selector)

    def css_first(self, selector: str) -> LexborNode | None:
        """Return the first node that matches a CSS ``selector``, or ``None``."""
        return self.tree.css_first(selector)

    @property
    def title(self) -> str:
        """The text of ``<title>``, white space collapsed; empty where there is none or the body is not HTML."""
        node = self.css_first("title") if is_html(self.content_type) else None
        return " ".join(node.text().split()) if node else ""

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: The body is not JSON (msgspec's error, which says where).
        """
        return msgspec.json.decode(self.text)

    def links(self, selector: str = LINKS, *, label: str = "", priority: int = 0) -> Iterator[Request]:
        """Yield a request for each link of the page, resolved, normalised, each once; nothing where it is not HTML.

        Args:
            selector: CSS selector of the nodes whose ``href`` is followed.
            label: Label of the requests, for a `Router`.
            priority: Priority of the requests.
        """
        if not is_html(self.content_type):
            return
        for url in resolve_links(self.css(selector), self._base, self.url):
            self._resolved.add(url)
            yield Request(url, label=label, priority=priority)

    def follow(self, href: str, **fields: Any) -> Request:
        """Return a request for ``href``, resolved against the page; ``fields`` are those of `Request`.

        Raises:
            InvalidURLError: ``href`` is no http(s) reference.
        """
        url = resolve(self._base, href)
        self._resolved.add(url)
        return Request(url, **fields)

    def normalise(self, request: Request) -> Request:
        """Return a request that a parser yielded with its URL normalised; those this page made itself are already.

        Raises:
            InvalidURLError: Its URL is no http(s) reference.
        """
        if request.url in self._resolved:
            return request
        return msgspec.structs.replace(request, url=resolve(self._base, request.url))

    @property
    def _base(self) -> str:
        """What references in the page are relative to."""
        return base_of(self.tree, self.url) if is_html(self.content_type) else self.url


def _rebuild(  # the fields of a page
    url: str, body: bytes, status: int, headers: Sequence[tuple[str, str]], request: Request, seconds: float
) -> Page:
    return Page(url, body, status=status, headers=headers, request=request, seconds=seconds)
