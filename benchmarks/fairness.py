"""Do hosts that trickle bytes slow those that do not? `python -m benchmarks.fairness`.

Ten good hosts are crawled alone, then beside ten thousand that answer with a byte every five seconds until they are cut
off, and that are named after them. Compared is how many pages of the good hosts come a second, from the first tenth of
them to the last. Without latency the good hosts alone take all of the event loop's time, and what the others need is
theirs. The descriptors of the crawling process are counted before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.report import machine, spread
from benchmarks.served import start_server
from crawler import Crawler, Fetch, Page, Politeness, Retry, Scope
from crawler.runtime.gc_tuning import short_pauses

_GOOD = 10
_CONNECTIONS = 6  # of a host, as browsers make
_INTERVAL = 5.0  # seconds between two bytes
_BODY = b"<p>" + b"text " * 1000


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links."""
    yield page.url
    yield from page.links()


class Server(asyncio.Protocol):
    """Answers for ``good…`` hosts soon, for all others a byte at a time; `robots.txt` is missing everywhere."""

    def __init__(self, pages: int, latency: float) -> None:
        self._pages = pages
        self._latency = latency
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's protocol
        """Stop trickling."""
        self._transport = None
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer a request, which comes in one piece."""
        if self._transport is None:
            return
        path, is_good = data.split(b" ", 2)[1], b"Host: good" in data
        if path == b"/robots.txt":
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        elif is_good:
            links = b"".join(b'<a href="/%d">x</a>' % number for number in range(self._pages)) if path == b"/" else b""
            body = links + _BODY
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._timer = asyncio.get_running_loop().call_later(self._latency, self._transport.write, head + body)
        else:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n")
            self._trickle()

    def _trickle(self) -> None:
        if self._transport is not None:
            self._transport.write(b"x")
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._trickle)


async def serve(pages: int, latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(pages, latency), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def rate(port: int, trickling: int, options: argparse.Namespace) -> tuple[float, float]:
    """Crawl; return the pages of good hosts a second, and the seconds of the whole crawl."""
    hosts = [f"good{number}" for number in range(_GOOD)] + [f"slow{number}" for number in range(trickling)]
    times: list[float] = []
    crawler = Crawler(
        parse,
        scope=Scope(within="host"),
        politeness=Politeness(delay=0, connections=_CONNECTIONS),
        fetch=Fetch(concurrency=options.concurrency, timeout=options.timeout),
        retry=Retry(attempts=1),
        sinks=[lambda _url: times.append(time.perf_counter())],
    )
    async with crawler:
        summary = await crawler.run(f"http://{host}.localhost:{port}/" for host in hosts)
    if summary.done != _GOOD * (options.pages + 1) or summary.failed != trickling:
        raise RuntimeError(f"the crawl is void: {summary}")
    tenth = len(times) // 10
    return 8 * tenth / (times[9 * tenth] - times[tenth]), summary.seconds


async def measure(options: argparse.Namespace) -> list[float]:
    """Crawl alone and beside the others, in turn; return the ratios."""
    asked = (f"--pages={options.pages}", f"--latency={options.latency}")
    server, port = await start_server("benchmarks.fairness", *asked)
    ratios = []
    await rate(port, 0, options)  # whatever is done once only
    before = descriptors()
    for _ in range(options.runs):
        alone, _ = await rate(port, 0, options)
        beside, seconds = await rate(port, options.hosts, options)
        ratios.append(beside / alone)
        print(f"  alone {alone:,.0f} pages/s, beside {options.hosts:,} hosts {beside:,.0f}: {beside / alone:.0%}; "
              f"in all {seconds:.1f} s; descriptors {before} before, {descriptors()} after", flush=True)  # fmt: skip
    await server.communicate(b"")
    return ratios


def descriptors() -> int:
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000, help="that trickle")
    parser.add_argument("--pages", type=int, default=1_000, help="of each good host")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of good hosts; 0 takes a whole core")
    parser.add_argument("--concurrency", type=int, default=10_100)
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds of a request")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.pages, options.latency))
        return
    print(machine())
    with short_pauses():
        ratios = uvloop.run(measure(options))
    print(f"pages of good hosts a second, beside the others and alone: {spread(ratios, '.2f')} ×")


if __name__ == "__main__":
    main()
