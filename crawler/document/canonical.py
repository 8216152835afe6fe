"""The canonical URL that a response declares in its header."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.errors import InvalidURLError
from crawler.http.link_field import links_in
from crawler.url import Base, with_raw_bytes


def canonical_in(headers: Iterable[tuple[str, str]], url: str) -> str | None:
    """Return the canonical URL that the Link fields of a response declare (RFC 6596), or ``None``.

    Args:
        headers: Its header fields, names in lower case.
        url: Its URL, to which references are relative: not to the base of the body (RFC 8288 §3.2).
    """
    base = Base(url)
    for name, value in headers:
        for link in links_in(value) if name == "link" else ():
            if "canonical" in link.relations and link.anchor is None:
                try:
                    return base.resolve(with_raw_bytes(link.target))
                except InvalidURLError:
                    continue
    return None
