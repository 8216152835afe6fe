"""The counters of a crawl, as its record has them."""

from __future__ import annotations

import msgspec


class CountersRecord(msgspec.Struct, frozen=True):
    """What of the counters outlives a crawl: the pages are those that are settled, the ``bytes`` of bodies."""

    fetched: int = 0
    items: int = 0
    retries: int = 0
    redirects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = {}
