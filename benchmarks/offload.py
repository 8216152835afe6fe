"""Does it pay to take the parsing off the loop? `python -m benchmarks.offload`.

One crawl, twice: its pages parsed in worker processes, and on the event loop. Each page costs about 20 ms of trial
division and comes after 50 ms. The server has a process of its own; runs of both kinds take turns, so that whatever
else the machine does meets both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import uvloop

from benchmarks.report import machine, spread
from crawler import Cpu, Crawler, Page
from fixtures_server import ServerProcess, Web, is_prime_by_trial_division


@dataclass(frozen=True, slots=True)
class Run:
    """One crawl: pages a second, lag of the loop in ms (99th percentile and worst), share of the workers' time used."""

    executor: str
    pages_per_second: float
    lag_p99_ms: float
    lag_max_ms: float
    utilisation: float
    milliseconds_a_page: float


def parse(page: Page) -> Iterator[Any]:
    """Test the numbers of a page for primality, and follow its links."""
    for node in page.css(".number"):
        if is_prime_by_trial_division(int(node.text())):
            yield node.text()
    yield from page.links()


async def crawl_once(executor: Literal["process", "inline"], url: str, pages: int) -> Run:
    """Crawl the site at ``url``, check that all its ``pages`` were fetched, and return the figures."""
    async with Crawler(parse, cpu=Cpu(executor=executor)) as crawler:
        summary = await crawler.run(url)
    if summary.fetched != pages or summary.failed:
        raise RuntimeError(f"the crawl is void: {summary}")
    busy = sum(worker.busy_seconds for worker in summary.workers)
    return Run(
        executor=executor,
        pages_per_second=summary.pages_per_second,
        lag_p99_ms=summary.loop_lag_p99_ms,
        lag_max_ms=summary.loop_lag_max_ms,
        utilisation=summary.cpu_utilisation,
        milliseconds_a_page=busy / pages * 1000,
    )


async def measure(options: argparse.Namespace) -> list[Run]:
    """Run both kinds in turn, as often as wanted."""
    web = Web(pages=options.pages, latency=options.latency, bits=options.bits)
    runs = []
    async with ServerProcess(web) as server:
        for _ in range(options.runs):
            for executor in ("process", "inline"):
                runs.append(await crawl_once(executor, server.url, options.pages))
                print(f"  {runs[-1]}")
    return runs


def report(runs: list[Run]) -> None:
    """Print the figures of each kind and the ratios of the pairs."""
    kinds = {kind: [run for run in runs if run.executor == kind] for kind in ("process", "inline")}
    print(f"{'':<10} {'pages/s':<26} {'loop lag p99, ms':<24} {'worst lag, ms':<24} {'ms a page':<22} workers busy")
    for kind, those in kinds.items():
        rate = spread([run.pages_per_second for run in those])
        lag, worst = (spread([getattr(run, name) for run in those]) for name in ("lag_p99_ms", "lag_max_ms"))
        cost, busy = (
            spread([run.milliseconds_a_page for run in those]),
            spread([run.utilisation for run in those], ".0%"),
        )
        print(f"{kind:<10} {rate:<26} {lag:<24} {worst:<24} {cost:<22} {busy}")
    pairs = zip(kinds["process"], kinds["inline"], strict=True)
    ratios = [ours.pages_per_second / inline.pages_per_second for ours, inline in pairs]
    print(f"processes beside the loop: {spread(ratios, '.2f')} × the pages a second")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--bits", type=int, default=33, help="of the numbers; sets the CPU time of a page")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the raw figures")
    options = parser.parse_args()
    print(machine())
    runs = uvloop.run(measure(options))
    report(runs)
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1))


if __name__ == "__main__":
    main()
