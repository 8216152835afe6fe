"""The counters of a crawl, as its record remembers them."""

from __future__ import annotations

import msgspec


class CountersRecord(msgspec.Struct, frozen=True):
    """What of the counters outlives a crawl: pages whose requests have ended, and ``bytes`` of bodies."""

    fetched: int = 0
    items: int = 0
    retries: int = 0
    redirects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = {}
    retries_refused: int = 0
