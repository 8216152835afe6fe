"""HTML: one tree and the links in it. The only file that imports selectolax."""

from __future__ import annotations

from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.errors import InvalidURLError
from crawler.url import resolve

__all__ = ["LINKS", "LexborHTMLParser", "LexborNode", "base_of", "is_html", "resolve_links"]

LINKS = "a[href], area[href]"
_HTML_TYPES = ("text/html", "application/xhtml+xml")


def is_html(content_type: str) -> bool:
    """Tell whether a Content-Type means HTML; where none was sent, it is taken to."""
    return content_type.partition(";")[0].strip().lower() in ("", *_HTML_TYPES)


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """Return what the references in a page at ``url`` are relative to: its ``<base href>``, else ``url``."""
    node = tree.css_first("base[href]")
    href = node.attributes.get("href") if node else None
    if not href:
        return url
    try:
        return resolve(url, href)
    except InvalidURLError:
        return url


def resolve_links(nodes: Iterable[LexborNode], base: str, url: str) -> list[str]:
    """Return the http(s) URLs that ``nodes`` of the page at ``url`` link to, normalised, each once, in its order.

    References are relative to ``base``. Those that cannot be fetched (``mailto:``, ``javascript:``, broken ones) are
    left out: the web is full of them.
    """
    hrefs = dict.fromkeys(node.attributes.get("href") for node in nodes)
    links: dict[str, None] = {}
    for href in hrefs:
        # Without a <base> a lone '#…' is the page itself, and by far the most common reference in manuals.
        if href is None or (href.startswith("#") and base == url):
            continue
        try:
            links[resolve(base, href)] = None
        except InvalidURLError:
            continue
    return list(links)
