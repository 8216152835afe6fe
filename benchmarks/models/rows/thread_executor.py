"""`concurrent.futures.ThreadPoolExecutor`: a future a page. A free-threaded interpreter runs this same file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl, Visit


class Model:
    """The executor."""

    visit = staticmethod(visit)

    def __init__(self, width: int) -> None:
        self.pool = ThreadPoolExecutor(width)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``."""
        return list(self.pool.map(function, items))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``.

        Futures come back through a queue: `concurrent.futures.wait` would look at all of them for each that is done.
        """
        crawl, new = Crawl(seeds), list(seeds)
        done: SimpleQueue[Future[Visit]] = SimpleQueue()
        while crawl.unfinished:
            for url in new:
                self.pool.submit(self.visit, url).add_done_callback(done.put)
            new = crawl.add(done.get().result())
        return crawl

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown()
