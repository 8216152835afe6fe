"""Sources of links: the attributes that contain references by the HTML standard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler.document.references import parse_refresh, parse_srcset


def _of_refresh(content: str) -> list[str]:
    refresh = parse_refresh(content)
    return [refresh[1]] if refresh else []


@dataclass(frozen=True, slots=True)
class Source:
    """An attribute that contains references.

    Lazily loaded images, for example, often need ``Source("img[data-src]", "data-src")``.

    Attributes:
        selector: CSS selector of the elements.
        attribute: Name of the attribute.
        read: A function that returns the references in a value of it; ``None`` if the value is one reference.
    """

    selector: str
    attribute: str
    read: Callable[[str], list[str]] | None = None


ANCHORS = (Source("a[href], area[href]", "href"),)
"""Links that a reader may follow."""
_GET = "form:not([method=post i]):not([method=dialog i])"
_ITSELF = ":not([formmethod=post i]):not([formmethod=dialog i])"
FORMS = (
    Source("form[action]:not([method=post i]):not([method=dialog i])", "action"),
    Source(f"{_GET} button[formaction]{_ITSELF}, {_GET} input[formaction]{_ITSELF}", "formaction"),
)
"""Addresses of forms that request a page (GET)."""
REFRESHES = (Source("meta[http-equiv=refresh i][content]", "content", _of_refresh),)
"""Targets of pages that send their reader elsewhere after a while."""
FRAMES = (Source("iframe[src], frame[src], embed[src]", "src"), Source("object[data]", "data"))
"""Documents embedded in a page."""
IMAGES = (
    Source("img[src], input[type=image i][src]", "src"),
    Source("img[srcset], picture > source[srcset]", "srcset", parse_srcset),
    Source("video[poster]", "poster"),
    Source("svg image", "href"),
    Source("body[background], table[background], td[background], th[background]", "background"),
)
"""Images, in all their sizes."""
MEDIA = (Source("video[src], audio[src], source[src], track[src]", "src"),)
"""Video and sound, with their captions."""
RESOURCES = (
    Source("link[href]", "href"),
    Source("link[imagesrcset]", "imagesrcset", parse_srcset),
    Source("script[src]", "src"),
)
"""Style sheets, scripts, icons, feeds and other versions of a page: all references of ``<link>`` and ``<script>``."""
EVERYTHING = (*ANCHORS, *FORMS, *REFRESHES, *FRAMES, *IMAGES, *MEDIA, *RESOURCES)
"""All of the above."""
