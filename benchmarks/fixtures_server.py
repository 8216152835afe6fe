"""How many pages a second the fixture server serves, and what a page costs it: `python -m benchmarks.fixtures_server`.

The server has a process of its own, and so has each load generator: raw sockets with keep-alive, one request at a time
on each connection (no pipelining). Everything stays on the loopback interface, and the number of requests is fixed. On
a machine that does other things too, the processor time per page is the figure to trust.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

import uvloop

from fixtures_server import ServerProcess, Web


@dataclass(frozen=True, slots=True)
class Load:
    """What one client process asks for: the pages from `first` to before `end`, over so many connections."""

    host: str
    port: int
    first: int
    end: int
    modulus: int
    connections: int


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of one run."""

    pages_per_second: float
    cpu_microseconds: float
    """Processor time of the server process for each page."""


class _Connection(asyncio.Protocol):
    """Asks for one page after the other, and checks that each is there."""

    def __init__(self, requests: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._requests = requests
        self._done = done
        self._missing = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's transports inherit from nothing
        self._ask()

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            head, _, body = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                self._done.set_exception(RuntimeError(f"not a page: {head[:80]!r}"))
                return
            self._missing = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            data = body
        self._missing -= len(data)
        if not self._missing:
            self._ask()

    def _ask(self) -> None:
        request = next(self._requests, None)
        assert self._transport is not None  # noqa: S101 - for mypy
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server hung up"))


async def _generate(load: Load) -> None:
    host = f"Host: {load.host}:{load.port}\r\n"
    # Page 0 has no number in its path, so that the pages start at 1.
    numbers = (1 + index % load.modulus for index in range(load.first, load.end))
    requests = (f"GET /p/{number}.html HTTP/1.1\r\n{host}Accept: */*\r\n\r\n".encode() for number in numbers)
    loop = asyncio.get_running_loop()
    waiting = [loop.create_future() for _ in range(load.connections)]
    for done in waiting:
        await loop.create_connection(lambda done=done: _Connection(requests, done), load.host, load.port)  # type: ignore[misc]
    await asyncio.gather(*waiting)


def generate(load: Load) -> None:
    """Run one load generator to its end, in the process that calls it."""
    uvloop.run(_generate(load))


async def measure(options: argparse.Namespace, pool: ProcessPoolExecutor, modulus: int) -> list[Run]:
    """Serve the web and ask for `options.requests` pages, as often as wanted; every run asks for pages of its own."""
    web = Web(pages=None, page_bytes=options.page_bytes, numbers=options.numbers)
    loop = asyncio.get_running_loop()
    runs = []
    async with ServerProcess(web) as server:
        port = int(server.authority.rpartition(":")[2])
        share = options.requests // options.clients
        for number in range(-1, options.runs):  # the first is for warming up
            start = (number + 1) * options.requests
            firsts = range(start, start + share * options.clients, share)
            loads = [Load("127.0.0.1", port, first, first + share, modulus, options.connections) for first in firsts]
            before, begin = await server.statistics(), time.perf_counter()
            await asyncio.gather(*(loop.run_in_executor(pool, generate, load) for load in loads))
            seconds, after = time.perf_counter() - begin, await server.statistics()
            pages = after.statuses[200] - before.statuses.get(200, 0)
            runs.append(Run(pages / seconds, (after.cpu_seconds - before.cpu_seconds) / pages * 1e6))
    return runs[1:]


def report(title: str, runs: list[Run]) -> None:
    """Print median and range."""
    rates = [run.pages_per_second for run in runs]
    costs = [run.cpu_microseconds for run in runs]
    cost = statistics.median(costs)
    print(
        f"{title:<34} {statistics.median(rates):>7,.0f} pages/s ({min(rates):,.0f} to {max(rates):,.0f})"
        f"   {cost:>5.0f} µs CPU a page ({min(costs):.0f} to {max(costs):.0f})"
        f"   {1e6 / cost:>7,.0f} pages per CPU second"
    )


def main() -> None:
    """Measure twice: pages that the server has in its cache, and pages that nobody has asked for before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="in each run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clients", type=int, default=1, help="processes that generate load")
    parser.add_argument("--connections", type=int, default=32, help="of each client")
    parser.add_argument("--page-bytes", type=int, default=10_000)
    parser.add_argument("--numbers", type=int, default=20)
    options = parser.parse_args()
    print(
        f"{platform.python_implementation()} {platform.python_version()}, aiohttp {version('aiohttp')}, "
        f"uvloop {version('uvloop')}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores; "
        f"{options.runs} runs of {options.requests:,} requests, {options.page_bytes:,} bytes a page, "
        f"{options.clients} client(s) with {options.connections} connections"
    )
    with ProcessPoolExecutor(options.clients, multiprocessing.get_context("spawn")) as pool:
        report("pages from the cache", asyncio.run(measure(options, pool, 1000)))
        report("pages rendered for the first time", asyncio.run(measure(options, pool, 10**9)))


if __name__ == "__main__":
    main()
