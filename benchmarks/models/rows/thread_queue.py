"""`threading.Thread` and a queue: the pool that everybody has written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl


class Model:
    """Threads that take jobs from one queue and put answers into another."""

    def __init__(self, width: int) -> None:
        self.jobs: SimpleQueue[tuple[Callable[[Any], Any], Any] | None] = SimpleQueue()
        self.answers: SimpleQueue[Any] = SimpleQueue()
        self.threads = [Thread(target=self.work) for _ in range(width)]
        for thread in self.threads:
            thread.start()

    def work(self) -> None:
        """Do jobs until there is a ``None``."""
        while job := self.jobs.get():
            function, item = job
            try:
                self.answers.put(function(item))
            except Exception as error:  # a thread that ended here would leave its caller waiting
                self.answers.put(error)

    def answer(self) -> Any:
        """Return the next answer, whichever it is, or raise it."""
        answer = self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in whatever order they come."""
        for item in items:
            self.jobs.put((function, item))
        return [self.answer() for _ in items]

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, new = Crawl(seeds), list(seeds)
        while crawl.unfinished:
            for url in new:
                self.jobs.put((visit, url))
            new = crawl.add(self.answer())
        return crawl

    def close(self) -> None:
        """Send everybody home."""
        for _ in self.threads:
            self.jobs.put(None)
        for thread in self.threads:
            thread.join()
