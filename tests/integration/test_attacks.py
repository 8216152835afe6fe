"""Whole crawls under attacks that once succeeded: what came of each must not come again."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from crawler import Access, Cache, Cookies, Cpu, Crawler, Fetch
from tests.integration import parsers
from tests.integration.sites import Answer, links, serve

pytestmark = pytest.mark.both_loops

INLINE = Cpu(executor="inline")


@asynccontextmanager
async def answering(response: bytes) -> AsyncIterator[str]:
    """Answer everything with the bytes of one response; yield the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("name", ["folder", "file.sqlite"])
async def test_a_vary_that_names_no_header_field_ends_no_crawl_with_a_cache(tmp_path: Path, name: str) -> None:
    response = b"HTTP/1.1 200 OK\r\nVary: \xff, \xc3\xa9, a b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    fetch = Fetch(cache=Cache(tmp_path / name, mode="changed"))
    async with answering(response) as url, Crawler(parsers.urls, cpu=INLINE, fetch=fetch) as crawler:
        summary = await crawler.run(url)
    assert summary.done == 1
    assert summary.cache is not None
    assert not summary.cache.is_broken


async def test_links_of_megabytes_are_refused_and_not_kept() -> None:
    def page(number: int) -> str:
        return links(f"/x?{number}{'a' * 3_000_000}", f"/y@{number}{'a' * 3_000_000}", f"/{number + 1}")

    tracemalloc.start()
    try:
        async with serve({f"/{number}": page(number) for number in range(10)}) as site:
            before, _ = tracemalloc.get_traced_memory()
            async with Crawler(parsers.links_only, cpu=INLINE) as crawler:
                summary = await crawler.run(f"{site.url}0")
                kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert (summary.done, summary.refused, summary.failed) == (10, 20, 1)
    assert kept < 10_000_000  # and not the 60 MB of those links


@pytest.mark.parametrize("control", ["max-age=3600", "no-cache"])
async def test_a_cookie_that_was_set_long_ago_does_not_replace_one_that_is_newer(tmp_path: Path, control: str) -> None:
    def setting(value: str, then: str, control: str) -> Answer:
        fields = {"Set-Cookie": f"session={value}; Path=/", "Cache-Control": control, "ETag": '"1"'}

        async def answer(request: web.Request) -> web.StreamResponse:
            if "If-None-Match" in request.headers:
                return web.Response(status=304)
            return web.Response(text=links(then), content_type="text/html", headers=fields)

        return answer

    fetch = Fetch(cache=Cache(tmp_path / "cache"), access=Access(cookies=Cookies()))
    pages = {"/a": setting("old", "/", control), "/login": setting("new", "/a", "no-store"), "/": links()}
    async with serve(pages) as site:
        for start in ("a", "login"):
            async with Crawler(parsers.links_only, cpu=INLINE, fetch=fetch) as crawler:
                await crawler.run(f"{site.url}{start}")
            site.pages["/"] = links("/last")
    last = [request.headers.get("Cookie") for request in site.requests if request.path in {"/", "/last"}]
    assert last == ["session=old", "session=new", "session=new"]
