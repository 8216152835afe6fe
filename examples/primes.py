"""The showcase: find the primes of a whole web. One event loop does the waiting, worker processes do the dividing.

The server knows the truth, and a crawl that finds anything else fails. One core alone then does the same, to compare.
"""

from collections.abc import Iterator
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from crawler import Cpu, Crawler, Page, Request
from fixtures_server import ServerProcess, Truth, Web, digest, is_prime_by_trial_division


def parse(page: Page) -> Iterator[tuple[str, list[int]] | Request]:
    numbers = (int(node.text()) for node in page.css(".number"))
    yield page.url, [number for number in numbers if is_prime_by_trial_division(number)]
    yield from page.links()


async def demo(web: Web, workers: int, truth: Truth | None = None) -> bool:
    """Crawl ``web`` with processes and without, print both, tell whether both found the truth (by default its own)."""
    console, table = Console(), Table("", "pages/s", "workers busy", "loop lag p99", "limited by", "answer", box=None)
    async with ServerProcess(web) as server:
        truth, speeds, answers = truth or server.truth(), [], []
        console.print(f"{web.pages:,} pages, {truth.numbers:,} numbers, {web.latency:g} s until the server answers\n")
        for name, cpu in (f"{workers} processes", Cpu(workers=workers)), ("one core", Cpu(executor="inline")):
            with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
                bar, found = progress.add_task(name, total=web.pages), []
                async with Crawler(parse, cpu=cpu) as crawler:
                    async for page in crawler.stream(server.url):
                        found.append(page)
                        progress.advance(bar)
            answer = frozenset(url for url, _ in found), digest(prime for _, primes in found for prime in primes)
            answers.append(answer == (truth.reachable, truth.prime_digest))
            crawl = crawler.summary()
            speeds.append(crawl.pages_per_second)
            busy = ", ".join(f"{worker.busy_seconds / crawl.seconds:.0%}" for worker in crawl.workers)
            figures = f"{speeds[-1]:.1f}", busy, f"{crawl.loop_lag_p99_ms:.1f} ms", crawl.limited_by
            table.add_row(name, *figures, "true" if answers[-1] else "wrong")
    console.print(table)
    console.print(f"\nThe processes were {speeds[0] / speeds[1]:.2f} times as fast; there are {truth.primes:,} primes.")
    return all(answers)


def main(
    pages: Annotated[int, typer.Option(min=1)] = 1000,
    bits: Annotated[int, typer.Option(min=8, max=64, help="size of the numbers; two more double the work")] = 33,
    latency: Annotated[float, typer.Option(min=0, help="seconds")] = 0.05,
    workers: Annotated[int, typer.Option(min=1)] = Cpu().workers,
) -> None:
    raise typer.Exit(0 if uvloop.run(demo(Web(pages=pages, bits=bits, latency=latency), workers)) else 1)


if __name__ == "__main__":
    typer.run(main)
