"""What does a state folder cost? `python -m benchmarks.durable`.

The same crawl with and without one, in turn: ten thousand plain pages, and fewer with 5 ms of parsing each; links are
followed, and one item a page goes to a file. Given are pages a second, the ratio of each pair, and the CPU time of the
main process for a thousand pages.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.report import machine, spread
from crawler import Crawler, JsonLines, Page, StateFolder
from crawler.runtime.gc_tuning import short_pauses
from fixtures_server import ServerProcess, Web, is_prime_by_trial_division

BITS = 31  # of the numbers of pages that take 5 ms


@dataclass(frozen=True, slots=True)
class Run:
    """Pages a second, and milliseconds of the main process's CPU time a page."""

    rate: float
    cost: float


def parse_plain(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links."""
    yield {"url": page.url, "title": page.title}
    yield from page.links()


def parse_numbers(page: Page) -> Iterator[Any]:
    """Test the numbers of a page for primality, and follow the links."""
    yield {"url": page.url, "primes": sum(is_prime_by_trial_division(int(node.text())) for node in page.css(".number"))}
    yield from page.links()


async def crawl_once(url: str, pages: int, parser: Any, state: StateFolder | None, folder: Path) -> Run:
    """Crawl the site at ``url``; return the figures."""
    async with Crawler(parser, state=state, sinks=[JsonLines(folder / "out.jsonl")]) as crawler:
        cpu = time.process_time()
        summary = await crawler.run(url)
        cpu = time.process_time() - cpu
    if summary.done != pages:
        raise RuntimeError(f"the crawl is void: {summary}")
    return Run(summary.pages_per_second, cpu * 1000 / pages)


async def measure(name: str, web: Web, parser: Any, options: argparse.Namespace) -> None:
    """Run the pairs of one site, and report."""
    pages = web.pages or 0
    kinds: dict[str, list[Run]] = {"in memory": [], options.durability: []}
    async with ServerProcess(web) as server:
        for number in range(options.runs + 1):
            for kind, runs in kinds.items():
                folder = Path(tempfile.mkdtemp(dir=options.folder))
                try:
                    state = None if kind == "in memory" else StateFolder(folder / "state", durability=kind)  # type: ignore[arg-type]  # one of the choices
                    run = await crawl_once(server.url, pages, parser, state, folder)
                finally:
                    shutil.rmtree(folder)
                if number:  # the first pair fills the server's cache, and imports what is imported when it is needed
                    runs.append(run)
    memory, durable = kinds.values()
    for kind, runs in kinds.items():
        rate, cost = spread([run.rate for run in runs], ",.0f"), spread([run.cost for run in runs], ".3f")
        print(f"  {name}, {kind:<9} {rate} pages/s, {cost} ms of CPU a page")
    ratios = [kept.rate / plain.rate for plain, kept in zip(memory, durable, strict=True)]
    costs = [kept.cost / plain.cost for plain, kept in zip(memory, durable, strict=True)]
    print(f"  {name}: {spread(ratios, '.2f')} × the pages a second, {spread(costs, '.2f')} × the CPU time", flush=True)


async def run(options: argparse.Namespace) -> None:
    """Measure both sites."""
    await measure("plain", Web(pages=options.pages, numbers=0), parse_plain, options)
    await measure("5 ms a page", Web(pages=options.pages // 5, bits=BITS), parse_numbers, options)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--durability", choices=("process", "power"), default="process")
    parser.add_argument("--folder", help="where the state is kept; a folder for temporary files by default")
    options = parser.parse_args()
    print(machine())
    with short_pauses():
        uvloop.run(run(options))


if __name__ == "__main__":
    main()
