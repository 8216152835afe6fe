"""A process for each core, each with an event loop that fetches and computes; this one hands out the URLs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection, wait
from os import cpu_count
from typing import Any, TypeAlias

import uvloop

from benchmarks.models.pages import Crawl
from benchmarks.models.rows import asyncio_loop

Job: TypeAlias = tuple[Callable[[asyncio_loop.Model, Any], Awaitable[Any]], Any]


async def call(_: asyncio_loop.Model, job: tuple[Callable[[Any], Any], Any]) -> Any:
    """Call a function that does not wait."""
    return job[0](job[1])


async def work(pipe: Connection, width: int) -> None:
    """Do the jobs that come through the ``pipe``, ``width`` at once, and send back what comes of them."""
    model, jobs = asyncio_loop.Model(), asyncio.Queue[Job]()
    await model.open(width)
    asyncio.get_running_loop().add_reader(pipe.fileno(), lambda: jobs.put_nowait(pipe.recv()))

    async def serve() -> None:
        while True:
            function, argument = await jobs.get()
            pipe.send(await function(model, argument))

    await asyncio.gather(*(serve() for _ in range(width)))


class Model:
    """The processes, and a pipe to each."""

    def __init__(self, width: int) -> None:
        self.width, pipes = -(-width // (cpu_count() or 1)), [Pipe() for _ in range(cpu_count() or 1)]
        self.pipes = [ours for ours, _ in pipes]
        self.processes = [Process(target=run, args=(theirs, self.width), daemon=True) for _, theirs in pipes]
        for process in self.processes:
            process.start()

    def run(self, waiting: deque[Job]) -> Iterator[Any]:
        """Hand out what is ``waiting``, to whoever has least to do, and yield what comes back."""
        free, busy = deque(self.pipes * self.width * 2), 0  # so few that a pipe never fills, and a loop never idles
        while waiting or busy:
            while waiting and free:
                free.popleft().send(waiting.popleft())
                busy += 1
            for pipe in wait(self.pipes):
                yield pipe.recv()  # type: ignore[union-attr]  # it is one of ours
                free.append(pipe)  # type: ignore[arg-type]
                busy -= 1

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in whatever order they come."""
        return list(self.run(deque((call, (function, item)) for item in items)))

    def fetch(self, urls: Sequence[str], *, keep_alive: bool) -> Iterable[int]:
        """Return the checksum of the page at each of ``urls``."""
        fetch = partial(asyncio_loop.Model.fetch_one, keep_alive=keep_alive)
        return list(self.run(deque((fetch, url) for url in urls)))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, waiting = Crawl(seeds), deque[Job]((asyncio_loop.Model.visit, url) for url in seeds)
        for visit in self.run(waiting):
            waiting += ((asyncio_loop.Model.visit, url) for url in crawl.add(visit))
        return crawl

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.terminate()
            process.join()


def run(pipe: Connection, width: int) -> None:
    """Run a loop in this process."""
    uvloop.run(work(pipe, width))
