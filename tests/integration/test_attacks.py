"""Whole crawls under attacks that once succeeded: what came of each must not come again."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from crawler import Access, Cache, Cookies, Cpu, Crawler, Fetch, Network, Politeness
from tests.integration import parsers
from tests.integration.sites import Answer, links, redirect, serve

INLINE = Cpu(executor="inline")
PRIVATE = Fetch(network=Network(allow_private=True))


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


async def test_redirects_of_robots_txt_keep_the_delay_of_the_host() -> None:
    arrivals: list[float] = []

    async def hop(request: web.Request) -> web.StreamResponse:
        arrivals.append(time.monotonic())
        count = int(request.query.get("hop", 0))
        if request.path == "/" or count == 3:
            return web.Response(text="")
        return web.Response(status=302, headers={"Location": f"/robots.txt?hop={count + 1}"})

    crawler = Crawler(parsers.urls, cpu=INLINE, politeness=Politeness(delay=0.1))
    async with serve({"/robots.txt": hop, "/": hop}) as site, crawler:
        summary = await crawler.run(site.url)
    assert summary.done == 1
    assert len(arrivals) == 5
    assert min(later - earlier for earlier, later in pairwise(arrivals)) >= 0.1


async def test_many_hosts_that_send_us_to_one_for_their_robots_txt_do_not_hurry_us_there() -> None:
    arrivals: list[float] = []
    active = peak = 0

    async def asked(_: web.Request) -> web.StreamResponse:
        nonlocal active, peak
        arrivals.append(time.monotonic())
        active += 1
        peak = max(peak, active)
        for _lock in range(10):
            await asyncio.sleep(0)
        active -= 1
        return web.Response(text="User-agent: *\nDisallow: /no\n")

    politeness = Politeness(delay=0.02, connections=1)
    crawler = Crawler(parsers.links_only, cpu=INLINE, politeness=politeness, fetch=PRIVATE)
    async with serve({"/robots.txt": asked, "/": asked}) as victim, serve({"/": links("/no")}) as site, crawler:
        site.pages["/robots.txt"] = redirect(f"{victim.url}robots.txt")
        hosts = [f"http://host{number}.localhost:{urlsplit(site.url).port}/" for number in range(12)]
        summary = await crawler.run(hosts, victim.url)
    assert (summary.done, summary.denied, summary.failed) == (13, 12, 0)
    assert len(arrivals) == 12 + 2
    assert peak == 1
    assert min(later - earlier for earlier, later in pairwise(arrivals)) >= 0.02


async def test_hosts_whose_robots_txt_are_each_others_end() -> None:
    async with serve({"/": links()}) as one, serve({"/": links()}) as other:
        for here, there in ((one, other), (other, one)):
            here.pages["/robots.txt"] = redirect(f"{there.url}robots.txt")
        politeness = Politeness(connections=1, address_connections=1)
        async with Crawler(parsers.links_only, cpu=INLINE, politeness=politeness) as crawler:
            summary = await crawler.run(one.url, other.url)
    assert summary.done == 2  # RFC 9309 §2.3.1.2: after so many redirects there is no robots.txt
    assert (one.asked.count("/robots.txt"), other.asked.count("/robots.txt")) == (6, 6)
