from __future__ import annotations

from contextlib import nullcontext
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from crawler.errors import (
    BodyTooLargeError,
    ContentTypeError,
    LimitReachedError,
    NotCachedError,
    ProtocolError,
    StatusError,
)
from crawler.fetching.cache import open_cache
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.fetching.fetcher import open_fetcher
from crawler.fetching.guard import AddressGuard
from crawler.models import Request
from crawler.policy.bodies import Beginning, Bodies, BodyRule
from crawler.policy.caching import Cache
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
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


# ── fresh ──


async def test_what_is_fresh_is_served_without_asking_and_costs_nothing(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", b"<p>hello</p>", Cache_Control="max-age=60", Content_Type="text/html")
    budget, answers = ByteBudget(), [0]

    def answered() -> None:
        answers[0] += 1

    async with caching(path, clock=clock) as cache:
        first = await cache.fetch(Request(url, label="one"), budget, None, answered)
        clock.now += 59
        second = await cache.fetch(Request(url, label="two", depth=3), budget, None, answered)
        assert cache.statistics() == CacheStatistics(served=1, fetched=1)
    assert site.asked_for == ["GET /"]
    assert (budget.spent, answers) == (12, [1])
    assert (second.url, second.body, second.status) == (url, first.body, 200)
    assert (second.label, second.depth) == ("two", 3)
    assert second.header("age") == "59"
    assert second.content_type == "text/html"
    assert dict(second.headers)["date"] == dict(first.headers)["date"]


async def test_it_is_served_to_the_next_crawl_too(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", Cache_Control="max-age=60")
    for _ in range(2):
        async with caching(path, clock=clock) as cache:
            assert (await fetch(cache, url)).body == b"page"
    assert site.asked_for == ["GET /"]


async def test_what_the_server_made_long_ago_is_guessed_to_be_fresh(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", Last_Modified=LONG_AGO)
    async with caching(path, clock=clock) as cache:
        for _ in range(2):
            await fetch(cache, url)
            clock.now += 80_000
        assert len(site.asked) == 1
        await fetch(cache, url)
    assert len(site.asked) == 2


# ── stale ──


async def test_what_is_stale_is_asked_for_with_its_validators_and_confirmed(
    site: Site, path: Path, clock: Clock
) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="max-age=60", Content_Type="text/html", X_Old="1")
    budget = ByteBudget()
    async with caching(path, clock=clock) as cache:
        await cache.fetch(Request(url), budget)
        site.put("/", ETag='"1"', Cache_Control="max-age=100", X_New="2")
        clock.now += 61
        page = await cache.fetch(Request(url, headers=(("X", "y"),)), budget)
        assert last_header(site, "If-None-Match") == '"1"'
        assert page.request.headers == (("X", "y"),)
        assert (page.body, page.status, page.content_type) == (b"page", 200, "text/html")
        assert (page.header("x-old"), page.header("x-new"), page.header("cache-control")) == ("1", "2", "max-age=100")
        assert budget.spent == 4
        clock.now += 99
        assert (await cache.fetch(Request(url), budget)).body == b"page"
        assert len(site.asked) == 2
        assert cache.statistics() == CacheStatistics(served=1, confirmed=1, fetched=1)


async def test_what_changed_takes_the_place_of_the_old(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", b"old", Last_Modified=LONG_AGO, Cache_Control="max-age=60")
    async with caching(path, clock=clock) as cache:
        await fetch(cache, url)
        clock.now += 61
        site.put("/", b"new", ETag='"2"', Cache_Control="max-age=60")
        page = await fetch(cache, url)
        assert last_header(site, "If-Modified-Since") == LONG_AGO
        assert (page.body, page.request.headers) == (b"new", ())
        assert (await fetch(cache, url)).body == b"new"
        assert len(site.asked) == 2


async def test_what_must_be_asked_for_each_time_is(site: Site, path: Path) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="no-cache, max-age=60")
    async with caching(path) as cache:
        for _ in range(3):
            assert (await fetch(cache, url)).body == b"page"
        assert cache.statistics() == CacheStatistics(confirmed=2, fetched=1)


async def test_what_cannot_be_validated_is_fetched_again(site: Site, path: Path) -> None:
    url = site.put("/")
    async with caching(path) as cache:
        for _ in range(2):
            await fetch(cache, url)
            assert last_header(site, "If-None-Match") is None
        assert cache.statistics() == CacheStatistics(fetched=2)


async def test_a_304_about_something_else_is_not_believed(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", b"old", ETag='"1"')

    async def confused(request: web.Request) -> web.Response:
        return web.Response(
            status=304 if "If-None-Match" in request.headers else 200, headers={"ETag": '"2"'}, body=b"new"
        )

    async with caching(path, clock=clock) as cache:
        await fetch(cache, url)
        site.handlers["/"] = confused
        assert (await fetch(cache, url)).body == b"new"
        assert len(site.asked) == 3


async def test_a_304_that_nobody_asked_for_is_an_error(site: Site, path: Path) -> None:
    url = site.put("/", status=304)
    async with caching(path) as cache:
        for _ in range(2):
            with pytest.raises(StatusError, match="304"):
                await fetch(cache, url)
        assert last_header(site, "If-None-Match") is None


async def test_a_clock_that_was_put_back_makes_nothing_fresh(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="max-age=60")
    clock.now += 10 * 365 * 86_400
    async with caching(path, clock=clock) as cache:
        await fetch(cache, url)
        clock.now -= 10 * 365 * 86_400
        assert (await fetch(cache, url)).body == b"page"
        assert len(site.asked) == 2


# ── what servers and requests ask for ──


@pytest.mark.parametrize("cache_control", ["no-store", "no-store, max-age=60"])
async def test_what_is_not_to_be_kept_is_not_and_what_was_is_forgotten(
    site: Site, path: Path, clock: Clock, cache_control: str
) -> None:
    url = site.put("/", b"old", Cache_Control="max-age=60")
    async with caching(path, clock=clock) as cache:
        await fetch(cache, url)
        clock.now += 61
        site.put("/", b"new", Cache_Control=cache_control)
        for number in range(2, 4):
            assert (await fetch(cache, url)).body == b"new"
            assert len(site.asked) == number
    async with replaying(path) as replay:
        with pytest.raises(NotCachedError):
            await fetch(replay, url)


async def test_it_is_a_private_cache_and_each_credential_has_its_own_pages(site: Site, path: Path) -> None:
    url = site.put("/", b"everybody's", Cache_Control="private, max-age=60")
    async with caching(path) as cache:
        await fetch(cache, url)
        site.put("/", b"mine", Cache_Control="private, max-age=60")
        mine: dict[str, Any] = {"headers": (("Authorization", "Basic bWU="),)}
        assert (await fetch(cache, url, **mine)).body == b"mine"
        assert (await fetch(cache, url)).body == b"everybody's"
        assert (await fetch(cache, url, **mine)).body == b"mine"
        assert len(site.asked) == 2


async def test_pages_in_two_languages_are_two_pages(site: Site, path: Path) -> None:
    fields: dict[str, Any] = {"Cache_Control": "max-age=60", "Vary": "Accept-Language, Accept-Encoding"}
    async with caching(path) as cache:
        for body, language in [(b"Hallo", "de"), (b"hello", "en")] * 2:
            url = site.put("/", body, **fields)
            assert (await fetch(cache, url, headers=(("Accept-Language", language),))).body == body
        assert len(site.asked) == 2


async def test_fields_of_the_session_count_as_those_of_the_request(site: Site, path: Path) -> None:
    url = site.put("/", Cache_Control="max-age=60", Vary="User-Agent")
    for agent in ("one", "two", "one"):
        async with caching(path, User_Agent=agent) as cache:
            await fetch(cache, url)
    async with caching(path, User_Agent="three") as cache:
        await fetch(cache, url, headers=(("user-agent", "one"),))
    async with caching(path, User_Agent="one") as cache:
        await fetch(cache, url, headers=(("X", "y"),))
    assert len(site.asked) == 2


async def test_a_request_may_insist(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="max-age=60")
    async with caching(path, clock=clock) as cache:
        await fetch(cache, url)
        await fetch(cache, url, headers=(("Cache-Control", "no-cache"),))
        assert len(site.asked) == 2
        only: dict[str, Any] = {"headers": (("Cache-Control", "only-if-cached"),)}
        assert (await fetch(cache, url, **only)).body == b"page"
        clock.now += 61
        with pytest.raises(NotCachedError, match=url):
            await fetch(cache, url, **only)
        assert len(site.asked) == 2


@pytest.mark.parametrize("header", [("Range", "bytes=0-1"), ("If-None-Match", '"mine"')])
@pytest.mark.parametrize("mode", ["standard", "forever", "changed"])
async def test_requests_for_parts_pass_by_the_cache(site: Site, path: Path, header: tuple[str, str], mode: str) -> None:
    url = site.put("/", Cache_Control="max-age=60", ETag='"1"')
    async with caching(path, mode) as cache:
        for _ in range(2):
            await fetch(cache, url, headers=(header,))
            assert last_header(site, header[0]) == header[1]
        assert len(site.asked) == 2
    async with replaying(path) as replay:
        with pytest.raises(NotCachedError):
            await fetch(replay, url)


async def test_a_head_is_not_a_get(site: Site, path: Path) -> None:
    url = site.put("/", Cache_Control="max-age=60")
    async with caching(path) as cache:
        for _ in range(2):
            assert (await fetch(cache, url, method="HEAD")).body == b""
            assert (await fetch(cache, url)).body == b"page"
    assert site.asked_for == ["HEAD /", "GET /"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_change_makes_what_is_stored_void_if_it_succeeds(site: Site, path: Path, method: str) -> None:
    url, other, elsewhere = (site.put(path, Cache_Control="max-age=60") for path in ("/", "/other", "/elsewhere"))

    async def change(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query.get("status", "200")), headers={"Content-Location": "/other"})

    async with caching(path) as cache:
        for each in (url, other, elsewhere):
            await fetch(cache, each)
        site.handlers["/"] = change
        await fetch(cache, url, method=method, body=b"a=1")
        site.handlers.clear()
        site.asked.clear()
        for each in (url, other, elsewhere):
            await fetch(cache, each)
        assert site.asked_for == ["GET /", "GET /other"]
        site.asked.clear()
        site.put("/", status=500, Cache_Control="max-age=60")
        with pytest.raises(StatusError, match="500"):
            await fetch(cache, url, method=method)
        assert (await fetch(cache, url)).body == b"page"
        assert site.asked_for == [f"{method} /"]


async def test_it_goes_with_the_real_fetcher(site: Site, path: Path, clock: Clock) -> None:
    url = site.put("/", ETag='"1"', Cache_Control="max-age=60")
    gone = site.put("/gone", status=404, Cache_Control="max-age=60")
    guard = AddressGuard(allow_private=True)
    async with open_fetcher(Fetch(), guard) as inner, open_cache(inner, Cache(path), clock=clock) as cache:
        for _ in range(3):
            assert (await fetch(cache, url)).body == b"page"
            with pytest.raises(StatusError, match="404 Not Found"):
                await fetch(cache, gone)
            clock.now += 50
    assert [request.headers.get("If-None-Match") for request in site.asked] == [None, None, '"1"', None]


@pytest.mark.parametrize(
    ("bodies", "error"),
    [
        (Bodies(max_bytes=4, content_types=("text/html",)), None),
        (Bodies(max_bytes=3), BodyTooLargeError),
        (Bodies(content_types=("image/*",)), ContentTypeError),
    ],
)
async def test_what_is_not_wanted_any_more_is_not_served(
    site: Site, path: Path, bodies: Bodies, error: type[Exception] | None
) -> None:
    url = site.put("/", Cache_Control="max-age=60", Content_Type="text/html")
    moved = site.put("/moved", status=301, Location="/", Content_Type="text/html")
    async with caching(path) as cache:
        await fetch(cache, url)
        await fetch(cache, moved)
    async with (
        asking() as inner,
        open_cache(inner, Cache(path), bodies=bodies) as cache,
        open_cache(None, Cache(path, mode="replay"), bodies=bodies) as replay,
    ):
        for each in (cache, replay):
            with nullcontext() if error is None else pytest.raises(error, match="stored body"):
                assert (await fetch(each, url)).body == b"page"
            assert (await fetch(each, moved)).status == 301
    assert len(site.asked) == 2


@pytest.mark.parametrize("rule", [Bodies(), Beginning(9)], ids=str)
async def test_what_is_stored_is_judged_by_the_rule_of_who_asks(site: Site, path: Path, rule: BodyRule) -> None:
    """A sitemap is read of any type, whatever the user wants of pages."""
    url = site.put("/sitemap.xml", Cache_Control="max-age=60", Content_Type="application/xml")
    pages = Bodies(content_types=("text/html",))
    async with (
        asking() as inner,
        open_cache(inner, Cache(path), bodies=pages) as cache,
        open_cache(None, Cache(path, mode="replay"), bodies=pages) as replay,
    ):
        for each in (cache, cache, replay):
            assert (await each.fetch(Request(url), ByteBudget(), rule)).body == b"page"
        with pytest.raises(ContentTypeError, match="stored body"):
            await cache.fetch(Request(url), ByteBudget())
    assert len(site.asked) == 1


# ── redirects and errors ──


@pytest.mark.parametrize(
    ("status", "fields", "times"),
    [
        *((status, {}, 1) for status in (301, 308)),
        *((status, {}, 3) for status in (302, 303, 307)),
        *((status, {"Cache_Control": "max-age=60"}, 1) for status in (301, 302, 303, 307, 308)),
        (301, {"Cache_Control": "no-store"}, 3),
    ],
)
async def test_redirects_are_kept_by_their_rules(
    site: Site, path: Path, status: int, fields: dict[str, Any], times: int
) -> None:
    url = site.put("/", status=status, Location="/there", **fields)
    async with caching(path) as cache:
        for _ in range(3):
            page = await fetch(cache, url)
            assert (page.status, page.body, page.header("location")) == (status, b"", "/there")
    assert len(site.asked) == times


@pytest.mark.parametrize(("status", "times"), [(404, 1), (410, 1), (451, 1), (403, 1), (429, 3), (500, 3), (503, 3)])
async def test_errors_that_last_are_served_from_the_cache_and_others_never(
    site: Site, path: Path, status: int, times: int
) -> None:
    url = site.put("/", status=status, Cache_Control="max-age=60")
    async with caching(path) as cache:
        for _ in range(3):
            with pytest.raises(StatusError) as caught:
                await fetch(cache, url)
            assert (str(caught.value)[:3], caught.value.status) == (str(status), status)
    assert len(site.asked) == times


async def test_what_came_broken_or_over_the_budget_is_not_kept(site: Site, path: Path) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100", "Cache-Control": "max-age=60"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    site.handlers["/broken"] = broken
    large = site.put("/large", b"x" * 1000, Cache_Control="max-age=60")
    async with caching(path, "forever") as cache:
        with pytest.raises(ProtocolError):
            await fetch(cache, f"{site.url}/broken")
        with pytest.raises(LimitReachedError):
            await cache.fetch(Request(large), ByteBudget(999))
    async with replaying(path) as replay:
        for url in (f"{site.url}/broken", large):
            with pytest.raises(NotCachedError, match=url):
                await fetch(replay, url)
