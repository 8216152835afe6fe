"""An entry of a sitemap."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One URL of a sitemap. All texts are as the sitemap has them.

    Attributes:
        url: The URL.
        lastmod: When the page was last changed.
        priority: The importance of the page within its site, from 0.0 to 1.0.
        is_sitemap: Whether the URL is that of another sitemap.
        bases: What the URL is relative to, each relative to the one before: ``xml:base`` attributes, the outermost
            first.
    """

    url: str
    lastmod: str = ""
    priority: str = ""
    is_sitemap: bool = False
    bases: tuple[str, ...] = ()
