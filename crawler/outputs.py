"""What the items of a page become for each sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crawler.page import Page
from crawler.parsing.worker import Encode, OfPage, Parsed
from crawler.sinks.sink import Sink, keyed


def encoder_of(sink: Sink) -> Encode | OfPage | None:
    """Return how the workers encode for ``sink``."""
    of_page: Callable[[Page], bytes] | None = getattr(sink, "encode_page", None)
    return sink.encode if of_page is None else OfPage(of_page)


def items_for(sinks: Sequence[Sink], page: Page, parsed: Parsed) -> list[list[Any]]:
    """Return the items of a page for each of ``sinks``.

    Raises:
        CrawlerError: There are none because of it.
    """
    if parsed.error is not None:
        raise parsed.error
    fingerprint = page.request.fingerprint if parsed.items else ""
    return [keyed(sink, fingerprint, parsed.items_for(place)) for place, sink in enumerate(sinks)]
