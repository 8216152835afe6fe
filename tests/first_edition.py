"""The crawl whose state folder in ``tests/data/first_edition.zip`` was written by commit edb0c06.

To write it again, check that commit out, put this file into its ``tests``, and there call
``python -m tests.first_edition FOLDER``. A proxy stands for the hosts, so that their URLs are the same on any port.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from crawler import (
    Access,
    Cookies,
    Cpu,
    Crawler,
    Fetch,
    JsonLines,
    Limits,
    Network,
    Page,
    Politeness,
    Request,
    Retry,
    Scope,
    StateFolder,
)

HOME = "http://first.example/"
ITEMS = "items.txt"
_NUMBERED = 30
_CHAPTERS = "".join(f'<a href="/chapter{number}">x</a>' for number in range(_NUMBERED))
_PAGES: dict[str, str] = {
    "/": '<a href="/book">x</a><a href="/absent">x</a><a href="/busy">x</a><a href="/moved">x</a>'
    '<a href="/odd">x</a><a href="/private/x">x</a><a href="http://other.example/">x</a>',
    "/book": _CHAPTERS,
    "/odd": "<h1>a page that the parser does not like</h1>",
    "/goal": "<h1>the goal</h1>",
} | {f"/chapter{number}": f'<h1>{number}</h1><a href="/note{number}">x</a>' for number in range(_NUMBERED)}


def parse(page: Page) -> Iterator[Any]:
    """Yield an item, the links, and on the first page a request with all that one can have."""
    if page.url.endswith("/odd"):
        raise ValueError("an odd page")
    yield {"url": page.url, "metadata": page.metadata}
    if page.url == HOME:
        headers = (("x-of", "the parser"),)
        yield Request("/search", "POST", headers, b"q=1", priority=-5, metadata={"query": 1})
    yield from page.links()


@asynccontextmanager
async def hosts(*, are_busy: bool = False) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """Serve all hosts, some of whose pages may be busy; yield the URL of the proxy, and what it was asked."""
    asked: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        path = urlsplit(request.path).path
        if path == "/robots.txt":
            return web.Response(text="User-agent: *\nDisallow: /private\nCrawl-delay: 0.001\n")
        if path == "/busy":
            return web.Response(status=503 if are_busy else 200)
        if path == "/moved":
            return web.Response(status=301, headers={"Location": f"{HOME}goal"})
        if path == "/search":
            return web.Response(text=f"<h1>{(await request.read()).decode()}</h1>", content_type="text/html")
        if path not in _PAGES:
            return web.Response(status=404)
        cookie = {"Set-Cookie": "visitor=7"} if path == "/" else None
        return web.Response(text=_PAGES[path], content_type="text/html", headers=cookie)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", asked
    finally:
        await runner.cleanup()


def crawler_of(folder: Path, proxy: str, *, max_pages: int | None, max_depth: int = 2) -> Crawler:
    """Return the crawler of ``folder``, in which its state and its items are."""
    return Crawler(
        parse,
        scope=Scope(within="host"),
        limits=Limits(max_pages=max_pages, max_depth=max_depth),
        politeness=Politeness(delay=0),
        retry=Retry(3, wait=60.0, max_wait=60.0),
        fetch=Fetch(concurrency=1, network=Network(proxy=proxy), access=Access(cookies=Cookies())),
        cpu=Cpu("inline", quarantine=None),
        state=StateFolder(folder / "state", keep_bodies=True, window=20),
        sinks=[JsonLines(folder / ITEMS)],
    )


async def write(folder: Path) -> None:
    """Crawl half of the site, into a ``folder`` that exists."""
    async with hosts(are_busy=True) as (proxy, _), crawler_of(folder, proxy, max_pages=15) as crawler:
        print(await crawler.run(HOME))


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
