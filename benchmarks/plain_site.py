"""What does a plain site of ten thousand pages cost? `python -m benchmarks.plain_site --against OLDER_CHECKOUT`.

The same crawl, links followed and one item a page, with this code and with that of another checkout of the project, in
turn. Given are pages a second, and the seconds of CPU time that the main process takes for a thousand pages.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.report import machine, spread
from crawler import Crawler, Page
from fixtures_server import ServerProcess, Web


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links."""
    yield {"url": page.url, "title": page.title}
    yield from page.links()


async def crawl_once(pages: int) -> dict[str, float]:
    """Crawl; return pages a second and CPU seconds a thousand pages."""
    async with ServerProcess(Web(pages=pages, numbers=0)) as server, Crawler(parse) as crawler:
        for _ in range(2):  # the first fills the server's cache, and imports what is imported when it is needed
            cpu = time.process_time()
            summary = await crawler.run(server.url)
            cpu = time.process_time() - cpu
    if summary.done != pages:
        raise RuntimeError(f"the crawl is void: {summary}")
    return {"rate": summary.pages_per_second, "cpu": cpu * 1000 / pages}


def measured(folder: Path, pages: int) -> dict[str, float]:
    """Return what a crawl takes with the code in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-P", str(Path(__file__)), "--once", f"--pages={pages}"]
    answer = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        gc.freeze()  # what is imported is not looked at by collections, here and there
        print(json.dumps(uvloop.run(crawl_once(options.pages))))
        return
    print(machine())
    here = Path(__file__).parents[1]
    folders = [here, *([options.against.resolve()] if options.against else [])]
    runs = [[measured(folder, options.pages) for folder in folders] for _ in range(options.runs)]
    for place, folder in enumerate(folders):
        rates, costs = ([run[place][key] for run in runs] for key in ("rate", "cpu"))
        print(f"  {'here' if folder == here else 'there':<6} {spread(rates, ',.0f')} pages/s, "
              f"{spread(costs, '.3f')} s of CPU for a thousand pages")  # fmt: skip
    if options.against:
        ratios = [run[0]["rate"] / run[1]["rate"] for run in runs]
        costs = [run[0]["cpu"] / run[1]["cpu"] for run in runs]
        print(f"here beside there: {spread(ratios, '.3f')} × the pages a second, {spread(costs, '.3f')} × the CPU time")
        print(f"median loss: {1 - statistics.median(ratios):.1%}")


if __name__ == "__main__":
    main()
