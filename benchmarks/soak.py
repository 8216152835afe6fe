"""Half an hour over two thousand hosts, of which some hang and some are dead. `python -m benchmarks.soak`.

Five of a hundred hosts accept connections and never answer, five of a hundred refuse connections. The others have
pages that link to each other and to other hosts. The process may have 512 files open, and its crawl has a state folder.
Given are memory, descriptors, threads and tasks of the main process over the time, the memory of its workers, and the
lag of the event loop. Each good page must be there once, and each other URL must have failed.

With ``--kills`` the crawl has five outputs, and is killed so many times before it may come to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import uvloop
from aiohttp import web

from benchmarks.report import machine
from crash_tests.crawl import item_of
from crash_tests.outputs import SINKS, present
from crawler import Cpu, Crawler, Fetch, Network, Page, Politeness, Retry, Scope, StateFolder, Statistics
from crawler.runtime.gc_tuning import short_pauses

_FILES = 512
_TIMEOUT = 5.0  # seconds of a request; a host that hangs is given up after some of them
_SAMPLES = 20


class Hosts:
    """The hosts: addresses of loopback, which all lead to one server. Of twenty hosts one hangs, one is dead."""

    def __init__(self, hosts: int, pages: int, ports: str) -> None:
        self.hosts, self.pages, self.ports = hosts, pages, ports.split(",")

    def url(self, host: int, page: int = 0) -> str:
        """Return the URL of a page of a host, which is the seed for ``page`` 0."""
        port = self.ports[host % 20 == 1]
        return f"http://127.{1 + host % 20}.{host // 250}.{host % 250 + 1}:{port}/{page or ''}"

    def links(self, host: int, page: int) -> list[str]:
        """Return where a page links to: the next two of its host, and the front pages of two others."""
        own = [self.url(host, number) for number in (2 * page + 1, 2 * page + 2) if number < self.pages]
        return own + [self.url((host * 7 + page * 13 + step) % self.hosts) for step in (1, 2)]

    @property
    def good(self) -> set[str]:
        """The URLs of all good pages."""
        good = (host for host in range(self.hosts) if host % 20 > 1)
        return {self.url(host, page) for host in good for page in range(self.pages)}

    @property
    def bad(self) -> set[str]:
        """The URLs of hosts that hang or are dead: their front pages, as nobody sees links to others."""
        return {self.url(host) for host in range(self.hosts) if host % 20 <= 1}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, or do not."""
        _, kind, high, low = (request.host or "").partition(":")[0].split(".")
        if kind == "1":
            await asyncio.sleep(3600)
        host, page = 250 * int(high) + int(low) - 1, int(request.path[1:] or 0) if request.path[1:].isdigit() else 0
        if request.path == "/robots.txt":
            return web.Response(status=404)
        body = "".join(f'<a href="{link}">x</a>' for link in self.links(host, page))
        return web.Response(text=f"<title>{page}</title>{body}", content_type="text/html")


async def serve(hosts: int, pages: int) -> None:
    """Serve until standard input ends; print the port."""
    site = Hosts(hosts, pages, ",")
    runner = web.ServerRunner(web.Server(site.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0, backlog=4096).start()  # noqa: S104  # all of 127.0.0.0/8
    with socket.socket() as dead:
        dead.bind(("0.0.0.0", 0))  # noqa: S104  # nobody listens there, and nobody else will
        ports = f"{runner.addresses[0][1]},{dead.getsockname()[1]}"
        site.ports = ports.split(",")
        print(ports, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def parse(page: Page) -> Iterator[Any]:
    """Yield one item, and follow the links."""
    yield item_of(page.url, page.title or "")
    yield from page.links()


async def crawl(options: argparse.Namespace) -> None:
    """Crawl, or go on; print samples, and at the end the summary."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    folder, site = Path(options.folder), Hosts(options.hosts, options.pages, options.ports)
    crawler = Crawler(
        parse,
        state=StateFolder(folder / "state"),
        sinks=[SINKS[name].make(folder) for name in options.sinks.split(",")],
        scope=Scope(within="any"),
        fetch=Fetch(timeout=_TIMEOUT, network=Network(allow_private=True)),
        politeness=Politeness(delay=options.delay),
        retry=Retry(attempts=2),
        cpu=Cpu(workers=1),
    )
    async with crawler:
        watching = asyncio.create_task(watch(crawler, options.every))
        summary = await crawler.run(site.url(2))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    print(summary, flush=True)
    if summary.done != len(site.good) or summary.failed + summary.denied != len(site.bad):
        raise RuntimeError("each good page is to be done, and each other URL failed or denied, as its robots.txt hangs")
    print(f"loop lag at worst {summary.loop_lag_max_ms:.0f} ms", flush=True)


async def watch(crawler: Crawler, every: float) -> None:
    """Print a sample now and then."""
    process, began = psutil.Process(), time.monotonic()
    while True:
        await asyncio.sleep(every)
        now = crawler.statistics()
        print(
            f"  {time.monotonic() - began:>6.0f} s {now.fetched:>9,} pages, "
            f"main {process.memory_info().rss / 1e6:.0f} MB, workers {_workers_mb(now):.0f} MB, "
            f"{process.num_fds()} descriptors, {process.num_threads()} threads, "
            f"{len(asyncio.all_tasks())} tasks",
            flush=True,
        )


def _workers_mb(now: Statistics) -> float:
    taken: int = sum(psutil.Process(worker.pid).memory_info().rss for worker in now.stage.workers)
    return taken / 1e6


def measure(options: argparse.Namespace) -> int:
    """Crawl, killed as often as wanted, and compare what there is with what ought to be; return 1 where it differs."""
    rng, sinks = random.Random(options.seed), present() if options.kills else ["jsonl"]  # moments, not secrets
    given = [f"--hosts={options.hosts}", f"--pages={options.pages}"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, __file__, "--serve", *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
        ) as server,
    ):
        try:
            ports = server.stdout.readline().decode().strip() if server.stdout else ","
            command = [sys.executable, __file__, f"--folder={folder}", f"--ports={ports}", f"--sinks={','.join(sinks)}",
                       f"--delay={options.delay}", f"--every={options.every}", *given]  # fmt: skip
            for _ in range(options.kills):
                killed(command, rng.uniform(0.5, options.longest))
            subprocess.run(command, check=True, env=_environment())
        finally:
            server.terminate()
        site, wrong = Hosts(options.hosts, options.pages, ports), 0
        for name in sinks:
            urls = Counter(SINKS[name].urls(Path(folder)))
            lost, doubled = site.good - urls.keys(), [url for url, count in urls.items() if count > 1]
            surplus = urls.keys() - site.good
            wrong += bool(lost or doubled or surplus)
            print(f"  {name}: {len(urls):,} pages, {len(lost)} lost, {len(doubled)} doubled, {len(surplus)} surplus")
    return int(wrong > 0)


def killed(command: list[str], seconds: float) -> None:
    """Start a crawl and kill it after so many ``seconds``."""
    with subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--pages", type=int, default=400, help="of each good host: 400 take half an hour")
    parser.add_argument("--delay", type=float, default=0.5, help="between two requests to a host")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two samples")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    for name in ("folder", "ports", "sinks"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.hosts, options.pages))
        return 0
    if options.folder:
        with short_pauses():
            uvloop.run(crawl(options))
        return 0
    print(machine(), flush=True)
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
