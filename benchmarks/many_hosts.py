"""A page that names very many hosts: what does each cost? `python -m benchmarks.many_hosts`.

The page links to pages of one good host, each answered after half a second, and to dead hosts, whose names a name
server does not know. Given are the CPU time and the memory of the crawling process for each dead host, beside the same
crawl without them; the lag of its event loop; and how late the good pages came. With ``--against DIR`` the code there
does the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from benchmarks.report import machine
from crawler import Crawler, Fetch, Network, Page, Politeness, Scope
from crawler.runtime.gc_tuning import short_pauses

_GOOD = 400


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links, wherever they lead."""
    yield page.url
    yield from page.links()


class Site:
    """The good host, in a process of its own."""

    def __init__(self, dead: int) -> None:
        links = [f"/{number}" for number in range(_GOOD)] + [f"http://no-{number}.example/" for number in range(dead)]
        self._front = "".join(f'<a href="{link}">x</a>' for link in links)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        if request.path == "/":
            return web.Response(text=self._front, content_type="text/html")
        await asyncio.sleep(0.5)
        return web.Response(text="good", content_type="text/html")


async def serve(dead: int) -> None:
    """Serve the site until standard input ends; print its URL."""
    runner = web.ServerRunner(web.Server(Site(dead).answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    """Run a server that prints where it listens, and yield that."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    if server.stdout is None or server.stdin is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield (await server.stdout.readline()).decode().strip()
    finally:
        server.stdin.close()
        await server.wait()


async def crawl_once(dead: int) -> dict[str, float]:
    """Crawl; return what it took."""
    came: list[float] = []

    def note(_: str) -> None:
        came.append(time.monotonic())

    async with process("-m", "fixtures_server.name_server") as names, process(__file__, f"--serve={dead}") as url:
        network = Network(nameservers=(names,), allow_private=True)
        politeness = Politeness(delay=0, robots=False)
        scope = Scope(within="any")
        async with Crawler(
            parse, scope=scope, sinks=[note], politeness=politeness, fetch=Fetch(network=network)
        ) as crawler:
            began, cpu = time.monotonic(), time.process_time()
            summary = await crawler.run(url)
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    if summary.done != _GOOD + 1 or summary.failed != dead:
        raise RuntimeError(f"the crawl is void: {summary}")
    return {
        "seconds": seconds,
        "cpu": cpu,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "good": max(came) - began,
        "lag_p99": summary.loop_lag_p99_ms,
        "lag_max": summary.loop_lag_max_ms,
    }


def measured(folder: Path, dead: int) -> dict[str, float]:
    """Return what a crawl takes with the code in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parent.parent}"}
    command = [sys.executable, "-P", __file__, f"--once={dead}"]
    answer = subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[2000, 16_000, 64_000, 200_000])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    if options.once is not None:
        with short_pauses():  # as the command line does
            print(json.dumps(uvloop.run(crawl_once(options.once))))
        return
    print(machine(), flush=True)
    for folder in [Path.cwd(), *([options.against.resolve()] if options.against else [])]:
        alone = measured(folder, 0)
        print(f"  {folder.name}: the good host alone {alone['seconds']:.1f} s, {alone['cpu']:.1f} s of CPU")
        for hosts in options.hosts:
            found = measured(folder, hosts)
            cpu, memory = ((found[what] - alone[what]) / hosts for what in ("cpu", "bytes"))
            print(
                f"  {hosts:>9,} dead hosts: {found['seconds']:.1f} s, {cpu * 1e6:.0f} µs and {memory:,.0f} bytes each; "
                f"the last good page after {found['good']:.1f} s; "
                f"loop lag p99 {found['lag_p99']:.0f} ms, at worst {found['lag_max']:.0f} ms"
            )


if __name__ == "__main__":
    main()
