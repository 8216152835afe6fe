"""Is a crawl polite, as its hosts see it, and no slower than it must be? `python -m benchmarks.politeness`.

Two hundred hosts ask for delays from 0.05 s to 1 s, each with as many pages as take the same time at its delay. The
server notes when each request arrives. No gap may be shorter than the delay of its host; the time is given beside the
longest that one host must take, which no polite crawl can beat.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import uvloop
from aiohttp import web

from benchmarks.report import machine, spread
from benchmarks.served import start_server
from crawler import Crawler, Page, Politeness, Scope

_SHORTEST, _LONGEST = 0.05, 1.0  # seconds


def delays_of(hosts: int) -> list[float]:
    """Return the delay of each host in seconds, the same in each run."""
    draw = random.Random(4)
    return [round(draw.uniform(_SHORTEST, _LONGEST), 3) for _ in range(hosts)]


def parse(page: Page) -> Iterator[Any]:
    """Follow the links."""
    yield from page.links()


async def serve(hosts: int, seconds: float) -> None:
    """Serve the hosts until standard input ends; then write when their requests arrived, as JSON."""
    delays, arrivals = delays_of(hosts), [list[float]() for _ in range(hosts)]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        host = int(request.host.removeprefix("host").partition(".")[0])
        arrivals[host].append(time.monotonic())
        if request.path == "/robots.txt":
            return web.Response(text=f"User-agent: *\nCrawl-delay: {delays[host]}\n")
        pages = range(int(seconds / delays[host]))
        body = "".join(f'<a href="/{number}">x</a>' for number in pages) if request.path == "/" else "leaf"
        return web.Response(text=body, content_type="text/html")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(arrivals))
    await runner.cleanup()


async def crawl_once(hosts: int, seconds: float) -> tuple[float, list[list[float]]]:
    """Crawl all hosts; return the seconds that it took, and when the requests of each host arrived."""
    server, port = await start_server("benchmarks.politeness", f"--hosts={hosts}", f"--seconds={seconds}")
    seeds = [f"http://host{number}.localhost:{port}/" for number in range(hosts)]
    async with Crawler(parse, politeness=Politeness(delay=0), scope=Scope(within="host")) as crawler:
        summary = await crawler.run(seeds)
    arrivals, _ = await server.communicate(b"")
    if summary.done != summary.discovered:
        raise RuntimeError(f"the crawl is void: {summary}")
    return summary.seconds, json.loads(arrivals)


def examine(arrivals: list[list[float]], seconds: float) -> tuple[int, float, float]:
    """Return how many gaps are too short, the smallest excess over a delay, and the time beside the least."""
    delays = delays_of(len(arrivals))
    excesses = [
        later - earlier - delay
        for delay, times in zip(delays, arrivals, strict=True)
        for earlier, later in pairwise(times)
    ]
    least = max(delay * (len(times) - 1) for delay, times in zip(delays, arrivals, strict=True))
    return sum(excess < 0 for excess in excesses), min(excesses), seconds / least


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="that each host must take")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.hosts, options.seconds))
        return
    print(machine())
    ratios = []
    for _ in range(options.runs):
        seconds, arrivals = uvloop.run(crawl_once(options.hosts, options.seconds))
        short, excess, ratio = examine(arrivals, seconds)
        requests = sum(map(len, arrivals))
        print(f"  {requests:,} requests to {options.hosts} hosts in {seconds:.2f} s: {short} gaps too short, "
              f"the closest {excess * 1000:.2f} ms above; {ratio:.3f} × the least time", flush=True)  # fmt: skip
        ratios.append(ratio)
    print(f"time beside the least: {spread(ratios, '.3f')} ×")


if __name__ == "__main__":
    main()
