"""Does a long crawl stay as fast and as small as it began? `python -m benchmarks.long_crawl`.

A hundred thousand pages of the synthetic web, links followed, one item a page. For each tenth of the pages: pages a
second, and at its end the memory of the main process and of the workers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop

from benchmarks.report import machine
from crawler import Crawler, Page, Statistics
from crawler.runtime.gc_tuning import short_pauses
from fixtures_server import ServerProcess, Web

_LOOK = 0.2  # seconds between two looks at a running crawl


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the crawl: seconds and pages a second in it; megabytes of resident memory at its end."""

    pages: int
    seconds: float
    pages_per_second: float
    main_mb: float
    workers_mb: float


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links."""
    yield {"url": page.url, "title": page.title}
    yield from page.links()


async def watch(crawler: Crawler, pages: int, tenths: list[Tenth]) -> None:
    """Note each tenth when it is over; runs until cancelled."""
    last_pages, last_seconds = 0, 0.0
    while True:
        await asyncio.sleep(_LOOK)
        now = crawler.statistics()
        if now.fetched * 10 >= pages * (len(tenths) + 1):
            seconds, count = now.seconds - last_seconds, now.fetched - last_pages
            tenths.append(Tenth(now.fetched, seconds, count / seconds, *memory(now)))
            last_pages, last_seconds = now.fetched, now.seconds
            print("  {pages:>8,} pages  {pages_per_second:>7.0f} pages/s  main {main_mb:>6.1f} MB  "
                  "workers {workers_mb:>6.1f} MB".format(**asdict(tenths[-1])), flush=True)  # fmt: skip


def memory(statistics: Statistics) -> tuple[float, float]:
    """Return the megabytes that the main process and the workers hold."""
    workers = [psutil.Process(worker.pid).memory_info().rss for worker in statistics.stage.workers]
    return psutil.Process().memory_info().rss / 1e6, sum(workers) / 1e6


async def measure(options: argparse.Namespace) -> list[Tenth]:
    """Crawl once, and check that each page was fetched once."""
    tenths: list[Tenth] = []
    async with ServerProcess(Web(pages=options.pages, numbers=0)) as server, Crawler(parse) as crawler:
        watching = asyncio.create_task(watch(crawler, options.pages, tenths))
        summary = await crawler.run(server.url)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    print(summary)
    if summary.fetched != options.pages or summary.done != options.pages:
        raise RuntimeError("the crawl is void: it did not fetch each page once")
    return tenths


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="file for the raw figures")
    options = parser.parse_args()
    print(machine())
    with short_pauses():
        tenths = uvloop.run(measure(options))
    first, last = tenths[0], tenths[-1]
    print(f"last tenth beside the first: {last.pages_per_second / first.pages_per_second:.2f} × the pages a second, "
          f"{last.main_mb - first.main_mb:+.1f} MB")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps([asdict(tenth) for tenth in tenths], indent=1))


if __name__ == "__main__":
    main()
