"""Whole crawls that show what the CPU stage is worth; parts of `benchmarks.cpu_stage`, which see."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from benchmarks.report import spread
from crawler import Cpu, Crawler, Failure, Fetch, Page, Summary
from fixtures_server import ServerProcess, Web

_LOOK = 0.5  # seconds between two looks at the memory
_HARMS = ("segfault", "hang", "allocate", "undecodable")
_EXPECTED = {
    "segfault": ("quarantined", "WorkerLostError", "SIGSEGV"),
    "hang": ("quarantined", "WorkerLostError", "deadline"),
    "allocate": ("quarantined", "MemoryLimitError", "more memory than allowed"),
    "undecodable": ("failed", "ParseError", "Undecodable: 1 x"),
}


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl: its summary, the CPU seconds of its pages, and those of the server and of the main process."""

    summary: Summary
    pages_cpu: float
    server_cpu: float
    main_cpu: float

    @property
    def ratio(self) -> float:
        """Wall time beside that of two cores with nothing else to do."""
        return self.summary.seconds / (self.pages_cpu / 2)

    def share(self, cpu: float) -> float:
        """Return the share of two cores that ``cpu`` seconds were."""
        return cpu / (2 * self.summary.seconds)


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[ServerProcess]:
    """Serve a web without numbers from a process of its own."""
    async with ServerProcess(Web(**{"numbers": 0, "new_links": 12} | options)) as server:
        yield server


def title(page: Page) -> str:
    """Make an item of a page's title."""
    return page.title


def burn(page: Page, seconds: float) -> Iterator[Any]:
    """Take so many seconds of CPU for a page, links included; the item is what it took."""
    begun = time.thread_time()
    yield from page.links()
    while time.thread_time() - begun < seconds:
        pass
    yield time.thread_time() - begun


async def crawl(seconds: float, server: ServerProcess, pages: int, niceness: int = 10) -> Crawl:
    """Crawl the web of ``server``, each page taking so many ``seconds`` of CPU in one of two workers."""
    spent: list[float] = []
    before = (await server.statistics()).cpu_seconds
    crawler = Crawler(
        partial(burn, seconds=seconds),
        cpu=Cpu(workers=2, niceness=niceness, quarantine=None),
        fetch=Fetch(concurrency=64),
        sinks=[spent.append],
    )
    async with crawler:
        main = time.process_time()
        summary = await crawler.run(server.url)
        main = time.process_time() - main
    if summary.done != pages:
        raise RuntimeError(f"the crawl is void: {summary}")
    return Crawl(summary, sum(spent), (await server.statistics()).cpu_seconds - before, main)


async def efficiency(options: argparse.Namespace) -> None:
    """Print how near crawls come to the time that their pages alone would take on two cores."""
    for milliseconds, pages in ((20, 1000), (2, 5000), (100, 200)):
        count = pages // 10 if options.quick else pages
        async with served(pages=count, latency=0.05) as server:
            runs = [await crawl(milliseconds / 1000, server, count) for _ in range(options.runs)]
        print(
            f"  {milliseconds:>3} ms a page: {spread([run.ratio for run in runs], '.3f')} × the pages' CPU time ÷ 2, "
            f"server {spread([run.share(run.server_cpu) for run in runs], '.1%')} and "
            f"main process {spread([run.share(run.main_cpu) for run in runs], '.1%')} of two cores, "
            f"workers busy {spread([run.summary.cpu_utilisation for run in runs], '.1%')}",
            flush=True,
        )


async def lag(options: argparse.Namespace) -> None:
    """Print how late the loop is while both cores parse."""
    pages = 40 if options.quick else 400
    async with served(pages=pages, latency=0.05) as server:
        for niceness in (10, 0):
            runs = [(await crawl(0.05, server, pages, niceness)).summary for _ in range(options.runs)]
            print(
                f"  niceness {niceness:>2}: {spread([run.loop_lag_p99_ms for run in runs])} ms at the 99th percentile, "
                f"{spread([run.loop_lag_max_ms for run in runs])} ms at the worst",
                flush=True,
            )


class Undecodable(Exception):  # noqa: N818  # its name is no matter
    """Pickles, and does not unpickle."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code} {detail}")


def harm_of(url: str) -> str:
    """Return what the page at ``url`` does to its worker: four of a hundred do something."""
    place, remainder = divmod(int(url.rpartition("/")[2].removesuffix(".html")), 25)
    return _HARMS[place % 4] if remainder == 13 else ""


def harmful(page: Page) -> str:
    """Do what the page is to do, or make an item."""
    match harm_of(page.url):
        case "segfault":
            faulthandler._sigsegv()  # type: ignore[attr-defined]  # noqa: SLF001  # what it is there for
        case "hang":
            re.match(r"(a+)+$", "a" * 60 + "b")
        case "allocate":
            held = []
            while True:
                held.append(bytes(2**24))
        case "undecodable":
            raise Undecodable(1, "x")
    return page.url


async def isolation(options: argparse.Namespace) -> None:
    """Print whether every page of a harmful web is accounted for; raise `RuntimeError` if one is not."""
    pages = 200 if options.quick else 2000
    seconds = []
    async with served(pages=pages + 1) as server:
        urls = [f"{server.url}p/{number}.html" for number in range(1, pages + 1)]
        for _ in range(options.repeat):
            failures: list[Failure] = []
            items: list[str] = []
            with tempfile.TemporaryDirectory() as folder:
                cpu = Cpu(workers=2, deadline=1.0, memory_bytes=2**29, quarantine=folder)
                async with Crawler(harmful, cpu=cpu, sinks=[items.append], on_failure=failures.append) as crawler:
                    summary = await crawler.run(*urls)
            check(urls, items, failures)
            seconds.append(summary.seconds)
            kinds = Counter(f"{failure.state} {failure.error}" for failure in failures)
            print(f"  {len(items)} delivered, {dict(kinds)}, {summary.seconds:.1f} s", flush=True)
    print(f"  {options.repeat} in a row, {spread(seconds)} s each, every page accounted for with the right reason")


def check(urls: list[str], items: list[str], failures: list[Failure]) -> None:
    """Raise `RuntimeError` unless the pages that do no harm were delivered, and each other failed as it had to."""
    if sorted(items) != sorted(url for url in urls if not harm_of(url)):
        raise RuntimeError("pages that do no harm were not delivered, or twice")
    if sorted(failure.url for failure in failures) != sorted(url for url in urls if harm_of(url)):
        raise RuntimeError("pages that do harm are not accounted for")
    for failure in failures:
        state, error, reason = _EXPECTED[harm_of(failure.url)]
        if (failure.state, failure.error) != (state, error) or reason not in failure.message:
            raise RuntimeError(f"a wrong reason: {failure}")
        if state == "quarantined" and not failure.saved:
            raise RuntimeError(f"a body that was not kept: {failure}")


async def pressure(options: argparse.Namespace) -> None:
    """Print how the memory of the main process grows where pages come ten times faster than they are parsed."""
    pages = 5_000 if options.quick else 50_000
    async with served(pages=pages) as server:
        alone = await crawl(0.0, server, pages)
        slow = 10 * 2 / alone.summary.pages_per_second
        held: list[tuple[int, float]] = []
        async with Crawler(partial(burn, seconds=slow), cpu=Cpu(workers=2, quarantine=None)) as crawler:
            watching = asyncio.create_task(watch(lambda: crawler.statistics().fetched, held))
            summary = await crawler.run(server.url)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            failures = [f"{failure}\n{failure.traceback}" for failure in crawler.failures]
    if summary.done != pages:
        raise RuntimeError(f"the crawl is void: {summary}", *failures)
    steady = next(memory for fetched, memory in held if fetched >= pages / 5)
    most = max(memory for _, memory in held)
    print(
        f"  {alone.summary.pages_per_second:,.0f} pages/s unhindered, {summary.pages_per_second:,.0f} with "
        f"{slow * 1000:.1f} ms a page: {steady:.0f} MB after a fifth of the pages, {most:.0f} MB at most "
        f"({most - steady:+.0f} MB), limited by {summary.limited_by}"
    )


async def watch(fetched: Callable[[], int], held: list[tuple[int, float]]) -> None:
    """Note pages fetched and megabytes held, until cancelled."""
    process = psutil.Process()
    while True:
        await asyncio.sleep(_LOOK)
        held.append((fetched(), process.memory_info().rss / 1e6))
