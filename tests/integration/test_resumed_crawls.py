"""Crawls that end in some way, and go on from their state folder."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import (
    Access,
    ConfigurationError,
    Cookies,
    Cpu,
    Crawler,
    CrawlerError,
    Fetch,
    JsonLines,
    Limits,
    Page,
    Politeness,
    Request,
    Retry,
    Router,
    Scope,
    Sink,
    StateError,
    StateFolder,
    Summary,
)
from crawler.crawler import Seed
from crawler.state.sqlite_store import Store
from fixtures_server import FixturesServer, Web
from tests.hostile import until
from tests.integration.sites import Answer, links, redirect, serve

INLINE = Cpu(executor="inline")
NO_WAIT = Retry(wait=0)
ODD = Web(page_bytes=2000, failing_share=0.05, missing_share=0.05, moved_share=0.05, flaky_share=0.05)


def lines_of(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def url_and_links(page: Page) -> Iterator[Any]:
    yield {"url": page.url}
    yield from page.links()


async def crawl(folder: Path, *seeds: Seed, **options: Any) -> Summary:
    options = {"cpu": INLINE, "state": folder / "state", "retry": NO_WAIT, **options}
    sinks = options.pop("sinks", [JsonLines(folder / "out.jsonl")])
    async with Crawler(options.pop("parser", url_and_links), sinks=sinks, **options) as crawler:
        return await crawler.run(*seeds)


async def test_a_crawl_in_parts_is_the_crawl_in_one(tmp_path: Path) -> None:
    async with FixturesServer(replace(ODD, pages=200)) as server:
        truth = server.truth()
        for pages in (1, 20, 50, 51, None, None):
            summary = await crawl(tmp_path, server.url, limits=Limits(max_pages=pages), retry=Retry(wait=0, attempts=2))
            assert summary.fetched == (pages or 200)
        requests = dict(server.requests)
    found = [item["url"] for item in lines_of(tmp_path / "out.jsonl")]
    assert sorted(found) == sorted(truth.reachable)
    assert summary.done == len(truth.reachable) + len(truth.moved)
    assert summary.failed == len(truth.failing | truth.missing)
    assert summary.items == 200
    once = truth.reachable - truth.flaky | truth.moved.keys() | truth.missing
    assert {url: requests[url] for url in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize("order", ["breadth", "depth", lambda request: len(request.url)])
async def test_what_does_not_fit_into_the_window_is_crawled_all_the_same(tmp_path: Path, order: Any) -> None:
    pages = {"/": links(*(f"/{number}" for number in range(400)))}
    pages.update({f"/{number}": links(f"/{number}/x") for number in range(400)})
    async with serve({**pages, **{f"/{number}/x": links("/") for number in range(400)}}) as site:
        state = StateFolder(tmp_path / "state", window=10)
        summary = await crawl(tmp_path, site.url, state=state, order=order)
        asked = Counter(site.asked)
    assert (summary.done, summary.pending) == (801, 0)
    assert set(asked.values()) == {1}


async def test_leaving_a_stream_loses_nothing_that_was_not_taken(tmp_path: Path) -> None:
    taken: list[str] = []
    async with FixturesServer(Web(pages=100, page_bytes=2000)) as server:
        for most in (1, 10, 200):
            async with Crawler(url_and_links, cpu=INLINE, state=tmp_path / "state") as crawler:
                count = 0
                async for item in crawler.stream(server.url):
                    taken.append(item["url"])
                    count += 1
                    if count == most:
                        break
        truth = server.truth()
    assert set(taken) == truth.reachable


async def test_an_exception_in_a_sink_of_the_users_leaves_its_pages_pending(tmp_path: Path) -> None:
    got: list[str] = []

    def fail_once(item: dict[str, str]) -> None:
        if len(got) == 7 and item["url"] not in got:
            got.append("failed")
            raise RuntimeError("the database of the user is down")
        got.append(item["url"])

    async with FixturesServer(Web(pages=50, page_bytes=2000)) as server:
        sinks = [JsonLines(tmp_path / "out.jsonl"), fail_once]
        with pytest.raises(CrawlerError, match="the database of the user is down"):
            await crawl(tmp_path, server.url, sinks=sinks)
        summary = await crawl(tmp_path, server.url, sinks=[JsonLines(tmp_path / "out.jsonl"), fail_once])
        truth = server.truth()
    found = [item["url"] for item in lines_of(tmp_path / "out.jsonl")]
    assert sorted(found) == sorted(truth.reachable)
    assert set(got) - {"failed"} == truth.reachable  # each at least once
    assert summary.done == 50


async def test_retries_go_on_where_they_were(tmp_path: Path) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async with serve({"/": links("/busy"), "/busy": busy}) as site:
        for _ in range(2):
            await crawl(tmp_path, site.url, retry=Retry(wait=0.05, attempts=3), limits=Limits(max_pages=1))
            asked = site.asked.count("/busy")
        summary = await crawl(tmp_path, site.url, retry=Retry(wait=0.05, attempts=3))
        assert asked <= site.asked.count("/busy") == 3
    assert (summary.failed, summary.done) == (1, 1)


async def test_a_redirect_is_not_followed_again(tmp_path: Path) -> None:
    pages = {"/": links("/old"), "/old": redirect("/new"), "/new": links("/end"), "/end": links()}
    async with serve(pages) as site:
        for most in (1, 2, 3):
            summary = await crawl(tmp_path, site.url, limits=Limits(max_pages=most))
        assert site.asked == ["/", "/old", "/new", "/end"]
    assert (summary.redirects, summary.done) == (1, 4)


async def test_depth_and_parents_survive(tmp_path: Path) -> None:
    def depths(page: Page) -> Iterator[Any]:
        yield {"url": page.url, "depth": page.depth, "parent": page.request.parent}
        yield from page.links()

    async with serve({"/": links("/1"), "/1": links("/2"), "/2": links("/3"), "/3": links()}) as site:
        for most in (1, 2, 3, 4):
            await crawl(tmp_path, site.url, parser=depths, limits=Limits(max_pages=most))
        url = site.url
    assert lines_of(tmp_path / "out.jsonl") == [
        {"url": url, "depth": 0, "parent": ""},
        {"url": f"{url}1", "depth": 1, "parent": url},
        {"url": f"{url}2", "depth": 2, "parent": f"{url}1"},
        {"url": f"{url}3", "depth": 3, "parent": f"{url}2"},
    ]


async def test_all_of_a_request_survives(tmp_path: Path) -> None:
    def index(page: Page) -> Iterator[Any]:
        yield page.follow(
            "/form", method="POST", body=b"x=1", headers=(("X-Of", "form"),), label="form", metadata={"a": (1,)}
        )

    def form(page: Page) -> Iterator[Any]:
        yield {"label": page.label, "metadata": repr(page.metadata), "answer": page.text}

    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.headers['X-Of']} {await _body_of(request)}")

    async with serve({"/": links(), "/form": echo}) as site:
        for most in (1, 2):
            await crawl(tmp_path, site.url, parser=Router({"form": form}, index), limits=Limits(max_pages=most))
    assert lines_of(tmp_path / "out.jsonl") == [{"label": "form", "metadata": "{'a': (1,)}", "answer": "POST form x=1"}]


async def _body_of(request: web.Request) -> str:
    return (await request.read()).decode()


async def test_robots_txt_is_asked_for_once(tmp_path: Path) -> None:
    async def robots(_: web.Request) -> web.Response:
        asked.append("robots")
        return web.Response(text="User-agent: *\nDisallow: /private")

    asked: list[str] = []
    pages: dict[str, Answer] = {
        "/robots.txt": robots,
        "/": links("/1", "/private"),
        "/1": links("/private/2"),
        "/private": links(),
    }
    async with serve(pages) as site:
        for most in (1, 2, 3):
            summary = await crawl(tmp_path, site.url, limits=Limits(max_pages=most))
    assert asked == ["robots"]
    assert (summary.done, summary.denied) == (2, 2)


async def test_the_pause_that_a_host_asked_for_outlives_the_crawl(tmp_path: Path) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "1000"})

    polite = Politeness(delay=0.01, robots=False)
    options: dict[str, Any] = {"politeness": polite, "retry": Retry(wait=1000)}
    async with serve({"/": links("/1", "/2"), "/1": busy, "/2": links()}) as site:
        async with Crawler(url_and_links, cpu=INLINE, state=tmp_path / "state", **options) as crawler:
            crawling = asyncio.ensure_future(crawler.run(site.url))
            await until(lambda: crawler.statistics().retries == 1)
            crawler.stop()
            await crawling
        before = list(site.asked)
        summary = await crawl(tmp_path, site.url, sinks=[], limits=Limits(max_seconds=0.3), **options)
        assert site.asked == before
    assert summary.pending >= 1
    assert "/1" in before


async def test_cookies_survive(tmp_path: Path) -> None:
    async def login(_: web.Request) -> web.Response:
        answer = web.Response(text=links("/inside"), content_type="text/html")
        answer.set_cookie("session", "s3cret")
        return answer

    async def inside(request: web.Request) -> web.Response:
        return web.Response(text=request.cookies.get("session", "nobody"))

    fetch = Fetch(access=Access(cookies=Cookies()))

    def texts(page: Page) -> Iterator[Any]:
        yield page.text
        yield from page.links()

    async with serve({"/": login, "/inside": inside}) as site:
        for most in (1, 2):
            await crawl(tmp_path, site.url, parser=texts, fetch=fetch, limits=Limits(max_pages=most))
    assert lines_of(tmp_path / "out.jsonl")[-1] == "s3cret"


async def test_what_was_too_deep_is_taken_up_when_the_limit_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve({"/": links("/1"), "/1": links("/2"), "/2": links("/3"), "/3": links()}) as site:
        shallow = await crawl(tmp_path, site.url, limits=Limits(max_depth=1))
        with caplog.at_level(logging.WARNING, "crawler"):
            deeper = await crawl(tmp_path, site.url, limits=Limits(max_depth=2))
        assert site.asked == ["/", "/1", "/2"]
    assert (shallow.done, shallow.refused) == (2, 1)
    assert (deeper.done, deeper.refused) == (3, 1)
    assert "limits.max_depth was 1, and is 2" in caplog.text


async def test_counts_of_alike_urls_survive(tmp_path: Path) -> None:
    pages = {"/": links(*(f"/item/{number}" for number in range(1, 6)))}
    pages.update({f"/item/{number}": links(f"/item/{number + 100}") for number in range(1, 6)})
    async with serve(pages) as site:
        for most in (1, 50):
            summary = await crawl(tmp_path, site.url, limits=Limits(max_pages=most, max_alike=6))
    assert summary.refused == 4


async def test_the_bytes_of_all_parts_count_for_the_limit(tmp_path: Path) -> None:
    async with serve({"/": links("/1"), "/1": links("/2"), "/2": "x" * 500}) as site:
        await crawl(tmp_path, site.url, limits=Limits(max_pages=2, max_bytes=300))
        summary = await crawl(tmp_path, site.url, limits=Limits(max_bytes=300))
    assert (summary.fetched, summary.pending, summary.stopped_by) == (2, 1, "max_bytes")


async def test_two_crawls_do_not_share_a_folder(tmp_path: Path) -> None:
    async with Crawler(url_and_links, cpu=INLINE, state=tmp_path / "state"):
        with pytest.raises(StateError, match=rf"in use by process {os.getpid()}"):
            await crawl(tmp_path, "http://127.0.0.1:9/")
    assert not (tmp_path / "out.jsonl").exists()


async def test_an_output_that_the_crawl_did_not_have_is_refused(tmp_path: Path) -> None:
    precious = tmp_path / "precious.jsonl"
    async with serve({"/": links("/1"), "/1": links()}) as site:
        await crawl(tmp_path, site.url, limits=Limits(max_pages=1))
        precious.write_text("of somebody else\n")
        with pytest.raises(ConfigurationError, match=r"wrote to JsonLines out\.jsonl, and not to JsonLines precious"):
            await crawl(tmp_path, site.url, sinks=[JsonLines(precious)])
        with pytest.raises(ConfigurationError, match=r"writes to JsonLines out\.jsonl, which is missing"):
            await crawl(tmp_path, site.url, sinks=[])
        summary = await crawl(tmp_path, site.url)
    assert precious.read_text() == "of somebody else\n"
    assert summary.done == 2


async def test_an_output_that_was_changed_meanwhile_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    async with serve({"/": links("/1"), "/1": links()}) as site:
        await crawl(tmp_path, site.url, limits=Limits(max_pages=1))
        out.write_text("")
        with pytest.raises((ConfigurationError, CrawlerError), match=r"out\.jsonl"):
            await crawl(tmp_path, site.url)
        assert site.asked == ["/"]


async def test_another_folder_moved_together_with_its_output_goes_on(tmp_path: Path) -> None:
    async with serve({"/": links("/1"), "/1": links()}) as site:
        (tmp_path / "old").mkdir()
        await crawl(tmp_path / "old", site.url, limits=Limits(max_pages=1))
        (tmp_path / "old").rename(tmp_path / "new")
        await crawl(tmp_path / "new", site.url)
    assert len(lines_of(tmp_path / "new" / "out.jsonl")) == 2


async def test_every_commit_leaves_a_ledger_that_adds_up(tmp_path: Path) -> None:
    class Counting:
        """A sink that counts the URLs on the disk at each write."""

        encode = None

        def __init__(self) -> None:
            self.looked = 0

        async def open(self) -> None: ...

        async def write(self, _: list[Any]) -> None:
            import sqlite3  # noqa: PLC0415  # for this look alone

            with sqlite3.connect(f"file:{tmp_path}/state/state.sqlite?mode=ro", uri=True) as file:
                [facts] = file.execute("SELECT value FROM facts WHERE name = 'ledger'").fetchall() or [(b"[]",)]
                counts = dict(file.execute("SELECT state, count(*) FROM requests GROUP BY state").fetchall())
            file.close()
            ledger = json.loads(facts[0])
            assert sum(counts.values()) == sum(ledger)
            assert all(ledger[state] == count for state, count in counts.items())
            self.looked += 1

        async def close(self) -> None: ...

    sink: Sink = Counting()
    async with FixturesServer(replace(ODD, pages=100)) as server:
        await crawl(tmp_path, server.url, sinks=[sink])
    assert sink.looked > 0  # type: ignore[attr-defined]  # it is a Counting


async def test_a_crawl_with_a_foreign_host_goes_on_within_its_scope(tmp_path: Path) -> None:
    async with serve({"/": links("http://elsewhere.invalid/", "/1"), "/1": links("http://elsewhere.invalid/")}) as site:
        for most in (1, 2):
            summary = await crawl(tmp_path, site.url, limits=Limits(max_pages=most))
    assert (summary.refused, summary.done) == (1, 2)
    store = Store(tmp_path / "state")
    assert store.recount() == store.load().ledger
    store.close()


async def test_a_crawler_that_was_cut_off_and_crawls_again_writes_each_item_once(tmp_path: Path) -> None:
    pages = {"/": links(*(f"/{number}" for number in range(60))), **{f"/{number}": links() for number in range(60)}}
    file = tmp_path / "out.jsonl"
    async with serve(pages) as site:
        async with Crawler(url_and_links, sinks=[JsonLines(file)], cpu=INLINE, state=tmp_path / "state") as crawler:
            for _ in range(3):
                stream = crawler.stream(site.url)
                await anext(stream)
                await stream.aclose()  # its items are in the file, and not read
            await crawler.run(site.url)
        found = Counter(item["url"] for item in lines_of(file))
    assert len(found) == 61
    assert set(found.values()) == {1}


ODD_REQUESTS = {
    "metadata that does not pickle": Request("/1", metadata={"lock": threading.Lock()}),
    "half a character": Request("/1", label="\udc80"),
}


@pytest.mark.parametrize("name", ODD_REQUESTS)
async def test_a_request_that_cannot_be_written_down_fails_its_page_and_leaves_the_state_whole(
    tmp_path: Path, name: str
) -> None:
    async def parse(page: Page) -> AsyncIterator[Request]:
        if page.depth == 0:
            yield Request("/2", priority=1)
            yield ODD_REQUESTS[name]
            yield Request("/3", priority=1)

    async with serve({f"/{name}": links() for name in ("", 1, 2, 3)}) as site:
        summary = await crawl(tmp_path, site.url, parser=parse, sinks=[])
        assert (summary.done, summary.failed, summary.errors) == (1, 1, {"ParseError": 1})
        summary = await crawl(tmp_path, site.url + "1", parser=parse, sinks=[])
        assert (summary.discovered, summary.done, summary.failed) == (4, 3, 1)


async def test_a_seed_that_cannot_be_written_down_is_an_error_of_the_caller(tmp_path: Path) -> None:
    seed = Request("http://127.0.0.1:9/", metadata={"lock": threading.Lock()})
    with pytest.raises(ConfigurationError, match="cannot be saved in the state folder: TypeError"):
        await crawl(tmp_path, seed)


class Gone:
    """A type that a later run of the crawl does not have any more."""


async def test_metadata_that_cannot_be_read_back_is_named_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(page: Page) -> Iterator[Request]:
        if page.depth == 0:
            yield Request("/1", metadata={"gone": Gone()})

    async with serve({"/": links(), "/1": links()}) as site:
        await crawl(tmp_path, site.url, parser=parse, sinks=[], limits=Limits(max_pages=1))
        with monkeypatch.context() as patch:
            patch.delattr(sys.modules[__name__], "Gone")
            with pytest.raises(StateError, match=r"the request for .*/1 cannot be read back .*AttributeError"):
                await crawl(tmp_path, site.url, parser=parse, sinks=[])
        summary = await crawl(tmp_path, site.url, parser=parse, sinks=[])
    assert (summary.done, summary.pending) == (2, 0)


async def test_seeds_that_are_not_read_again_yet_still_belong_to_the_crawl(tmp_path: Path) -> None:
    paths = [f"/{number}" for number in range(10_300)]  # more than may wait while seeds are read
    many = {"/": links(*paths), **dict.fromkeys(paths, links())}
    async with serve(many) as large, serve({"/": links("/1"), "/1": links("/2"), "/2": links()}) as small:
        for pages in (2, 300):
            seeds, limits = iter([large.url, small.url]), Limits(max_alike=None, max_pages=pages)
            await crawl(tmp_path, seeds, scope=Scope(within="origin"), limits=limits)
        assert small.asked == ["/", "/1", "/2"]


async def test_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    sinks = [JsonLines(tmp_path / "out.jsonl"), JsonLines(tmp_path / "other" / "out.jsonl")]
    async with serve({"/": links()}) as site:
        with pytest.raises(ConfigurationError, match=r"two outputs are called JsonLines out\.jsonl"):
            await crawl(tmp_path, site.url, sinks=sinks)
        assert site.asked == []
