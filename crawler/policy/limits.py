"""Hard limits of a crawl, and the byte budget that its fetches share."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.policy.checks import at_least, whole


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits at which a crawl ends; ``None`` is no limit. None of them is exceeded, not by one page or byte.

    With a state folder they hold for the crawl as a whole, however often it is resumed; only the seconds start anew.

    Attributes:
        max_pages: Pages fetched. Redirects and failed requests do not count.
        max_depth: Links followed from a seed, on the shortest way known; 0 fetches only the seeds.
        max_seconds: Seconds from the start; fetches are then cut off, and stay pending.
        max_bytes: Bytes of bodies, counted after decompression; the fetch that would exceed it is cut off.
        max_alike: URLs that differ only in numbers, identifiers and queries, such as ``/item/1`` and ``/item/2?a=b``;
            the others are refused, and so are URLs of more than 8,000 characters, 40 segments, or 4 equal ones. This
            ends the crawl of an endless site. ``None`` refuses none of these.
        max_per_host: URLs of one host (``name:port``); the others are refused.
        max_per_path: URLs in one folder, such as ``https://shop.example/item/``; the others are refused.
    """

    max_pages: int | None = None
    max_depth: int | None = None
    max_seconds: float | None = None
    max_bytes: int | None = None
    max_alike: int | None = 100_000
    max_per_host: int | None = None
    max_per_path: int | None = None

    def __post_init__(self) -> None:
        whole("max_pages", self.max_pages, 1, unit="pages", optional=True)
        whole("max_depth", self.max_depth, 0, unit="links", optional=True)
        at_least("max_seconds", self.max_seconds, 0, unit="seconds", optional=True)
        whole("max_bytes", self.max_bytes, 1, unit="bytes", optional=True)
        whole("max_alike", self.max_alike, 1, unit="URLs", optional=True)
        whole("max_per_host", self.max_per_host, 1, unit="URLs", optional=True)
        whole("max_per_path", self.max_per_path, 1, unit="URLs", optional=True)

    def allows_depth(self, depth: int) -> bool:
        """Tell whether a request at ``depth`` may be fetched."""
        return self.max_depth is None or depth <= self.max_depth


class ByteBudget:
    """The bytes that all fetches of a crawl together may still read."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self.spent = 0

    def __repr__(self) -> str:
        return f"<ByteBudget {self.spent} of {self._limit or 'unlimited'} bytes spent>"

    def spend(self, count: int) -> bool:
        """Take ``count`` bytes from the budget; return false, and take nothing, if fewer are left."""
        if self._limit is not None and self.spent + count > self._limit:
            return False
        self.spent += count
        return True
