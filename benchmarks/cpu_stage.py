"""What does the CPU stage cost, and what does it withstand? `python -m benchmarks.cpu_stage --only dispatch latency`.

dispatch: processor time of the main process for a page of 10 kB, its parser trivial, the stage saturated.
latency: from handing a single page to an idle stage until its result is there.
start: from opening a crawler until the first page is parsed, each time in a new interpreter.
back: from the death of a worker until the next page is parsed in its slot.
efficiency: wall time of a crawl beside what two cores would need for its pages alone.
lag: how late the loop is while both cores parse for 50 ms a page, with workers nicer than the loop and without.
isolation: 2,000 pages, of which 1 % each crash, hang, take all memory, and raise what does not unpickle.
pressure: memory of the main process where the stage is ten times slower than the network.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psutil
import uvloop

from benchmarks import cpu_stage_crawls as crawls
from benchmarks.report import machine, spread
from crawler import Cpu, Page
from crawler.parsing.stage import Stage, open_stage

_BODY = b"<!doctype html><title>page</title>" + b"<p>Lorem ipsum dolor sit amet. </p>" * 285  # 10 kB
_FIRST_PAGE = """
import asyncio, sys, time
begun = time.perf_counter()
import uvloop
from benchmarks.cpu_stage_crawls import title
from crawler import Cpu, Crawler

async def main():
    opened = time.perf_counter()
    async with Crawler(title, cpu=Cpu(workers=2)) as crawler:
        async for item in crawler.stream(sys.argv[1]):
            now = time.perf_counter()
            print(now - opened, now - begun)
            break

if __name__ == "__main__":
    uvloop.run(main())
"""


def trivial(page: Page) -> dict[str, str]:
    """Make one item, with nothing to compute."""
    return {"url": page.url}


def page(number: int) -> Page:
    """Return a page of 10 kB."""
    return Page(f"http://a.example/{number}", _BODY, headers=(("Content-Type", "text/html"),))


class Count:
    """Counts results; lets one wait for a number of them."""

    def __init__(self) -> None:
        self._count = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    async def settle(self, results: Sequence[tuple[Page, Any]]) -> None:
        """Count the results of a batch."""
        for _, parsed in results:
            if parsed.error is not None:
                raise parsed.error
        self._count += len(results)
        if self._count >= self._wanted:
            self._reached.set()

    async def of(self, more: int) -> None:
        """Wait for so many results more than were waited for before."""
        self._wanted += more
        self._reached.clear()
        if self._count < self._wanted:
            await self._reached.wait()


@asynccontextmanager
async def working(count: Count, **options: Any) -> AsyncIterator[Stage]:
    """Open a stage that parses trivially and encodes its items as JSON, and have it work."""
    async with open_stage(Cpu(**options), trivial) as stage:
        serving = asyncio.create_task(stage.run((msgspec.json.encode,), count.settle))
        await asyncio.sleep(0)
        yield stage
        serving.cancel()
        await asyncio.wait((serving,))


async def dispatch(options: argparse.Namespace) -> None:
    """Print the processor time of the main process for a page."""
    number = 4_000 if options.quick else 40_000
    costs, rates, batches = [], [], []
    for _ in range(options.runs):
        count = Count()
        pages = [page(index) for index in range(number)]
        async with working(count, workers=2) as stage:
            for each in pages[:500]:
                await stage.put(each)
            await count.of(500)
            cpu, begun = time.process_time(), time.perf_counter()
            for each in pages[500:]:
                await stage.put(each)
            await count.of(number - 500)
            costs.append((time.process_time() - cpu) / (number - 500) * 1e6)
            rates.append((number - 500) / (time.perf_counter() - begun))
            batches.append(statistics.mean(worker.pages_per_batch for worker in stage.statistics().workers))
    print(
        f"  {spread(costs)} µs of main-process CPU a page, {spread(rates, ',.0f')} pages/s, {spread(batches)} a batch"
    )


async def latency(options: argparse.Namespace) -> None:
    """Print how long a single page takes through an idle stage."""
    medians, worst = [], []
    for _ in range(options.runs):
        count, times = Count(), []
        async with working(count, workers=2) as stage:
            for index in range(50 if options.quick else 500):
                begun = time.perf_counter()
                await stage.put(page(index))
                await count.of(1)
                times.append((time.perf_counter() - begun) * 1000)
        medians.append(statistics.median(times[10:]))
        worst.append(statistics.quantiles(times[10:], n=100)[98])
    print(f"  {spread(medians, '.2f')} ms in the median, {spread(worst, '.2f')} ms at the 99th percentile")


def first_page(url: str) -> str:
    """Crawl the page at ``url`` in a new interpreter, and return what that prints."""
    command = (sys.executable, "-c", _FIRST_PAGE, url)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


async def start(options: argparse.Namespace) -> None:
    """Print how long the first page takes in a new interpreter."""
    async with crawls.served(pages=1) as server:
        outputs = [await asyncio.to_thread(first_page, server.url) for _ in range(options.runs + 1)]
    opened, begun = zip(*(map(float, output.split()) for output in outputs[1:]), strict=True)  # the first compiles
    print(f"  {spread(opened, '.3f')} s after opening, {spread(begun, '.3f')} s after the interpreter's start")


async def back(options: argparse.Namespace) -> None:
    """Print how long a slot is away when its worker dies: killed while idle, so that nothing of it is parsing."""
    times = []
    count = Count()
    async with working(count, workers=1, quarantine=None) as stage:
        for index in range(5 if options.quick else 30):
            await stage.put(page(2 * index))
            await count.of(1)
            process = psutil.Process(stage.statistics().workers[0].pid)
            begun = time.perf_counter()
            process.kill()
            await stage.put(page(2 * index + 1))
            await count.of(1)
            times.append((time.perf_counter() - begun) * 1000)
        restarts = stage.statistics().workers[0].restarts
    print(f"  {spread(times, '.0f')} ms from the kill to the next result, {restarts} deaths")


PARTS: dict[str, Callable[[argparse.Namespace], Awaitable[None]]] = {
    "dispatch": dispatch,
    "latency": latency,
    "start": start,
    "back": back,
    "efficiency": crawls.efficiency,
    "lag": crawls.lag,
    "isolation": crawls.isolation,
    "pressure": crawls.pressure,
}


async def measure(options: argparse.Namespace) -> None:
    """Run the parts that are wanted."""
    for name in options.only or PARTS:
        print(f"{name}:", flush=True)
        await PARTS[name](options)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1, help="times the isolation crawl is run")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pages: for a first look")
    options = parser.parse_args()
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    uvloop.run(measure(options))


if __name__ == "__main__":
    main()
