"""The crawl that `crash_tests.campaign` kills: `python -m crash_tests.crawl URLS FOLDER --sinks jsonl,csv`.

An ordinary program of a user's, in which nothing is prepared for being killed. It prints one line when it is done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from crash_tests.outputs import SINKS
from crawler import Cpu, Crawler, Fetch, Limits, Page, Politeness, Retry, StateFolder, loop_factory

STATE = "state"


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, which says of itself whether it is whole, and follow links; some pages come twice for it."""
    if "/again" in page.url and not page.request.attempt:
        yield page.retry("it is to be fetched again")
        return
    yield item_of(page.url, page.title)
    yield from page.links()


def parse_odd(page: Page) -> Iterator[Any]:
    """The same, but some pages have a second item that CSV cannot hold."""
    yield from parse(page)
    if is_odd(page.url):
        yield {**item_of(page.url, page.title), "late": 1}


def is_odd(url: str) -> bool:
    """Tell whether the items of a page cannot be held: those of about one in twelve."""
    return sha256(url.partition("//")[2].partition("/")[2].encode()).digest()[0] < 20


def item_of(url: str, title: str) -> dict[str, str]:
    """Return the item of a page: with text that needs quotes, and a digest of all of it."""
    text = f'{title}, "quoted"\nand on two lines'
    return {"url": url, "text": text, "digest": sha256(f"{url} {text}".encode()).hexdigest()}


async def run(options: argparse.Namespace) -> None:
    """Crawl, or go on with it."""
    folder: Path = options.folder
    if options.threads:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(options.threads))
    crawler = Crawler(
        parse_odd if options.odd else parse,
        state=StateFolder(folder / STATE, durability=options.durability, window=options.window),
        order=options.order,
        sinks=[SINKS[name].make(folder) for name in options.sinks.split(",") if name],
        fetch=Fetch(concurrency=options.fetchers),
        politeness=Politeness(delay=0),
        limits=Limits(max_depth=options.max_depth),
        retry=Retry(wait=0.02, budget=1.0),
        cpu=Cpu(workers=options.workers, quarantine=None),
    )
    async with crawler:
        summary = await crawler.run(*options.urls.split())
    print(json.dumps({"items": summary.items, "fetched": summary.fetched, "done": summary.done}), flush=True)


def arguments() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", help="seeds, with spaces between")
    parser.add_argument("folder", type=Path, help="of the state and the outputs")
    parser.add_argument("--sinks", default="jsonl")
    parser.add_argument("--fetchers", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--window", type=int, default=100_000)
    parser.add_argument("--order", default="breadth")
    parser.add_argument("--odd", action="store_true", help="some pages have items that CSV cannot hold")
    parser.add_argument("--max-depth", type=int)
    parser.add_argument("--durability", default="process")
    parser.add_argument("--threads", type=int, help="one makes the order of all writes the same in each run")
    return parser


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run(arguments().parse_args()))
