"""The showcase: find the primes of a whole web. The event loop does the waiting, worker processes do the dividing.

The server knows the truth, and a crawl that finds anything else fails. Then one core does the same without processes.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from crawler import Cpu, Crawler, Page, Request
from fixtures_server import ServerProcess, Truth, Web, digest, is_prime_by_trial_division


def parse(page: Page) -> Iterator[tuple[str, list[int]] | Request]:  # in a worker process
    numbers = (int(node.text()) for node in page.css(".number"))
    yield page.url, [number for number in numbers if is_prime_by_trial_division(number)]
    yield from page.links()


async def demo(web: Web, workers: int, truth_of: Callable[[ServerProcess], Truth] = ServerProcess.truth) -> None:
    """Crawl ``web`` with processes and without, and print the results; exit with code 1 if a crawl missed the truth."""
    console, speeds, answers = Console(), [], []
    table = Table("", "pages/s", "workers busy", "loop lag p99", "limited by", "answer", box=None)
    async with ServerProcess(web) as server:
        truth = truth_of(server)
        console.print(f"{web.pages:,} pages, {truth.numbers:,} numbers, {web.latency:g} s until the server answers\n")
        for name, cpu in (f"processes: {workers}", Cpu(workers=workers)), ("one core", Cpu(executor="inline")):
            with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
                bar, found = progress.add_task(name, total=web.pages), []
                async with Crawler(parse, cpu=cpu) as crawler:
                    async for page in crawler.stream(server.url):
                        found.append(page)
                        progress.advance(bar)
            answer = frozenset(url for url, _ in found), digest(prime for _, primes in found for prime in primes)
            answers.append("true" if answer == (truth.reachable, truth.prime_digest) else "wrong")
            run = crawler.summary()
            speeds.append(run.pages_per_second)
            busy = ", ".join(f"{worker.busy_seconds / run.seconds:.0%}" for worker in run.workers)
            table.add_row(name, f"{speeds[-1]:.1f}", busy, f"{run.loop_lag_p99_ms:.1f} ms", run.limited_by, answers[-1])
    console.print(table, f"\n{truth.primes:,} primes. The processes were {speeds[0] / speeds[1]:.2f} times as fast.")
    if "wrong" in answers:
        raise typer.Exit(1)


def main(
    pages: Annotated[int, typer.Option(min=1)] = 1000,
    bits: Annotated[int, typer.Option(min=8, max=64, help="size of the numbers; two more double the work")] = 33,
    latency: Annotated[float, typer.Option(min=0, help="seconds")] = 0.05,
    workers: Annotated[int, typer.Option(min=1)] = Cpu().workers,
) -> None:
    uvloop.run(demo(Web(pages=pages, bits=bits, latency=latency), workers))


if __name__ == "__main__":
    typer.run(main)
