"""`multiprocessing.pool.ThreadPool`, which is also `multiprocessing.dummy.Pool`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from multiprocessing.pool import ThreadPool
from queue import SimpleQueue
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl, Visit


class Model:
    """The pool; one job a time, as these take long beside the hand-over."""

    def __init__(self, width: int) -> None:
        self.pool = ThreadPool(width)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in whatever order they come."""
        return list(self.pool.imap_unordered(function, items))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, new = Crawl(seeds), list(seeds)
        done: SimpleQueue[Visit | BaseException] = SimpleQueue()
        while crawl.unfinished:
            for url in new:
                self.pool.apply_async(visit, (url,), callback=done.put, error_callback=done.put)
            answer = done.get()
            if isinstance(answer, BaseException):
                raise answer
            new = crawl.add(answer)
        return crawl

    def close(self) -> None:
        """End the threads."""
        self.pool.close()
        self.pool.join()
