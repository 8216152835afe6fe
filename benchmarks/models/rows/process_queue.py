"""`multiprocessing.Process` and two queues: threads and a queue, with processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from multiprocessing import Process, Queue
from typing import Any

from benchmarks.models.blocking import visit
from benchmarks.models.pages import Crawl


def work(jobs: Queue[Any], answers: Queue[Any]) -> None:
    """Do jobs until there is a ``None``."""
    while job := jobs.get():
        function, item = job
        try:
            answers.put(function(item))
        except Exception as error:  # a process that ended here would leave its caller waiting
            answers.put(error)


class Model:
    """Processes that take jobs from one queue and put answers into another."""

    def __init__(self, width: int) -> None:
        self.jobs: Queue[Any] = Queue()
        self.answers: Queue[Any] = Queue()
        self.processes = [Process(target=work, args=(self.jobs, self.answers)) for _ in range(width)]
        for process in self.processes:
            process.start()

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
        for _ in self.processes:
            self.jobs.put(None)
        for process in self.processes:
            process.join()
