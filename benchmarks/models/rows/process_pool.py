"""`multiprocessing.Pool`: `map`, which chooses chunks itself, and `imap_unordered` with chunks of a given size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from multiprocessing import Pool
from queue import SimpleQueue
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl, Visit


class Model:
    """The pool."""

    def __init__(self, width: int, chunk: int | None = 1) -> None:
        """Open it; ``chunk`` is for `imap_unordered`, and ``None`` for `map`."""
        self.pool, self.chunk = Pool(width), chunk

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in whatever order they come."""
        if self.chunk is None:
            return self.pool.map(function, items)
        return list(self.pool.imap_unordered(function, items, self.chunk))

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
        """End the processes."""
        self.pool.close()
        self.pool.join()
