"""Whole crawls that obey robots.txt and keep their distance."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from crawler import Cpu, Crawler, Failure, Fetch, Limits, Politeness, Retry, Rewriting, Scope, Summary
from tests.integration import parsers
from tests.integration.sites import Site, links, redirect, serve

pytestmark = pytest.mark.both_loops

INLINE = Cpu(executor="inline")


def status(code: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def crawled(site: Site, *, seeds: tuple[str, ...] = (), **options: object) -> tuple[Summary, list[Failure]]:
    """Crawl ``site`` from its front page."""
    given = {"cpu": INLINE, "retry": Retry(wait=0.01, max_wait=0.02), "fetch": Fetch(timeout=30)} | options
    crawler = Crawler(parsers.links_only, **given)  # type: ignore[arg-type]
    async with crawler:
        summary = await crawler.run(*(seeds or (site.url,)))
    return summary, list(crawler.failures)


# ── robots.txt ──


async def test_what_robots_txt_forbids_is_not_asked_for_and_is_counted_as_denied() -> None:
    robots = "User-agent: *\nDisallow: /private\n"
    pages = {"/robots.txt": robots, "/": links("/a", "/private/1", "/private/2"), "/a": links()}
    async with serve(pages) as site:
        summary, failures = await crawled(site)
    assert sorted(site.asked) == ["/", "/a", "/robots.txt"]
    assert (summary.done, summary.denied, summary.failed) == (2, 2, 0)
    assert failures == []  # the site's wish is no failure


async def test_a_seed_that_is_forbidden_is_told_of() -> None:
    async with serve({"/robots.txt": "User-agent: *\nDisallow: /\n"}) as site:
        summary, failures = await crawled(site)
    assert (site.asked, summary.denied) == (["/robots.txt"], 1)
    assert [str(failure).partition(": ")[2] for failure in failures] == ["RobotsDeniedError: robots.txt forbids it"]


async def test_robots_txt_is_read_once_and_before_anything_else() -> None:
    pages = {"/robots.txt": "", "/": links(*(f"/{number}" for number in range(20)))}
    async with serve(pages | {f"/{number}": links() for number in range(20)}) as site:
        summary, _ = await crawled(site)
    assert site.asked[0] == "/robots.txt"
    assert site.asked.count("/robots.txt") == 1
    assert summary.done == 21


async def test_the_rules_for_our_name_are_those_that_count() -> None:
    robots = "User-agent: *\nDisallow: /\n\nUser-agent: examplebot\nDisallow: /private\n"
    async with serve({"/robots.txt": robots, "/": links("/private")}) as site:
        summary, _ = await crawled(site, fetch=Fetch(user_agent="ExampleBot/2.1 (+https://bot.example)"))
    assert (summary.done, summary.denied) == (1, 1)


async def test_robots_txt_is_not_asked_for_where_it_is_not_to_be_obeyed() -> None:
    async with serve({"/robots.txt": "User-agent: *\nDisallow: /\n", "/": links()}) as site:
        summary, _ = await crawled(site, politeness=Politeness(robots=False))
    assert (site.asked, summary.done) == (["/"], 1)


@pytest.mark.parametrize("code", [401, 403, 404, 410])
async def test_a_site_that_has_no_robots_txt_for_us_allows_everything(code: int) -> None:
    async with serve({"/robots.txt": status(code), "/": links()}) as site:
        summary, _ = await crawled(site)
    assert summary.done == 1


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_site_that_cannot_say_what_it_allows_allows_nothing(code: int) -> None:
    async with serve({"/robots.txt": status(code), "/": links()}) as site:
        summary, failures = await crawled(site, seeds=(site.url, f"{site.url}a"))
    assert site.asked == ["/robots.txt"] * 3
    assert (summary.denied, summary.done) == (2, 0)
    assert failures[0].message.startswith(f"robots.txt cannot be had: {code}")


async def test_a_robots_txt_that_fails_at_first_is_asked_for_again() -> None:
    asked: list[int] = []

    async def flaky(_: web.Request) -> web.StreamResponse:
        asked.append(1)
        return web.Response(status=503) if len(asked) < 3 else web.Response(text="User-agent: *\nDisallow: /no\n")

    async with serve({"/robots.txt": flaky, "/": links("/no")}) as site:
        summary, _ = await crawled(site)
    assert (summary.done, summary.denied) == (1, 1)


async def test_a_site_that_never_answers_for_its_robots_txt_is_denied_and_holds_up_no_other() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with serve({"/robots.txt": never}) as silent, serve({"/": links("/a"), "/a": links()}) as site:
        summary, failures = await crawled(
            site, seeds=(silent.url, site.url), fetch=Fetch(timeout=3, concurrency=1), retry=Retry(attempts=1)
        )
    assert (summary.done, summary.denied) == (2, 1)
    assert failures[0].message.startswith("robots.txt cannot be had: ")


async def test_redirects_of_robots_txt_are_followed_five_times_and_mean_the_site_that_was_asked() -> None:
    hops = {f"/hop/{number}": redirect(f"/hop/{number + 1}") for number in range(1, 9)}
    rules = {"/hop/5": "User-agent: *\nDisallow: /no\n"}
    async with serve(hops | rules | {"/robots.txt": redirect("/hop/1"), "/": links("/no")}) as site:
        summary, _ = await crawled(site)
        assert (summary.done, summary.denied) == (1, 1)
    async with serve(hops | {"/robots.txt": redirect("/hop/1"), "/": links("/no"), "/no": links()}) as site:
        summary, _ = await crawled(site)
        assert (summary.done, summary.denied) == (2, 0)  # RFC 9309 §2.3.1.2: more of them, and there is none
        assert "/hop/6" not in site.asked


async def test_a_redirect_to_what_is_forbidden_is_not_followed() -> None:
    pages = {"/robots.txt": "User-agent: *\nDisallow: /no\n", "/": redirect("/no"), "/no": links()}
    async with serve(pages) as site:
        summary, _ = await crawled(site)
    assert "/no" not in site.asked
    assert (summary.done, summary.denied) == (0, 1)


async def test_a_server_that_is_not_there_fails_its_urls_by_that_and_not_by_its_robots_txt() -> None:
    async with serve({}) as gone:
        pass
    async with serve({"/": links()}) as site:
        summary, failures = await crawled(site, seeds=(site.url, gone.url, f"{gone.url}a"))
    assert (summary.done, summary.failed, summary.denied) == (1, 2, 0)
    assert {failure.error for failure in failures} == {"ConnectError"}


NOFOLLOW = '<meta name=robots content=nofollow><a href="/a">a</a>'
FOR_US = '<meta name=examplebot content=nofollow><a href="/a">a</a>'


@pytest.mark.parametrize("executor", ["inline", "process"])
@pytest.mark.parametrize(
    ("page", "robots", "done"), [(NOFOLLOW, True, 1), (NOFOLLOW, False, 2), (FOR_US, True, 1), (FOR_US, False, 2)]
)
async def test_pages_are_told_who_asks_and_whether_their_directives_are_obeyed(
    page: str, robots: bool, done: int, executor: Any
) -> None:
    async with serve({"/": page, "/a": links()}) as site:
        cpu, fetch = Cpu(executor=executor, workers=1), Fetch(user_agent="ExampleBot/2.1")
        summary, _ = await crawled(site, politeness=Politeness(robots=robots), cpu=cpu, fetch=fetch)
    assert summary.done == done


async def test_links_are_spelt_by_the_rules_of_the_scope() -> None:
    pages = {"/": links("/a?utm_source=x&q=1", "/a?q=1", "/index.html"), "/a": links()}
    scope = Scope(rewriting=Rewriting(drop=("utm_*",), index_files=("index.html",)))
    async with serve(pages) as site:
        summary, _ = await crawled(site, seeds=(f"{site.url}?utm_medium=y",), scope=scope)
    assert sorted(site.asked) == ["/", "/a"]
    assert (summary.discovered, summary.done) == (2, 2)


async def test_robots_txt_counts_neither_as_a_page_nor_as_a_url() -> None:
    async with serve({"/robots.txt": "", "/": links("/a", "/b")}) as site:
        summary, _ = await crawled(site, limits=Limits(max_pages=1))
    assert (summary.fetched, summary.discovered, summary.pending) == (1, 3, 2)


async def test_a_seed_that_redirects_out_of_scope_is_told_of() -> None:
    async with serve({"/": redirect("http://www.elsewhere.invalid/")}) as site:
        summary, failures = await crawled(site)
    assert (summary.done, summary.refused) == (0, 1)
    assert failures[0].error == "OutOfScopeError"
    assert "redirects to http://www.elsewhere.invalid/" in failures[0].message


# ── delays ──


@asynccontextmanager
async def hosts(count: int, robots: Callable[[int], str], pages: int) -> AsyncIterator[tuple[int, list[list[float]]]]:
    """Serve hosts of a few pages each; yield the port, and when the requests of each arrive."""
    arrivals: list[list[float]] = [[] for _ in range(count)]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        host = int(request.host.removeprefix("host").partition(".")[0])
        arrivals[host].append(time.monotonic())
        if request.path == "/robots.txt":
            return web.Response(text=robots(host))
        hrefs = [f"/{number}" for number in range(pages)] if request.path == "/" else []
        return web.Response(text=links(*hrefs), content_type="text/html")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], arrivals
    await runner.cleanup()


async def test_no_host_sees_two_requests_in_less_than_the_delay_it_asks_for() -> None:
    delays = [0.01 * (1 + host) for host in range(30)]
    async with hosts(30, lambda host: f"User-agent: *\nCrawl-delay: {delays[host]}\n", pages=3) as (port, arrivals):
        seeds = tuple(f"http://host{number}.localhost:{port}/" for number in range(30))
        summary, _ = await crawled(Site(), seeds=seeds, scope=Scope(within="host"))
    assert summary.done == 120
    for delay, times in zip(delays, arrivals, strict=True):
        assert len(times) == 5
        assert min(later - earlier for earlier, later in pairwise(times)) >= delay


async def test_no_host_sees_two_requests_in_less_than_our_delay() -> None:
    async with hosts(10, lambda _: "", pages=5) as (port, arrivals):
        seeds = tuple(f"http://host{number}.localhost:{port}/" for number in range(10))
        politeness = Politeness(delay=0.05, connections=3, jitter=0.5)
        await crawled(Site(), seeds=seeds, scope=Scope(within="host"), politeness=politeness)
    gaps = [later - earlier for times in arrivals for earlier, later in pairwise(times)]
    assert len(gaps) == 60
    assert min(gaps) >= 0.05


async def test_a_host_that_asks_for_a_pause_is_left_alone_as_a_whole() -> None:
    arrivals: dict[str, float] = {}

    async def busy(request: web.Request) -> web.StreamResponse:
        first = request.path not in arrivals
        arrivals[f"{request.path}{'' if first else ' again'}"] = time.monotonic()
        return web.Response(status=503, headers={"Retry-After": "1"}) if first else web.Response(text="")

    async def other(request: web.Request) -> web.StreamResponse:
        arrivals[request.path] = time.monotonic()
        return web.Response(text="")

    async with serve({"/busy": busy, "/other": other}) as site:
        seeds = (f"{site.url}busy", f"{site.url}other")
        summary, _ = await crawled(
            site, seeds=seeds, politeness=Politeness(connections=1), retry=Retry(wait=0.01, max_wait=5)
        )
    assert summary.done == 2
    assert arrivals["/other"] - arrivals["/busy"] >= 1.0
    assert arrivals["/busy again"] - arrivals["/busy"] >= 1.0


async def test_a_host_that_keeps_failing_is_given_up_and_its_urls_fail_without_being_asked_for() -> None:
    pages = {f"/{number}": status(500) for number in range(50)}
    async with serve(pages) as site:
        seeds = tuple(f"{site.url}{number}" for number in range(50))
        politeness = Politeness(give_up_after=5, max_delay=0.01, connections=1)
        summary, failures = await crawled(site, seeds=seeds, politeness=politeness, retry=Retry(attempts=1))
    assert len(site.asked) == 5 + 3
    assert summary.failed == 50
    assert [failure.error for failure in failures].count("HostDownError") == 42


async def test_names_of_one_address_share_its_connections() -> None:
    active = peak = 0

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal active, peak
        active += 1
        peak = max(peak, active)
        for _ in range(20):
            await asyncio.sleep(0)
        active -= 1
        return web.Response(text="")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seeds = tuple(f"http://host{number}.localhost:{runner.addresses[0][1]}/" for number in range(200))
    summary, _ = await crawled(Site(), seeds=seeds, politeness=Politeness(address_connections=3))
    await runner.cleanup()
    assert (summary.done, peak) == (200, 3)
