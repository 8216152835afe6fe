"""Executors of your own: `Cpu(executor=…)` takes any `concurrent.futures.Executor`, and leaves closing it to you.

Threads are for parsers that release the interpreter's lock. Processes of your own may start as you like: these load a
table before the first page arrives.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from itertools import takewhile
from multiprocessing import get_context
from threading import current_thread

from crawler import Cpu, Crawler, Page, Request
from fixtures_server import FixturesServer, Web

WEB = Web(pages=100, bits=32)


@cache
def small_primes() -> tuple[int, ...]:
    """Sift the primes below 2**16: enough to test numbers of up to 32 bits."""
    sieve = bytearray(b"\1") * 2**16
    for n in range(2, 2**8):
        sieve[n * n :: n] = bytes(len(range(n * n, 2**16, n)))
    return tuple(n for n in range(2, 2**16) if sieve[n])


def is_prime(n: int) -> bool:
    return n > 1 and all(n % prime for prime in takewhile(lambda prime: prime * prime <= n, small_primes()))


def parse(page: Page) -> Iterator[Counter[str] | Request]:
    worker = f"process {os.getpid()}, {current_thread().name}"
    yield Counter({worker: sum(is_prime(int(node.text())) for node in page.css(".number"))})
    yield from page.links()


async def count_primes(executor: Executor) -> Counter[str]:
    """Count the primes that each worker of ``executor`` finds in a web of a hundred pages."""
    found: Counter[str] = Counter()
    cpu = Cpu(executor=executor, workers=2)
    async with FixturesServer(WEB) as server, Crawler(parse, cpu=cpu, sinks=[found.update]) as crawler:
        await crawler.run(server.url)
    return found


def main() -> None:
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, get_context("spawn"), small_primes) as processes:
        for executor in (threads, processes):
            found = asyncio.run(count_primes(executor))
            print(f"{found.total()} primes:", *(f"{count} in {worker}" for worker, count in found.items()), sep="\n  ")
            print("still at your service:", executor.submit(is_prime, 2**31 - 1).result())


if __name__ == "__main__":
    main()
