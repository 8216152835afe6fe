"""What does a URL cost in the frontier? `python -m benchmarks.frontier`.

A crawl of a procedural web with a state folder, with everything but a network: a fetcher that answers at once is put in
at its seam, and pages are made of their numbers, so that the frontier, its journal and its database are what is
measured. Given are, for each million of discovered URLs, microseconds a URL, and bytes of memory a URL beyond what the
program has when the window is full; then how long it takes to open the state again, and what an acquire costs with
100,000 hosts.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import uvloop

from benchmarks.report import machine, spread
from crawler import Cpu, Limits, Page, Politeness, Request, Retry, Scope, StateFolder
from crawler.crawl.engine import Engine
from crawler.crawl.parts import Parts, Rules
from crawler.crawl.seeding import Seeding
from crawler.fetching.protocol import nobody
from crawler.frontier.frontier import Frontier
from crawler.parsing.stage import open_stage
from crawler.policy.bodies import BodyRule
from crawler.policy.limits import ByteBudget
from crawler.policy.politeness import HostRule
from crawler.runtime.gc_tuning import short_pauses
from crawler.runtime.waker import Waker
from crawler.state.record import Record
from crawler.state.sqlite_record import open_record

LINKS = 100  # new ones of each page
MILLION = 1_000_000
FULL = 500_000  # URLs; by then the window is
SEED = "http://site0.example/p/0.html"


class InstantFetcher:
    """Answers each request at once, with an empty page."""

    async def fetch(
        self,
        request: Request,
        _budget: ByteBudget,
        _bodies: BodyRule | None = None,
        answered: Callable[[], None] = nobody,
    ) -> Page:
        """Return the page."""
        answered()
        return Page(request.url, b"", request=request)

    async def lookup(self, _hostname: str) -> tuple[str, ...]:
        """Know no address."""
        return ()


def parse(page: Page) -> Iterator[Request]:
    """Lead to the hundred pages that page's number says, and to some known ones, as pages do."""
    number = int(page.url.rpartition("/")[2].removesuffix(".html"))
    first = number * LINKS + 1
    for link in range(first, first + LINKS):
        yield Request(f"http://site{link % 10}.example/p/{link}.html")
    for link in range(max(0, number - 10), number):
        yield Request(f"http://site{link % 10}.example/p/{link}.html")


def engine_of(record: Record, stage: Any, window: int, pages: int) -> Engine:
    """Return an engine that crawls so many pages, with a frontier whose changes ``record`` keeps."""
    rule, waker = HostRule(0.0, None), Waker()
    frontier = Frontier(
        lambda _: rule, places=64, journal=record.journal, window=window, ran_low=record.low.set, changed=waker
    )
    rules = Rules(
        boundary=Scope(within="any").around([SEED]),
        rewriting=None,
        limits=Limits(max_pages=pages, max_alike=None),
        retry=Retry(),
        max_redirects=0,
        concurrency=64,
        user_agent="benchmark",
        obeys_robots=False,
    )
    return Engine(parse, Parts(frontier, InstantFetcher(), stage, (), record, waker=waker), rules)


async def watch(engine: Engine, target: int) -> None:
    """Print a line for each million URLs until there are ``target``."""
    process = psutil.Process()
    first = await until(engine, FULL)
    baseline, since, counted = process.memory_info().rss, time.perf_counter(), first
    for mark in range(MILLION, target + 1, MILLION):
        found = await until(engine, mark)
        now, size = time.perf_counter(), process.memory_info().rss
        cost, memory = (now - since) / (found - counted) * 1e6, (size - baseline) / (found - first)
        print(
            f"  {found / MILLION:5.1f} million: {cost:5.2f} µs a URL, {memory:5.1f} bytes a URL, {size / 1e6:,.0f} MB"
        )
        since, counted = now, found


async def until(engine: Engine, discovered: int) -> int:
    """Wait until so many URLs are known; return how many are."""
    while (found := engine.statistics().ledger.discovered) < discovered:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.01)
    return found


async def grow(options: argparse.Namespace, folder: StateFolder) -> None:
    """Crawl until so many URLs are known."""
    async with open_record(folder, is_depth_first=False) as record, open_stage(Cpu(executor="inline"), parse) as stage:
        engine = engine_of(record, stage, options.window, options.urls // LINKS)
        watching = asyncio.create_task(watch(engine, options.urls))
        await engine.resume(await record.load())
        await engine.run(Seeding([Request(SEED)]))
        watching.cancel()
        print(f"  {engine.statistics().ledger}")


async def reopen(options: argparse.Namespace, folder: StateFolder) -> None:
    """Print how long it takes until a crawl that goes on has its first page."""
    started = time.perf_counter()
    async with open_record(folder, is_depth_first=False) as record, open_stage(Cpu(executor="inline"), parse) as stage:
        kept = await record.load()
        engine = engine_of(record, stage, options.window, options.urls // LINKS + 1)
        await engine.resume(kept)
        print(f"  opened again in {time.perf_counter() - started:.2f} s", flush=True)
        await engine.run(Seeding([Request(SEED)]))
        print(f"  one page more after {time.perf_counter() - started:.2f} s", flush=True)


def many_hosts(hosts: int, runs: int) -> None:
    """Print what an acquire costs where many hosts are ready, and where all wait for their delays."""
    for name, rule in (("ready", HostRule(0.0, None)), ("a delay of 1 s each", Politeness(1.0).rule_for("a.example"))):
        costs = []
        for _ in range(runs):
            frontier = Frontier(lambda _, rule=rule: rule)  # type: ignore[misc]  # mypy has no types for such defaults
            for number in range(hosts):
                frontier.add(Request(f"http://host{number}.example/"))
            started = time.perf_counter()
            for _ in range(hosts):
                request = frontier.acquire(0.0)
                if request is None:
                    raise RuntimeError("there is nothing to acquire")
                frontier.release(request, 0.0)
            costs.append((time.perf_counter() - started) / hosts * 1e6)
        print(f"  {hosts:,} hosts, {name}: {spread(costs)} µs an acquire and release", flush=True)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", type=int, default=10 * MILLION)
    parser.add_argument("--window", type=int, default=100_000)
    parser.add_argument("--hosts", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="where the state is kept; a folder for temporary files by default")
    options = parser.parse_args()
    print(machine())
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    state = StateFolder(folder / "state", window=options.window)
    try:
        with short_pauses():
            uvloop.run(grow(options, state))
            uvloop.run(reopen(options, state))
            many_hosts(options.hosts, options.runs)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
