"""Where rows are given work and measured: a site with its server, and what the work costs a processor."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain, islice
from typing import Any

import psutil

from benchmarks.models import aio
from benchmarks.models.catalogue import NOTE, ROWS, Workload
from benchmarks.models.contestant import Contestant
from benchmarks.models.processes import cpu_of, machine_seconds
from benchmarks.models.results import Measured
from benchmarks.models.truths import Site, condensed
from fixtures_server import ServerProcess, Web

_NUMBERS = Web(bits=34)  # a set of numbers to test: those that stand on its pages
_SAMPLE = 10  # pages that say what a page costs


class Stand:
    """A site with its server, where rows are given work and measured."""

    def __init__(self, site: Site, server_pid: int | None) -> None:
        self.site = site
        self._server = psutil.Process(server_pid) if server_pid else None

    def items(self, job: str, count: int, concurrency: int) -> list[Any]:
        """Return ``count`` jobs; of a crawl its seeds, which are a quarter of its pages."""
        if job == "nothing":
            return list(range(count))
        if job == "prime_or_zero":
            numbers = chain.from_iterable(map(_NUMBERS.numbers_of, range(count)))
            return list(NOTE) if count <= len(NOTE) else list(islice(numbers, count))
        return self.site.urls(max(1, min(count // 4, concurrency)) if job == "crawl" else count)

    async def measure(self, contestant: Contestant, job: str, items: Sequence[Any], jobs: int) -> Measured:
        """Have a row do ``jobs`` jobs, of which ``items`` are to be handed to it; check its answers.

        Raises:
            RowError: It did not do them.
        """
        before, busy_before = self._server_seconds(), machine_seconds() - time.process_time()
        run = await contestant.run(job, list(items))
        used = self._server_seconds() - before
        busy = machine_seconds() - time.process_time() - busy_before
        is_true = condensed(run.answer) == self.site.truth(job, items)
        return Measured(
            row=contestant.row.key,
            jobs=jobs,
            width=contestant.width,
            seconds=run.seconds,
            cpu_seconds=run.cpu_seconds,
            main_cpu_seconds=run.main_cpu_seconds,
            memory_bytes=run.memory_bytes,
            processes=run.processes,
            lag_p50=run.lag_p50,
            lag_p99=run.lag_p99,
            lag_max=run.lag_max,
            server_share=used / run.seconds,
            others_seconds=max(0.0, busy - used - run.cpu_seconds),
            is_true=is_true,
        )

    def _server_seconds(self) -> float:
        return cpu_of(self._server) if self._server else 0.0


@asynccontextmanager
async def stand_for(web: Web | None) -> AsyncIterator[Stand]:
    """Open a stand, with a server in a process of its own where there is a web. It has made its pages before."""
    if web is None:
        yield Stand(Site(None, ""), None)
        return
    async with ServerProcess(web) as server:
        stand = Stand(Site(web, server.authority), server.pid)
        await _ask_for(stand.site.urls(web.pages or 0))
        yield stand


async def _ask_for(urls: Sequence[str]) -> None:
    """Have the server make its pages, so that the first row that is measured does not wait for that."""
    async with aio.session(1000) as http:
        await asyncio.gather(*(aio.get(http, url) for url in urls))


class Calibration:
    """What a job costs a processor while all cores do such jobs: one process a core, and no network.

    Attributes:
        is_quick: Whether it takes so little time that it may come before each run: cores are not equally fast at all
            times where others share their caches, and an ideal is to be compared with what came right after.
    """

    def __init__(self, workload: Workload, stand: Stand, cores: int) -> None:
        self._contestants = [Contestant(ROWS["sequential"], 1) for _ in range(cores)]
        self._job, self._work = "", list[Any]()
        if workload.job == "prime_or_zero":
            self._job, self._work = workload.job, stand.items(workload.job, workload.count, 0)
        elif workload.job == "crawl":
            self._job, self._work = "examine_text", stand.site.bodies(min(_SAMPLE, workload.count))
        self.is_quick = workload.job == "crawl"
        self.seconds: list[float] = []

    async def open(self, stack: AsyncExitStack) -> None:
        """Start the processes, where there is something to compute; ``stack`` ends them."""
        for each in self._contestants if self._work else ():
            stack.push_async_callback(each.close)
            await each.open()

    async def measure(self) -> None:
        """Note the CPU seconds of a job, by the present speed of the machine."""
        if self._work:
            runs = await asyncio.gather(*(each.run(self._job, self._work) for each in self._contestants))
            self.seconds.append(statistics.mean(run.main_cpu_seconds for run in runs) / len(self._work))

    @property
    def latest(self) -> float:
        """CPU seconds of a job at the last measurement; 0 where there is nothing to compute."""
        return self.seconds[-1] if self.seconds else 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds of a job: the median; 0 where there is nothing to compute."""
        return statistics.median(self.seconds) if self.seconds else 0.0
