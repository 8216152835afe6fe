"""Where in a page references stand: the attributes that the HTML standard has for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler.document.references import parse_refresh, parse_srcset


def _of_refresh(content: str) -> list[str]:
    refresh = parse_refresh(content)
    return [refresh[1]] if refresh else []


@dataclass(frozen=True, slots=True)
class Source:
    """An attribute that references are taken from.

    Lazily loaded images, for example, are often found by ``Source("img[data-src]", "data-src")``.

    Attributes:
        selector: CSS selector of the elements.
        attribute: The attribute of theirs.
        read: Returns the references in a value of it; ``None`` where the value is one.
    """

    selector: str
    attribute: str
    read: Callable[[str], list[str]] | None = None


ANCHORS = (Source("a[href], area[href]", "href"),)
"""Links that a reader follows."""
FORMS = (Source("form[action]:not([method=post i]):not([method=dialog i])", "action"),)
"""Addresses of forms that ask for a page (GET)."""
REFRESHES = (Source("meta[http-equiv=refresh i][content]", "content", _of_refresh),)
"""Pages that send their reader elsewhere after a while."""
FRAMES = (Source("iframe[src], frame[src], embed[src]", "src"), Source("object[data]", "data"))
"""Documents within a page."""
IMAGES = (
    Source("img[src], input[type=image i][src]", "src"),
    Source("img[srcset], picture > source[srcset]", "srcset", parse_srcset),
    Source("video[poster]", "poster"),
    Source("body[background], table[background], td[background], th[background]", "background"),
)
"""Pictures, in all their sizes."""
MEDIA = (Source("video[src], audio[src], source[src], track[src]", "src"),)
"""Video and sound, with their captions."""
RESOURCES = (
    Source("link[href]", "href"),
    Source("link[imagesrcset]", "imagesrcset", parse_srcset),
    Source("script[src]", "src"),
)
"""Style sheets, scripts, icons, feeds and other versions of a page: all that ``<link>`` and ``<script>`` name."""
EVERYTHING = (*ANCHORS, *FORMS, *REFRESHES, *FRAMES, *IMAGES, *MEDIA, *RESOURCES)
"""All of the above."""
