from __future__ import annotations

import asyncio
import pickle
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from crawler.document.page import Page
from crawler.errors import ConfigurationError, NotCachedError, StatusError
from crawler.fetching.cache import open_cache
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.models import ROBOTS
from crawler.policy.caching import Cache
from tests.cached_site import Clock, Site, asking, caching, fetch, replaying, serve_site

LONG_AGO = formatdate(0, usegmt=True)


@pytest.fixture(params=["cache.sqlite", "cache"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store that is not there yet, of each kind."""
    name: str = request.param
    return tmp_path / name


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def site(aiohttp_server: AiohttpServer, clock: Clock) -> Site:
    """A site that is being served."""
    return await serve_site(aiohttp_server, clock)


def last_header(site: Site, name: str) -> str | None:
    return site.asked[-1].headers.get(name)


# ── for ever ──


async def test_for_ever_means_that_whatever_is_stored_is_served(site: Site, path: Path, clock: Clock) -> None:
    never = site.put("/", Cache_Control="no-store, max-age=0", Vary="*")
    gone = site.put("/gone", status=404)
    async with caching(path, "forever", clock) as cache:
        for _ in range(3):
            page = await fetch(cache, never)
            assert (page.body, page.header("age")) == (b"page", "")
            with pytest.raises(StatusError, match="404 Not Found"):
                await fetch(cache, gone)
            await fetch(cache, never, method="POST", body=b"a=1")
            await fetch(cache, never, method="POST", body=b"a=2")
            clock.now += 1e9
    assert site.asked_for == ["GET /", "GET /gone", "POST /", "POST /"]


async def test_for_ever_does_not_mean_errors_that_may_pass(site: Site, path: Path) -> None:
    url = site.put("/", status=503)
    async with caching(path, "forever") as cache:
        with pytest.raises(StatusError):
            await fetch(cache, url)
        site.put("/", b"at last")
        for _ in range(2):
            assert (await fetch(cache, url)).body == b"at last"
    assert len(site.asked) == 2


async def test_the_standard_is_obeyed_with_what_another_mode_has_stored(site: Site, path: Path) -> None:
    url = site.put("/", Cache_Control="no-store, max-age=60")
    later = site.put("/later", status=503, Cache_Control="max-age=60")
    async with caching(path, "forever") as cache:
        await fetch(cache, url)
        await fetch(cache, url, method="POST")
        with pytest.raises(StatusError):
            await fetch(cache, later)
    site.asked.clear()
    async with caching(path) as cache:
        await fetch(cache, url)
        await fetch(cache, url, method="POST")
        with pytest.raises(StatusError):
            await fetch(cache, later)
    assert len(site.asked) == 3


# ── replay ──


async def test_a_replay_repeats_what_the_crawl_saw_and_opens_no_socket(site: Site, path: Path) -> None:
    page = site.put("/", b"\xff\x00 page", Content_Type="text/html; charset=x", X="café", Cache_Control="no-store")
    moved = site.put("/moved", status=302, Location="/")
    later = site.put("/later", status=503, Retry_After="7")
    gone = site.put("/gone", status=404)
    async with caching(path, "forever") as cache:
        wanted = [await outcome_of(cache, url) for url in (page, moved, later, gone)]
        wanted.append(await outcome_of(cache, page, method="POST", body=b"a=1"))
    await site.close()
    async with replaying(path) as replay:
        for _ in range(2):
            seen = [await outcome_of(replay, url) for url in (page, moved, later, gone)]
            seen.append(await outcome_of(replay, page, method="POST", body=b"a=1"))
            assert seen == wanted
        assert await replay.lookup("127.0.0.1") == ()
        with pytest.raises(NotCachedError, match=rf"GET {site.url}/other is not in the cache '{path}'"):
            await fetch(replay, f"{site.url}/other")
        with pytest.raises(NotCachedError, match="POST"):
            await fetch(replay, page, method="POST", body=b"a=2")
        with pytest.raises(NotCachedError):
            await fetch(replay, page, headers=(("Range", "bytes=0-1"),))
        assert replay.statistics() == CacheStatistics(served=10, missing=3)


async def outcome_of(cache: Any, url: str, **fields: Any) -> tuple[Any, ...]:
    try:
        page: Page = await fetch(cache, url, **fields)
    except StatusError as error:
        return (str(error), error.status, error.retry_after)
    kept = tuple(field for field in page.headers if field[0] != "connection")
    return (page.url, page.status, page.body, kept)


async def test_a_replay_serves_others_than_it_was_recorded_for(site: Site, path: Path) -> None:
    url = site.put("/", Vary="User-Agent")
    async with caching(path, "forever", User_Agent="recorder") as cache:
        await fetch(cache, url, headers=(("Authorization", "Basic bWU="),))
    async with replaying(path) as replay:
        assert (await fetch(replay, url)).body == b"page"


# ── what changed ──


async def crawl(site: Site, path: Path, *, finishes: bool = True) -> tuple[int, int, int]:
    """Crawl all pages; return how many are new, changed and unchanged."""
    said: list[bool | None] = []
    async with caching(path, "changed") as cache:
        for page in site.pages:
            try:
                got = await fetch(cache, site.url + page, label=ROBOTS if page == "/robots.txt" else "")
            except StatusError:
                continue
            if got.status < 300 and page != "/robots.txt":
                said.append(pickle.loads(pickle.dumps(got)).changed)  # noqa: S301  # as it travels to a worker
        if finishes:
            await cache.finish()
        statistics = cache.statistics()
        counted = (statistics.new, statistics.changed, statistics.unchanged)
        assert counted == (said.count(None), said.count(True), said.count(False))
        return counted


async def test_a_crawl_knows_what_changed_since_the_last(site: Site, path: Path) -> None:
    site.put("/tag", ETag='"1"', Cache_Control="max-age=60")
    site.put("/plain", Cache_Control="no-store")
    site.put("/moved", status=301, Location="/tag")  # which is no page
    site.put("/robots.txt")  # which no parser sees
    assert await crawl(site, path) == (2, 0, 0)
    site.asked.clear()
    assert await crawl(site, path) == (0, 0, 2)
    assert [request.headers.get("If-None-Match") for request in site.asked] == ['"1"', None, None, None]
    site.put("/tag", b"other", ETag='"2"')
    site.put("/new")
    assert await crawl(site, path) == (1, 1, 1)
    site.put("/tag", b"other", ETag='"3"')  # a new tag does not make a new page
    site.put("/plain", status=503)
    assert await crawl(site, path) == (0, 0, 2)
    site.put("/plain")
    assert await crawl(site, path) == (0, 0, 3)
    site.put("/plain", status=404)
    assert await crawl(site, path) == (0, 0, 2)
    site.put("/plain")
    assert await crawl(site, path) == (1, 0, 2)


async def test_what_a_crawl_that_did_not_finish_found_to_have_changed_is_found_again(site: Site, path: Path) -> None:
    site.put("/", b"old", ETag='"1"')
    await crawl(site, path)
    site.put("/", b"new", ETag='"2"')
    for _ in range(2):
        assert await crawl(site, path, finishes=False) == (0, 1, 0)
    assert await crawl(site, path) == (0, 1, 0)
    assert await crawl(site, path) == (0, 0, 1)


async def test_crawls_in_other_modes_do_not_move_the_point_of_comparison(site: Site, path: Path) -> None:
    url = site.put("/", b"old", ETag='"1"')
    await crawl(site, path)
    site.put("/", b"new", ETag='"2"')
    async with caching(path) as cache:
        assert (await fetch(cache, url)).body == b"new"
        await cache.finish()
    assert await crawl(site, path) == (0, 1, 0)


# ── what goes wrong ──


async def test_a_damaged_body_is_fetched_again(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", b"whole", ETag='"1"', Cache_Control="max-age=60", Content_Type="text/html")
    for wait in (0, 61):  # when it is fresh, and when a server confirms it
        async with caching(path, clock=clock) as cache:
            await fetch(cache, url)
        await asyncio.to_thread(damage, path)
        clock.now += wait
        async with caching(path, clock=clock) as cache:
            for _ in range(2):
                assert (await fetch(cache, url)).body == b"whole"
        clock.now += 61


def damage(path: Path) -> None:
    """Spoil all bodies, in the file or in the folder."""
    files = path.glob("??/*.html") if path.is_dir() else [path]
    for file in files:
        data = file.read_bytes()
        assert b"whole" in data
        file.write_bytes(data.replace(b"whole", b"wh0le"))


async def test_a_cache_that_cannot_be_written_does_not_end_a_crawl(site: Site, tmp_path: Path) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="max-age=60")
    path = tmp_path / "cache"
    async with caching(path) as cache:
        (path / "unfinished").rmdir()
        (path / "unfinished").write_text("in the way")
        for _ in range(3):
            assert (await fetch(cache, url)).body == b"page"
        assert len(site.asked) == 3
        assert cache.statistics() == CacheStatistics(fetched=3, is_broken=True)


async def test_many_may_ask_for_the_same_at_once(site: Site, path: Path) -> None:
    url = site.put("/", b"x" * 100_000, Cache_Control="max-age=60")
    async with caching(path) as cache:
        pages = await asyncio.gather(*(fetch(cache, url) for _ in range(20)))
        assert {page.body for page in pages} == {b"x" * 100_000}
        asked = len(site.asked)
        assert (await fetch(cache, url)).body == b"x" * 100_000
        assert len(site.asked) == asked


@pytest.mark.parametrize("mode", ["standard", "forever", "changed"])
async def test_cancelled_in_the_middle_it_leaves_no_half_page(site: Site, path: Path, mode: str) -> None:
    begun, hung_up = asyncio.Event(), asyncio.Event()

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "max-age=60"})
        await response.prepare(request)
        await response.write(b"half")
        begun.set()
        await hung_up.wait()
        return response

    url = f"{site.url}/"
    site.handlers["/"] = half
    async with caching(path, mode) as cache:
        task = asyncio.ensure_future(fetch(cache, url))
        await begun.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        hung_up.set()
        site.handlers.clear()
        site.put("/", b"whole")
        assert (await fetch(cache, url)).body == b"whole"


async def test_a_name_that_cannot_be_looked_up_may_still_be_in_the_cache(path: Path) -> None:
    async with caching(path) as cache:
        assert await cache.lookup("site.example") == ("127.0.0.1",)
        assert await cache.lookup("nowhere.example") == ()


@pytest.mark.parametrize("mode", ["standard", "forever", "changed"])
async def test_who_has_no_fetcher_can_only_replay(path: Path, mode: Any) -> None:
    with pytest.raises(ConfigurationError, match="replay"):
        async with open_cache(None, Cache(path, mode=mode)):
            pass


async def test_a_replay_asks_nobody_even_where_there_is_somebody(site: Site, path: Path) -> None:
    url = site.put("/")
    async with caching(path):
        pass
    async with asking() as inner, open_cache(inner, Cache(path, mode="replay")) as cache:
        with pytest.raises(NotCachedError):
            await fetch(cache, url)
    assert site.asked == []
