"""How many URLs of one host, and of one path, belong to a crawl at most: bounds against traps that no shape betrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from crawler.models import Refusal
from crawler.url import host_of

_HOST, _PATH = "host ", "path "  # what keys begin with; a space is in no URL, so that they meet no shapes of URLs


def path_of(url: str) -> str:
    """Return the folder that a normalised ``url`` is in.

    >>> path_of("https://a.example/shop/item?id=1")
    'https://a.example/shop/'
    """
    return url.partition("?")[0].rpartition("/")[0] + "/"


class Quotas:
    """Counts URLs by host and by path, and refuses them beyond a bound."""

    def __init__(self, max_per_host: int | None, max_per_path: int | None) -> None:
        """Create it empty; see `Limits.max_per_host` and `Limits.max_per_path`."""
        self._per_host = max_per_host
        self._per_path = max_per_path
        self._counts: Counter[str] = Counter()
        self._changed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Quotas of {len(self._counts)} hosts and paths>"

    def refusal_of(self, url: str) -> Refusal | None:
        """Return why a normalised ``url`` that is new may not be crawled; count it where it may."""
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
        """Return how many URLs there are of each host and path of which there are more than at the last call."""
        changed, self._changed = self._changed, set()
        return {key: self._counts[key] for key in changed}

    def restore(self, counts: Mapping[str, int]) -> None:
        """Go on with the counts of an earlier crawl; others than ours are passed over."""
        self._counts.update({key: count for key, count in counts.items() if key.startswith((_HOST, _PATH))})
