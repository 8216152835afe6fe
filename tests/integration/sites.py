"""Small sites for tests of whole crawls: a dictionary of paths."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

Answer: TypeAlias = str | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """A server of a few pages, and what it was asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    pages: dict[str, Answer] = field(default_factory=dict)


def links(*hrefs: str) -> str:
    return "<!doctype html><title>page</title>" + "".join(f'<a href="{href}">x</a>' for href in hrefs)


@asynccontextmanager
async def serve(pages: Mapping[str, Answer]) -> AsyncIterator[Site]:
    site = Site(pages=dict(pages))

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        page = site.pages.get(request.path)
        if page is None and request.path == "/robots.txt":  # which every crawl asks for: no test is about that here
            return web.Response(status=404)
        site.asked.append(request.path)
        site.requests.append(request)  # type: ignore[arg-type]
        if page is None:
            return web.Response(status=404)
        if isinstance(page, str):
            return web.Response(text=page, content_type="text/html")
        return await page(request)  # type: ignore[arg-type]

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    try:
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield site
    finally:
        await runner.cleanup()


def redirect(location: str, status: int = 302) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": location})

    return answer
