"""Quotas of URLs for each host and each path: limits against traps whose URLs do not look alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from crawler.models import Refusal
from crawler.url import host_of

_HOST, _PATH = "host ", "path "  # prefixes of keys; no URL has a space, so that they cannot equal shapes of URLs


def path_of(url: str) -> str:
    """Return the folder that a normalised ``url`` is in.

    >>> path_of("https://a.example/shop/item?id=1")
    'https://a.example/shop/'
    """
    return url.partition("?")[0].rpartition("/")[0] + "/"


class Quotas:
    """Counts URLs by host and by path, and refuses those beyond the limits."""

    def __init__(self, max_per_host: int | None, max_per_path: int | None) -> None:
        """Create empty counts; see `Limits.max_per_host` and `Limits.max_per_path`."""
        self._per_host = max_per_host
        self._per_path = max_per_path
        self._counts: Counter[str] = Counter()
        self._changed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Quotas of {len(self._counts)} hosts and paths>"

    def refusal_of(self, url: str) -> Refusal | None:
        """Return why a new, normalised ``url`` may not be crawled; count it and return ``None`` if it may."""
        keys = []
        if self._per_host is not None:
            keys.append(key := _HOST + host_of(url))
            if self._counts[key] >= self._per_host:
                return Refusal.HOST
        if self._per_path is not None:
            keys.append(key := _PATH + path_of(url))
            if self._counts[key] >= self._per_path:
                return Refusal.PATH
        for key in keys:
            self._counts[key] += 1
        self._changed.update(keys)
        return None

    def take_changed(self) -> dict[str, int]:
        """Return the counts of the hosts and paths that have grown since the last call."""
        changed, self._changed = self._changed, set()
        return {key: self._counts[key] for key in changed}

    def restore(self, counts: Mapping[str, int]) -> None:
        """Take over the counts of an earlier crawl; those that are not of hosts or paths are ignored."""
        self._counts.update({key: count for key, count in counts.items() if key.startswith((_HOST, _PATH))})
