"""A few URLs that never answer: how long do the good pages of their host take? `python -m benchmarks.silent_urls`.

A host answers eight requests at once, each after 0.2 s, but never those for ten of its URLs; the time-out is 2 s. The
time until the last good page is given beside that of the same host without such URLs. With ``--against DIR`` the
checkout there does the same.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from benchmarks.report import machine

_OPTIONS = "--contact me@example.org --timeout 2 --delay 0 --ignore-robots --quiet -o /dev/null"
_LONGEST = 120.0  # seconds of a crawl


class Host:
    """The host: ``good`` and ``silent`` are how many URLs it has, these first."""

    def __init__(self, good: int, silent: int) -> None:
        self.came: list[float] = []
        self._links = [f"/silent/{number}" for number in range(silent)] + [f"/{number}" for number in range(good)]
        self._places = asyncio.Semaphore(8)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, or do not."""
        if request.path.startswith("/silent"):
            await asyncio.sleep(3600)
        if request.path == "/":
            body = "".join(f'<a href="{link}">x</a>' for link in self._links)
            return web.Response(text=body, content_type="text/html")
        async with self._places:
            await asyncio.sleep(0.2)
        self.came.append(time.monotonic())
        return web.Response(text="good", content_type="text/html")


@asynccontextmanager
async def served(host: Host) -> AsyncIterator[str]:
    """Serve it, and yield its URL."""
    runner = web.ServerRunner(web.Server(host.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def crawl(folder: Path, good: int, silent: int) -> tuple[int, float]:
    """Crawl with the checkout in ``folder``; return how many good pages came, and the seconds until the last."""
    host = Host(good, silent)
    async with served(host) as url:
        command = [sys.executable, "-m", "crawler", "site", url, *_OPTIONS.split(), f"--max-seconds={_LONGEST}"]
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(*command, cwd=folder)
        await process.wait()
    return len(host.came), host.came[-1] - started


async def measure(good: int, silent: int, folders: list[Path]) -> None:
    """Crawl without and with silent URLs, and print both."""
    for folder in folders:
        _, alone = await crawl(folder, good, 0)
        pages, beside = await crawl(folder, good, silent)
        text = f"{pages} of {good} good pages beside {silent} silent URLs in {beside:.1f} s"
        print(f"  {folder.name:<12} {text}; alone {alone:.1f} s: {beside / alone:.2f} ×")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--good", type=int, default=500)
    parser.add_argument("--silent", type=int, default=10)
    parser.add_argument("--against", type=Path, help="another checkout")
    options = parser.parse_args()
    print(machine())
    folders = [Path.cwd(), *([options.against] if options.against else [])]
    asyncio.run(measure(options.good, options.silent, folders))


if __name__ == "__main__":
    main()
