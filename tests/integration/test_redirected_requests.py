"""A redirect continues its request: what a request is stays true over its hops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import (
    Access,
    Cookies,
    Cpu,
    Crawler,
    Failure,
    Fetch,
    JsonLines,
    Limits,
    Page,
    Reparser,
    Request,
    Retry,
    Rewriting,
    Scope,
    State,
    StateFolder,
    Summary,
)
from crawler.policy.rewriting import TRACKING
from crawler.state.explanation import explain
from crawler.state.reading import Reading
from tests.integration.sites import Answer, Site, links, redirect, serve

INLINE = Cpu(executor="inline")
WITH_COOKIES = Fetch(access=Access(cookies=Cookies()))
COOKIE = {"Set-Cookie": "seen=1; Path=/"}


def urls(page: Page) -> Iterator[Any]:
    yield page.url
    yield from page.links()


def unless_known(page: str, location: str) -> Answer:
    """Answer with ``page`` to who has the cookie; redirect all others."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "seen=1" in request.headers.get("Cookie", ""):
            return web.Response(text=page, content_type="text/html")
        headers = {"Location": location} | (COOKIE if location == request.path else {})
        return web.Response(status=302, headers=headers)

    return answer


def sets_the_cookie(location: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location} | COOKIE)

    return answer


async def crawled(
    site: Site, *seeds: str | Request, parser: Any = urls, **options: Any
) -> tuple[list[str], Summary, list[Failure]]:
    """Return the paths of the pages, in the order of their delivery, and what is told of the crawl."""
    found: list[str] = []
    given: dict[str, Any] = {"cpu": INLINE, "retry": Retry(wait=0), "sinks": [found.append]} | options
    crawler = Crawler(parser, **given)
    async with crawler:
        summary = await crawler.run(*(seeds or (site.url,)))
    assert summary.discovered == sum((summary.done, summary.failed, summary.refused, summary.denied, summary.pending))
    return [url.removeprefix(site.url.removesuffix("/")) for url in found], summary, list(crawler.failures)


# ── with cookies ──


@pytest.mark.parametrize("as_seed", [True, False], ids=["seed", "link"])
async def test_a_wall_that_sets_a_cookie_and_redirects_to_itself_is_passed(as_seed: bool) -> None:
    async with serve({"/": links("/wall"), "/wall": unless_known(links(), "/wall")}) as site:
        paths, summary, failures = await crawled(site, site.url + "wall" if as_seed else site.url, fetch=WITH_COOKIES)
        assert site.asked.count("/wall") == 2
    assert paths == (["/wall"] if as_seed else ["/", "/wall"])
    assert (summary.done, summary.redirects, failures) == (len(paths), 1, [])


@pytest.mark.parametrize("as_seed", [True, False], ids=["seed", "link"])
@pytest.mark.parametrize("linked", [(), ("/set",)], ids=["hidden", "linked"])
async def test_a_page_that_redirects_over_a_setter_of_cookies_and_back_comes_once(
    as_seed: bool, linked: tuple[str, ...]
) -> None:
    pages = {"/": links("/deep", *linked), "/deep": unless_known(links(), "/set"), "/set": sets_the_cookie("/deep")}
    async with serve(pages) as site:
        paths, _, failures = await crawled(site, site.url + "deep" if as_seed else site.url, fetch=WITH_COOKIES)
    assert paths == (["/deep"] if as_seed else ["/", "/deep"])
    assert failures == []


async def test_all_pages_behind_a_consent_page_come(tmp_path: Path) -> None:
    names = [f"/{number}" for number in range(30)]

    async def consent(request: web.Request) -> web.StreamResponse:
        return web.Response(status=303, headers={"Location": request.query["back"]} | COOKIE)

    pages = {name: unless_known(links(*names), f"/consent?back={name}") for name in names}
    async with serve({**pages, "/": links(*names), "/consent": consent}) as site:
        paths, summary, failures = await crawled(site, fetch=WITH_COOKIES, state=tmp_path, sinks=[])
        assert (summary.fetched, failures, paths) == (31, [], [])


async def test_redirects_without_end_fail_in_spite_of_cookies() -> None:
    async with serve({"/": redirect("/a"), "/a": sets_the_cookie("/")}) as site:
        _, summary, [failure] = await crawled(site, fetch=WITH_COOKIES)
        assert len(site.asked) == 11
    assert failure.error == "TooManyRedirectsError"
    assert failure.url == site.url
    assert summary.failed == 1


async def test_the_page_behind_a_login_is_fetched_again_with_the_session() -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield f"{page.url}#{page.label}"
        if not page.label and page.url.endswith("/"):
            yield page.follow("/login", method="POST", body=b"user=me", label="welcome")
        yield from page.links()

    async with serve({"/": unless_known(links("/inside"), "/welcome"), "/welcome": links()}) as site:

        async def home(request: web.Request) -> web.StreamResponse:
            known = "seen=1" in request.headers.get("Cookie", "")
            return web.Response(text=links("/inside") if known else links("/"), content_type="text/html")

        site.pages |= {"/": home, "/login": sets_the_cookie("/"), "/inside": links()}
        paths, summary, failures = await crawled(site, parser=parse, fetch=WITH_COOKIES)
    assert paths == ["/#", "/#welcome", "/inside#"]
    assert (summary.done, failures) == (3, [])


async def test_a_get_that_leads_to_a_known_page_does_not_bring_it_twice() -> None:
    pages = {"/": links("/a", "/b"), "/a": links(), "/b": redirect("/a")}
    async with serve(pages) as site:
        paths, summary, failures = await crawled(site, fetch=WITH_COOKIES)
    assert sorted(paths) == ["/", "/a"]
    assert (summary.done, failures) == (3, [])


# ── loops ──


@pytest.mark.parametrize("linked", [("/a",), ("/a", "/b"), ("/b", "/a")], ids=["one", "both", "turned"])
async def test_a_loop_of_redirects_found_on_a_page_is_a_failure_that_names_both(linked: tuple[str, ...]) -> None:
    async with serve({"/": links(*linked), "/a": redirect("/b"), "/b": redirect("/a")}) as site:
        paths, _, failures = await crawled(site)
    assert paths == ["/"]
    assert [failure.error for failure in failures] == ["ProtocolError"]
    assert "redirect loop" in failures[0].message
    assert all(f"{site.url}{name}" in str(failures[0]) for name in "ab")


async def test_a_redirect_of_a_page_to_itself_is_a_failure() -> None:
    async with serve({"/": redirect("/")}) as site:
        paths, summary, [failure] = await crawled(site)
        assert site.asked == ["/"]
    assert (paths, summary.failed) == ([], 1)
    assert "redirects to itself" in failure.message
    assert "Cookies()" in failure.message


async def test_a_form_that_leads_back_to_itself_is_no_loop() -> None:
    async def login(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response(status=302, headers={"Location": "/login"})
        return web.Response(text=links(), content_type="text/html")

    async with serve({"/login": login}) as site:
        paths, _, failures = await crawled(site, Request(f"{site.url}login", "POST", body=b"x"))
    assert (paths, failures) == (["/login"], [])


# ── a seed stays a seed ──


async def test_a_seed_that_leaves_the_scope_over_two_hops_is_told_like_one_that_does_it_in_one() -> None:
    async with serve({"/": redirect("/x"), "/x": redirect("http://www.elsewhere.invalid/")}) as site:
        _, summary, [failure] = await crawled(site)
    assert (failure.url, failure.error, failure.parent) == (site.url, "OutOfScopeError", "")
    assert f"redirected to {site.url}x: redirects to http://www.elsewhere.invalid/" in failure.message
    assert "widen the scope" in failure.message
    assert (summary.refused, summary.done) == (1, 0)


@pytest.mark.parametrize("hops", [1, 2])
async def test_a_seed_that_is_redirected_to_what_robots_txt_forbids_is_told(hops: int) -> None:
    pages = {"/robots.txt": "User-agent: *\nDisallow: /no\n", "/": redirect("/x" if hops == 2 else "/no")}
    async with serve({**pages, "/x": redirect("/no"), "/no": links()}) as site:
        _, summary, [failure] = await crawled(site)
        assert "/no" not in site.asked
    assert (failure.url, failure.error, summary.denied) == (site.url, "RobotsDeniedError", 1)
    assert failure.message == f"redirected to {site.url}no: robots.txt forbids it"


@pytest.mark.parametrize("target", ["http://www.elsewhere.invalid/", "/no"])
async def test_a_link_that_leads_to_what_is_not_fetched_leaves_a_reason(target: str) -> None:
    pages = {"/robots.txt": "User-agent: *\nDisallow: /no\n", "/": links("/out"), "/out": redirect(target)}
    async with serve(pages) as site:
        paths, summary, [failure] = await crawled(site)
    assert (paths, failure.url, failure.parent) == (["/"], f"{site.url}out", site.url)
    assert target in failure.message
    assert summary.refused + summary.denied == 1


async def test_a_redirect_is_as_deep_as_the_link_was() -> None:
    pages = {"/": links("/1"), "/1": redirect("/2"), "/2": redirect("/3"), "/3": links("/4"), "/4": links("/5")}
    async with serve(pages) as site:
        paths, _, _ = await crawled(site, limits=Limits(max_depth=2))
    assert paths == ["/", "/3", "/4"]


async def test_metadata_and_label_go_with_the_request() -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield f"{page.url}#{page.label}{page.metadata.get('n', '')}"

    async with serve({"/": redirect("/a"), "/a": redirect("/b"), "/b": links()}) as site:
        paths, _, _ = await crawled(site, Request(site.url, label="l", metadata={"n": 1}), parser=parse)
    assert paths == ["/b#l1"]


async def test_attempts_are_counted_over_all_hops() -> None:
    fails = {"/": 1, "/a": 9}

    def flaky(location: str) -> Answer:
        async def answer(request: web.Request) -> web.StreamResponse:
            fails[request.path] -= 1
            if fails[request.path] >= 0:
                return web.Response(status=503)
            return web.Response(status=302, headers={"Location": location})

        return answer

    async with serve({"/": flaky("/a"), "/a": flaky("/b")}) as site:
        _, _, [failure] = await crawled(site, retry=Retry(wait=0, attempts=3))
        assert site.asked == ["/", "/", "/a", "/a"]
    assert failure.attempts == 3


# ── spelling ──


async def test_the_target_of_a_redirect_has_the_canonical_spelling() -> None:
    pages = {"/": links("/go", "/mail", "/p?a=2&amp;b=1", "/q"), "/go": redirect("/p?b=1&a=2"), "/p": links()}
    pages |= {"/mail": redirect("/q?utm_source=mail"), "/q": links()}
    async with serve(pages) as site:
        scope = Scope(rewriting=Rewriting(sort_query=True, drop=TRACKING))
        paths, _, failures = await crawled(site, scope=scope)
        assert site.asked.count("/p") == site.asked.count("/q") == 1
    assert sorted(paths) == ["/", "/p?a=2&b=1", "/q"]
    assert failures == []


async def test_a_server_that_insists_on_its_own_spelling_gets_it() -> None:
    async def insists(request: web.Request) -> web.StreamResponse:
        if request.query_string == "b=1&a=2":
            return web.Response(text=links(), content_type="text/html")
        return web.Response(status=301, headers={"Location": "/p?b=1&a=2"})

    async with serve({"/": links("/p?b=1&amp;a=2"), "/p": insists}) as site:
        paths, _, failures = await crawled(site, scope=Scope(rewriting=Rewriting(sort_query=True)))
    assert (paths, failures) == (["/", "/p?b=1&a=2"], [])


# ── one page, once ──


@pytest.mark.parametrize("order", ["breadth", "depth"])
async def test_any_number_of_redirects_to_one_page_bring_it_once(order: Any) -> None:
    pages: dict[str, Answer] = {f"/{number}": redirect("/page") for number in range(20)}
    async with serve({**pages, "/": links(*pages), "/page": links("/page", "/1")}) as site:
        paths, summary, failures = await crawled(site, order=order)
    assert sorted(paths) == ["/", "/page"]
    assert (summary.done, failures) == (22, [])


async def test_a_redirect_to_a_page_that_is_known_does_not_fetch_it_again() -> None:
    pages = {"/": links("/page", "/a", "/b"), "/page": links(), "/a": redirect("/page"), "/b": redirect("/page")}
    async with serve(pages) as site:
        await crawled(site)
        assert site.asked.count("/page") == 1


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_the_limit_of_pages_counts_delivered_pages(most: int) -> None:
    pages = {"/": links("/a", "/b"), "/a": redirect("/x"), "/b": redirect("/x"), "/x": links("/c"), "/c": links()}
    async with serve(pages) as site:
        paths, summary, _ = await crawled(site, limits=Limits(max_pages=most), fetch=Fetch(concurrency=1))
    assert len(paths) == summary.fetched == most


async def test_a_crawl_that_stops_between_two_hops_brings_the_page_once_when_it_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def parse(page: Page) -> Iterator[Any]:
        yield {"url": page.url, "parent": page.request.parent}
        yield from page.links()

    asked: list[str] = []
    pages: dict[str, Answer] = {"/": links("/a", "/b"), "/a": redirect("/x"), "/b": links(), "/x": links("/b")}
    async with serve(pages) as site:
        for most in (1, 2, 3, None):
            options: dict[str, Any] = {"limits": Limits(max_pages=most), "fetch": Fetch(concurrency=1)}
            async with Crawler(
                parse, cpu=INLINE, state=tmp_path / "state", sinks=[JsonLines(out)], **options
            ) as crawler:
                summary = await crawler.run(site.url)
            asked = site.asked
    found = [json.loads(line)["url"].removeprefix(site.url) for line in out.read_text().splitlines()]
    assert sorted(found) == ["", "b", "x"]
    assert (summary.done, summary.pending) == (4, 0)
    assert asked.count("/x") <= 2


@pytest.mark.parametrize("fetch", [Fetch(), WITH_COOKIES], ids=["plain", "cookies"])
async def test_two_requests_that_race_to_one_page_bring_it_once(fetch: Fetch) -> None:
    both = asyncio.Event()
    asked: list[str] = []

    async def target(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if len(asked) == 2:
            both.set()
        await both.wait()
        return web.Response(text=links("/after"), content_type="text/html")

    pages = {"/a": redirect("/t"), "/b": redirect("/t"), "/t": target, "/after": links("/t")}
    async with serve(pages) as site:
        paths, summary, failures = await crawled(site, f"{site.url}a", f"{site.url}b", fetch=fetch)
    assert (sorted(paths), len(asked)) == (["/after", "/t"], 2)
    assert (failures, summary.done, summary.discovered) == ([], 4, 4)


async def test_a_page_that_led_elsewhere_comes_where_a_later_redirect_reaches_it() -> None:
    pages = {
        "/": links("/account"),
        "/account": unless_known(links(), "/please"),
        "/please": links("/login"),
        "/login": sets_the_cookie("/account"),
    }
    async with serve(pages) as site:
        paths, _, failures = await crawled(site, fetch=WITH_COOKIES)
    assert (sorted(paths), failures) == (["/", "/account", "/please"], [])


async def test_saved_pages_at_the_end_of_redirects_are_parsed_again_with_their_own_urls(tmp_path: Path) -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield page.url
        yield from page.links()
        if page.url.endswith("/form"):
            yield page.follow("/login", method="POST", body=b"x=1")

    pages = {"/": links("/old", "/form"), "/old": redirect("/new"), "/new": links(), "/form": links()}
    async with serve({**pages, "/login": redirect("/")}) as site:
        state = StateFolder(tmp_path / "state", keep_bodies=True)
        await crawled(site, parser=parse, state=state, sinks=[])
    found: list[Any] = []
    async with Reparser(tmp_path / "state", urls, cpu=INLINE, sinks=[found.append]) as reparser:
        await reparser.run()
    assert sorted(found) == sorted([site.url, site.url, f"{site.url}form", f"{site.url}new"])


async def test_what_robots_txt_forbids_behind_a_redirect_is_explained_by_that_robots_txt(tmp_path: Path) -> None:
    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: *\nDisallow: /private/\n")

    pages: dict[str, Answer] = {"/": links("/go"), "/go": redirect("/private/x"), "/robots.txt": robots}
    async with serve(pages) as site:
        async with Crawler(urls, state=tmp_path, cpu=INLINE) as crawler:
            await crawler.run(site.url)
        with closing(Reading(tmp_path)) as reading:
            [found] = explain(reading, f"{site.url}go")
    assert (found.state, found.robots is not None and found.robots.rule) == (State.DENIED, "Disallow: /private/")
    assert found.robots is not None
    assert not found.robots.permits
