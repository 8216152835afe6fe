"""In a crawl with a limit on depth each URL has the depth of the shortest way to it, whatever that way consists of.

In each crawl a page is slow: what it leads to is known by then, but deeper, and has links that are too deep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import Cpu, Crawler, Limits, Page, Politeness, Request, Retry, Scope
from tests.integration.sites import Answer, Site, links, redirect, serve

INLINE = Cpu(executor="inline")
SLOW = "/slow"
LONG = {"/": links("/slow", "/a"), "/a": links("/b")}  # a way to /b, whose links have depth 3


def urls(page: Page) -> Iterator[Any]:
    yield page.url
    yield from page.links()


class Crawled:
    """A crawl of a site whose page `SLOW` comes after another page was delivered."""

    def __init__(self, pages: Mapping[str, Answer], slow: str, after: str, kind: str = "text/html") -> None:
        self.pages = {**pages, SLOW: self._slow}
        self.found: list[str] = []
        self._text, self._after, self._kind = slow, after, kind
        self._may_come = asyncio.Event()

    async def run(self, seeds: Callable[[Site], Any], parser: Any = urls, **options: Any) -> None:
        async with serve(self.pages) as self.site:
            await self.crawl(parser, seeds(self.site), **options)

    async def crawl(self, parser: Any, *seeds: Any, stop_at: str = "", **options: Any) -> None:
        """Crawl a site that is served already, until the end or until a page was delivered."""

        def took(url: str) -> None:
            self._took(url)
            if self.found[-1] == stop_at:
                crawler.stop(0)

        politeness = Politeness(delay=0, connections=8)
        options = {"cpu": INLINE, "limits": Limits(max_depth=3), "retry": Retry(wait=0), **options}
        async with Crawler(parser, sinks=[took], politeness=politeness, **options) as crawler:
            await crawler.run(*(seeds or (self.site.url,)))

    def may_come(self) -> None:
        """Let the slow page come."""
        self._may_come.set()

    def path(self, url: str) -> str:
        return url.removeprefix(self.site.url.removesuffix("/"))

    def _took(self, url: str) -> None:
        self.found.append(self.path(url))
        if self.found[-1] == self._after:
            self._may_come.set()

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        await self._may_come.wait()
        text = self._text.replace("SITE", f"http://{request.host}")
        return web.Response(text=text, content_type=self._kind)


@pytest.fixture(params=[False, True], ids=["in memory", "with a state"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"state": tmp_path / "state"} if request.param else {}


def front(site: Site) -> str:
    return site.url


async def test_a_redirect_that_becomes_less_deep_takes_its_target_along(options: dict[str, Any]) -> None:
    pages = {**LONG, "/b": links("/go"), "/go": redirect("/target"), "/target": links("/child"), "/child": links()}
    crawled = Crawled(pages, links("/go"), after="/target")
    await crawled.run(front, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/slow", "/target"]


async def test_a_redirect_of_a_redirect_does_so_too(options: dict[str, Any]) -> None:
    pages = {**LONG, "/b": links("/go"), "/go": redirect("/on"), "/on": redirect("/target"), "/child": links()}
    crawled = Crawled({**pages, "/target": links("/child")}, links("/go"), after="/target")
    await crawled.run(front, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/slow", "/target"]


async def test_a_redirect_is_a_way_to_what_is_known_and_deeper(options: dict[str, Any]) -> None:
    pages = {**LONG, "/b": links("/target"), "/go": redirect("/target"), "/target": links("/child"), "/child": links()}
    crawled = Crawled(pages, links("/go"), after="/target")
    await crawled.run(front, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/slow", "/target"]


async def test_a_redirect_to_what_is_known_that_becomes_less_deep_takes_that_along(options: dict[str, Any]) -> None:
    pages = {**LONG, "/b": links("/target", "/go", "/last"), "/go": redirect("/target"), "/child": links()}
    crawled = Crawled({**pages, "/target": links("/child"), "/last": links()}, links("/go"), after="/last")
    await crawled.run(front, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/last", "/slow", "/target"]


async def test_a_request_that_becomes_less_deep_while_it_is_redirected_arrives_less_deep(
    options: dict[str, Any],
) -> None:
    slow_came = asyncio.Event()

    async def on(_: web.Request) -> web.StreamResponse:
        crawled.may_come()
        await slow_came.wait()
        return web.Response(text=links("/child"), content_type="text/html")

    class Last(Crawled):
        def _took(self, url: str) -> None:
            super()._took(url)
            if self.found[-1] == SLOW:
                slow_came.set()

    pages = {**LONG, "/b": links("/go"), "/go": redirect("/target"), "/target": on, "/child": links()}
    crawled = Last(pages, links("/go"), after="never")
    await crawled.run(front, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/slow", "/target"]


@pytest.mark.parametrize("most", [2, 3])
async def test_what_a_sitemap_names_has_its_depth_however_late_it_comes(most: int, options: dict[str, Any]) -> None:
    sitemap = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>SITE/a</loc></url></urlset>"

    async def robots(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"Sitemap: http://{request.host}{SLOW}\n")

    pages: dict[str, Answer] = {"/robots.txt": robots, "/": links("/a"), "/a": links("/1"), "/1": links("/2")}
    pages |= {"/2": links("/3"), "/3": links("/4")}
    last = f"/{most - 1}"
    crawled = Crawled(pages, sitemap, after=last, kind="application/xml")
    await crawled.run(front, **options, limits=Limits(max_depth=most), scope=Scope(sitemaps=True))
    assert sorted(crawled.found) == ["/", *(f"/{number}" for number in range(1, most + 1)), "/a"]


async def test_a_seed_that_is_known_already_is_not_deep(options: dict[str, Any]) -> None:
    pages = {**LONG, "/b": links("/target"), "/target": links("/child"), "/child": links("/more"), "/more": links()}
    crawled = Crawled({**pages, "/more": links("/3"), "/3": links()}, links(), after="/target")

    def seeds(site: Site) -> Iterator[str]:
        yield site.url
        while "/target" not in crawled.found:
            yield site.url
        yield f"{site.url}target"

    await crawled.run(seeds, **options)
    assert sorted(crawled.found) == ["/", "/3", "/a", "/b", "/child", "/more", "/slow", "/target"]


async def test_a_link_that_is_to_be_fetched_again_is_a_way_where_it_is_new(options: dict[str, Any]) -> None:
    def parser(page: Page) -> Iterator[Any]:
        yield page.url
        if page.url.endswith("/c"):
            yield Request("/target", again=True)
        else:
            yield from page.links()

    pages = {**LONG, "/b": links("/c"), "/c": links(), "/target": links("/child")}
    crawled = Crawled(pages, links("/c"), after="/c")
    await crawled.run(front, parser, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/c", "/slow", "/target"]


async def test_a_page_that_its_parser_has_fetched_again_has_the_depth_that_it_has_by_then(
    options: dict[str, Any],
) -> None:
    tries: list[str] = []

    def parser(page: Page) -> Iterator[Any]:
        if page.url.endswith("/target") and not tries:
            tries.append(page.url)
            yield page.retry(reason="not yet", wait=0.3)
            return
        yield page.url
        yield from page.links()

    pages = {**LONG, "/b": links("/target"), "/target": links("/child"), "/child": links()}
    crawled = Crawled(pages, links("/target"), after="/b")
    await crawled.run(front, parser, **options)
    assert sorted(crawled.found) == ["/", "/a", "/b", "/child", "/slow", "/target"]


@pytest.mark.parametrize(
    ("most", "more"),
    [(2, []), (3, ["/child"]), (4, ["/child", "/grandchild"]), (None, ["/child", "/grandchild", "/great"])],
)
async def test_what_is_less_deep_after_a_stop_takes_along_what_the_limit_allows_then(
    most: int | None, more: list[str], tmp_path: Path
) -> None:
    pages = {**LONG, "/b": links("/target"), "/target": links("/child"), "/child": links("/grandchild")}
    crawled = Crawled({**pages, "/grandchild": links("/great"), "/great": links()}, links("/target"), after="never")
    async with serve(crawled.pages) as crawled.site:
        for limit in (3, most):
            await crawled.crawl(urls, state=tmp_path / "state", limits=Limits(max_depth=limit), stop_at="/target")
            crawled.may_come()
    assert sorted(crawled.found) == sorted(["/", "/a", "/b", "/slow", "/target", *more])


async def test_what_waits_is_fetched_however_deep_it_is_by_a_lower_limit(tmp_path: Path) -> None:
    pages = {"/": links("/1"), "/1": links("/2"), "/2": links("/3"), "/3": links("/4"), "/4": links()}
    crawled = Crawled(pages, links(), after="never")
    async with serve(crawled.pages) as crawled.site:
        for limit, last in ((3, "/1"), (1, ""), (4, "")):
            await crawled.crawl(urls, state=tmp_path / "state", limits=Limits(max_depth=limit), stop_at=last)
            if limit == 1:
                assert "/2" in crawled.found
                assert "/4" not in crawled.found
    assert crawled.found == ["/", "/1", "/2", "/3", "/4"]
