"""What does it cost to keep bodies, and how fast are they parsed again? `python -m benchmarks.kept_bodies`.

The same crawl with a state folder that keeps bodies and with one that does not, in turn: pages that are made up, and
PostgreSQL's manual where Debian's package is installed. Then the kept pages are parsed again, beside what the parser
takes for them alone, on as many cores.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.report import machine, spread
from crawler import Cpu, Crawler, JsonLines, Page, StateFolder, Summary, reparse
from crawler.parsing.cpu import available_cores
from crawler.runtime.gc_tuning import short_pauses
from fixtures_server import ServerProcess, Web

MANUAL = Path("/usr/share/doc/postgresql-doc-15/html")


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and the links."""
    yield {"url": page.url, "title": page.title}
    yield from page.links()


async def crawl(url: str, folder: Path, *, keeps: bool) -> Summary:
    """Crawl the site at ``url``; return the summary."""
    state = StateFolder(folder / "state", keep_bodies=keeps)
    async with Crawler(parse, state=state, sinks=[JsonLines(folder / "out.jsonl")]) as crawler:
        return await crawler.run(url)


async def alone(folder: Path) -> float:
    """Return the pages a second that the parser alone would make of the kept ones on all cores."""
    pages: list[Page] = []
    await reparse(folder, pages.append, cpu=Cpu("inline"))
    started = time.perf_counter()
    for page in pages:
        list(parse(Page(page.url, page.body, headers=page.headers)))  # a copy, whose tree is gone when it is parsed
    return available_cores() * len(pages) / (time.perf_counter() - started)


async def parsed_again(folder: Path, runs: int) -> None:
    """Parse the pages in ``folder`` again, and report."""
    rates, shares, busy = [], [], []
    for _ in range(runs):
        most = await alone(folder / "state")
        done = await reparse(folder / "state", parse, sinks=[JsonLines(folder / "again.jsonl")])
        rates.append(done.pages_per_second)
        shares.append(done.pages_per_second / most)
        busy.append(done.cpu_utilisation)
    print(f"  parsed again: {spread(rates, ',.0f')} pages/s, {spread(shares, '.2f')} × the parser alone on all cores")
    print(f"  workers busy: {spread(busy, '.2f')} of the time")


async def measure(name: str, server: AbstractAsyncContextManager[ServerProcess], options: argparse.Namespace) -> None:
    """Run the pairs of one site, and report."""
    ratios = []
    async with server as site:
        for number in range(options.runs + 1):
            rates = {}
            for keeps in (False, True):
                folder = Path(tempfile.mkdtemp(dir=options.folder))
                summary = await crawl(site.url, folder, keeps=keeps)
                rates[keeps] = summary.pages_per_second
                if keeps and number == options.runs:
                    size = (folder / "state" / "bodies.sqlite").stat().st_size
                    stored = f"{size / 1e6:.1f} MB stored of {summary.bytes / 1e6:.1f} MB, {size / summary.bytes:.2f} ×"
                    print(f"{name}: {summary.fetched:,} pages, {stored}")
                    await parsed_again(folder, options.runs)
                shutil.rmtree(folder)
            if number:  # the first pair fills the server's cache
                ratios.append(rates[True] / rates[False])
    print(f"  crawled with kept bodies: {spread(ratios, '.2f')} × the pages a second without", flush=True)


async def run(options: argparse.Namespace) -> None:
    """Measure all sites."""
    await measure("made up", ServerProcess(Web(pages=options.pages, page_bytes=20_000)), options)
    if MANUAL.exists():  # noqa: ASYNC240  # nothing else runs yet
        await measure("PostgreSQL's manual", ServerProcess(root=MANUAL), options)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="where the state is kept; a folder for temporary files by default")
    options = parser.parse_args()
    print(machine())
    with short_pauses():
        uvloop.run(run(options))


if __name__ == "__main__":
    main()
