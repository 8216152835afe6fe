"""One thing after the other: what everything else is compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl


class Model:
    """A loop."""

    def __init__(self, width: int) -> None:
        """Nothing to open; ``width`` is of no use."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``."""
        return [function(item) for item in items]

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, waiting = Crawl(seeds), deque(seeds)
        while waiting:
            waiting += crawl.add(visit(waiting.popleft()))
        return crawl

    def close(self) -> None:
        """Nothing to close."""
