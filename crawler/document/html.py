"""HTML: the tree of a page, and the links in it. The only file that imports selectolax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.document.references import parse_refresh
from crawler.document.sources import Source
from crawler.errors import InvalidURLError
from crawler.http.mime import content_type_of
from crawler.url import Base, QueryEncoder

__all__ = [
    "LexborHTMLParser",
    "LexborNode",
    "base_of",
    "canonical_of",
    "is_html",
    "references_in",
    "refreshes_in",
    "resolve_links",
    "robots_elements",
    "title_of",
]

_HTML_TYPES = ("text/html", "application/xhtml+xml")
# What is in no text; UTF-16 has it, behind its byte order mark (MIME Sniffing standard §3 and §7.2).
_BINARY = re.compile(
    rb"%PDF-|(?!\xfe\xff|\xff\xfe)[^\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]*[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]"
).match
_FOREIGN = frozenset({"svg", "math"})
_HTML_WITHIN = frozenset({"foreignobject", "foreignObject", "annotation-xml"})
_MOST_SHADOWS = 8  # shadow trees inside each other; arbitrary
_SNIFFED = 1445  # bytes


def is_html(content_type: str, body: bytes = b"") -> bool:
    """Tell whether a Content-Type means HTML; where it says nothing, whether the ``body`` may be a text."""
    essence = content_type_of(content_type).essence
    return essence in _HTML_TYPES if essence else not _BINARY(body, 0, _SNIFFED)


def base_of(tree: LexborHTMLParser, url: str, query_encoder: QueryEncoder | None = None) -> Base:
    """Return the base URL of the references in a page at ``url``: its ``<base href>``, else ``url``.

    Args:
        tree: The page.
        url: Its URL.
        query_encoder: The function that a `Base` takes.
    """
    base = Base(url, query_encoder)
    for node in tree.tags("base"):
        if _is_foreign(node):
            continue
        # The first one with an address counts, even an invalid one, which then means nothing.
        if "href" in (attributes := node.attributes):
            try:
                return Base(base.resolve(attributes["href"] or ""), query_encoder)
            except InvalidURLError:
                return base
    return base


def title_of(tree: LexborHTMLParser) -> str:
    """Return the text of the ``<title>`` of a page, white space collapsed; empty if there is none."""
    for node in tree.tags("title"):
        if not _is_foreign(node):
            return " ".join(node.text().split())
    return ""


def references_in(tree: LexborHTMLParser, sources: Iterable[Source], *, nofollow: bool) -> Iterator[str]:
    """Yield the references in a page as written: by source, then in document order; those of its shadow trees last.

    Args:
        tree: The page.
        sources: The attributes that contain references.
        nofollow: Whether to include those with ``rel=nofollow``.
    """
    sources = tuple(sources)
    yield from _references_in(tree, sources, nofollow=nofollow)
    for shadow in _shadow_trees(tree, _MOST_SHADOWS):
        yield from _references_in(shadow, sources, nofollow=nofollow)


def _shadow_trees(tree: LexborHTMLParser, most: int) -> Iterator[LexborHTMLParser]:
    """Yield the declarative shadow trees in a page: readers see them, and Lexbor keeps them apart."""
    for node in tree.tags("template"):
        if (node.attributes.get("shadowrootmode") or "").lower() in {"open", "closed"} and most > 0:
            inner = LexborHTMLParser((node.html or "").partition(">")[2].removesuffix("</template>"))
            yield inner
            yield from _shadow_trees(inner, most - 1)


def _references_in(tree: LexborHTMLParser, sources: Iterable[Source], *, nofollow: bool) -> Iterator[str]:
    for source in sources:
        for node in tree.css(source.selector):
            attributes = node.attributes
            value = attributes.get(source.attribute)
            if value is None:
                value = attributes.get(f"xlink:{source.attribute}")  # SVG, whose links have that name, too
            if value is None:
                continue
            rel = attributes.get("rel")
            if rel and not nofollow and _has_token(rel, "nofollow"):
                continue
            if source.read:
                yield from source.read(value)
            else:
                yield value


def resolve_links(references: Iterable[str], base: Base, url: str) -> list[str]:
    """Return the http(s) URLs of the ``references`` in the page at ``url``, normalised, each once, in their order.

    References are relative to ``base``. Those that cannot be fetched (``mailto:``, ``javascript:``, broken ones) are
    left out, as the web is full of them.
    """
    links: dict[str, None] = {}
    # Without a <base> a reference that begins with '#' is the page itself, and in manuals by far the most common kind.
    passed_over = "#" if base.url == url or base.url == Base(url).url else None
    for reference in dict.fromkeys(references):
        if reference[:1] == passed_over:
            continue
        try:
            links[base.resolve(reference)] = None
        except InvalidURLError:
            continue
    return list(links)


def canonical_of(tree: LexborHTMLParser, base: Base) -> str | None:
    """Return the http(s) URL that a page calls its canonical one (RFC 6596), or ``None``.

    Only its head counts: the body may contain what visitors wrote, and they must not speak for the page.
    """
    head = tree.head
    for node in head.css("link[href][rel]") if head else ():
        if _has_token(node.attributes["rel"] or "", "canonical"):
            try:
                return base.resolve(node.attributes["href"] or "")
            except InvalidURLError:
                continue
    return None


def refreshes_in(tree: LexborHTMLParser) -> Iterator[tuple[float, str]]:
    """Yield the seconds and the reference of each valid ``<meta http-equiv=refresh>``."""
    for node in tree.css("meta[http-equiv=refresh i][content]"):
        if refresh := parse_refresh(node.attributes["content"] or ""):
            yield refresh


def robots_elements(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """Yield name and content of each ``<meta>``, whatever its name."""
    for node in tree.tags("meta"):
        attributes = node.attributes
        if (name := attributes.get("name")) and (content := attributes.get("content")):
            yield name, content


def _is_foreign(node: LexborNode) -> bool:
    """Tell whether an element belongs to an image in SVG or to a formula, and not to the page around."""
    parent = node.parent
    while parent is not None and parent.tag not in _HTML_WITHIN:
        if parent.tag in _FOREIGN:
            return True
        parent = parent.parent
    return False


def _has_token(value: str, token: str) -> bool:
    """Tell whether ``token`` is one of the words of an attribute such as ``rel``."""
    return token in value.lower().split()
