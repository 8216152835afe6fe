"""What a sitemap says of one URL."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One URL of a sitemap, all of it as it is written there.

    Attributes:
        url: The URL.
        lastmod: When it was changed last.
        priority: How important it is beside others of the site, from 0.0 to 1.0.
        is_sitemap: Whether it is that of another sitemap.
    """

    url: str
    lastmod: str = ""
    priority: str = ""
    is_sitemap: bool = False
