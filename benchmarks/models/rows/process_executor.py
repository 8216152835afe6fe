"""`concurrent.futures.ProcessPoolExecutor`: the thread executor's code, with chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from queue import SimpleQueue
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl, Visit


class Model:
    """The executor."""

    def __init__(self, width: int, chunk: int = 1) -> None:
        """Open it; `map` hands over ``chunk`` jobs at once."""
        self.pool, self.chunk = ProcessPoolExecutor(width), chunk

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``."""
        return list(self.pool.map(function, items, chunksize=self.chunk))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, new = Crawl(seeds), list(seeds)
        done: SimpleQueue[Future[Visit]] = SimpleQueue()
        while crawl.unfinished:
            for url in new:
                self.pool.submit(visit, url).add_done_callback(done.put)
            new = crawl.add(done.get().result())
        return crawl

    def close(self) -> None:
        """End the processes."""
        self.pool.shutdown()
