"""A process for each core, each with an event loop that fetches and computes; this one hands out the URLs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import Pipe, Process, connection
from os import cpu_count
from typing import Any

from benchmarks.models.loop_process import work
from benchmarks.models.pages import Crawl


class Model:
    """The processes, and a pipe to each: what is under way is less than its two directions hold (278 messages each)."""

    def __init__(self, width: int) -> None:
        self.pipes: list[Any] = []
        self.processes: list[Process] = []
        for _ in range(cpu_count() or 1):
            ours, theirs = Pipe()
            process = Process(target=work, args=(theirs, width), daemon=True)
            process.start()
            theirs.close()  # and the next process has none of it: the pipe ends with this one
            self.pipes.append(ours)
            self.processes.append(process)
        self.places = deque(self.pipes * -(-width // len(self.pipes)))

    def run(self, waiting: deque[Any]) -> Iterator[Any]:
        """Hand out what is ``waiting`` to whoever has least to do, and yield what comes back."""
        total = len(self.places)
        while waiting or len(self.places) < total:
            while waiting and self.places:
                self.places.popleft().send(waiting.popleft())
            for pipe in connection.wait(self.pipes):
                self.places.append(pipe)
                yield pipe.recv()  # type: ignore[union-attr, call-arg]  # it is none of the other things

    def fetch(self, urls: Sequence[str], *, keep_alive: bool) -> Iterable[int]:
        """Return the checksum of the page at each of ``urls``."""
        return list(self.run(deque(("fetch_one", url, keep_alive) for url in urls)))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, waiting = Crawl(seeds), deque[Any](("visit", url) for url in seeds)
        for visit in self.run(waiting):
            waiting += (("visit", url) for url in crawl.add(visit))
        return crawl

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.terminate()
