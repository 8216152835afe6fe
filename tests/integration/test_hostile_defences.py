"""What a crawler must not do, whatever servers try: go inside, give away credentials, mix up answers, hurry."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from crawler import (
    Access,
    Basic,
    Bearer,
    Cookies,
    Crawler,
    Fetch,
    Network,
    Page,
    Politeness,
    Request,
    Retry,
    Scope,
    sitemap,
)
from fixtures_server import HostileServer
from fixtures_server.hostile import DISGUISES, shortest_gaps
from fixtures_server.hostile.framing import POISON
from tests.integration.hostile_outcomes import HASTY, INLINE, crawled, following, of_one, refused

pytestmark = pytest.mark.both_loops


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer(tls=False) as server:
        yield server


# ── internal addresses ──


@pytest.mark.parametrize("way", ["/internal/links", "/internal/sitemap.xml", "/internal/sitemap-index.xml"])
async def test_every_disguise_is_refused_as_a_link_or_in_a_sitemap(server: HostileServer, way: str) -> None:
    url = server.url_of(way)
    crawl = await crawled(server, [sitemap(url) if ".xml" in way else following(url)], scope=Scope("any"))
    assert len(refused(crawl)) == len(DISGUISES)
    assert crawl.internal == 0
    assert any("/internal/honest/" in url for url in crawl.urls)


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("way", ["redirect", "refresh"])
async def test_every_disguise_is_refused_as_a_redirect_or_a_refresh(server: HostileServer, way: str, name: str) -> None:
    crawl = await crawled(server, [following(server.url_of(f"/internal/{way}/{name}"))], scope=Scope("any"))
    [failure] = [failure for failure in crawl.failures if failure.error == "BlockedAddressError"]
    url = failure.message.split()[2] if way == "redirect" else failure.url
    assert url.rstrip(":").endswith(f"/internal-secret/{name}")
    assert crawl.internal == 0


async def test_nothing_is_refused_by_mistake_where_everything_is_crawled(server: HostileServer) -> None:
    crawl = await crawled(server, [following(server.url_of("/internal/everything"))], scope=Scope("any"))
    assert len(refused(crawl)) == 2 * len(DISGUISES)  # as links, and as redirects
    assert crawl.internal == 0
    assert server.url_of("/internal/honest/3") in crawl.urls


# ── credentials ──

SECRETS = {"authorization", "cookie", "proxy-authorization", "x-token"}


def secrets_seen(server: HostileServer, origin: str) -> set[str]:
    """The header fields with secrets that arrived at an origin."""
    netloc = origin.split("/")[2]
    fields = [dict(seen.fields) for seen in server.log if seen.host == netloc]
    assert fields, f"nobody came to {netloc}"
    return {name for sent in fields for name in sent} & SECRETS


@pytest.mark.parametrize("way", ["to-other-port", "to-other-host", "there-and-back"])
async def test_credentials_stay_with_their_origin(server: HostileServer, way: str) -> None:
    ours = server.url.rstrip("/")
    access = Access(credentials={ours: Basic("me", "secret")}, headers={ours: {"X-Token": "secret"}}, cookies=Cookies())
    own = Request(server.url_of(f"/redirects/{way}"), headers=(("Authorization", "Bearer mine"), ("Cookie", "mine=1")))
    seeds: list[str | Request] = [server.url_of("/cookies/honest"), server.url_of("/cookies/check"), own]
    fetch = Fetch(timeout=30, access=access, network=Network(allow_private=True))
    await crawled(server, seeds, fetch=fetch, scope=Scope("any"))
    assert secrets_seen(server, server.url) >= {"authorization", "x-token"}
    other = f"http://elsewhere.localhost:{server.port}/" if way == "to-other-host" else server.places.other_url
    assert secrets_seen(server, other) == set()


async def test_a_password_in_a_redirect_is_not_sent(server: HostileServer) -> None:
    await crawled(server, [server.url_of("/redirects/to-userinfo")])
    assert secrets_seen(server, server.url) == set()


@pytest.mark.parametrize("status", ["401", "407"])
async def test_whoever_asks_for_a_password_gets_none(server: HostileServer, status: str) -> None:
    other = Access(credentials={server.places.other_url.rstrip("/"): Bearer("secret")})
    await crawled(server, [server.url_of(f"/statuses/{status}")], fetch=Fetch(timeout=30, access=other))
    assert secrets_seen(server, server.url) == set()


async def test_cookies_of_one_host_reach_its_site_and_nobody_else(server: HostileServer) -> None:
    fetch = Fetch(timeout=30, access=Access(cookies=Cookies()), network=Network(allow_private=True))
    await crawled(server, [following(server.url_of("//a.cookies.localhost/"))], fetch=fetch, scope=Scope("any"))
    sent = {seen.host[0]: dict(seen.fields).get("cookie", "") for seen in server.log if "check" in seen.target}
    assert {host: set(cookies.split("; ")) for host, cookies in sent.items()} == {
        "a": {"own=1", "site=1"},
        "b": {"site=1"},
    }


# ── connections ──


async def test_a_kept_connection_that_closes_under_a_request_costs_no_page(server: HostileServer) -> None:
    _, crawl = await of_one(server, "/framing/closes-next")
    assert len(crawl.urls) == 3
    assert server.statistics().connections > 1


def bodies(page: Page) -> Iterator[Any]:
    yield page.url, page.body


@pytest.mark.parametrize("name", ["second-response", "late-response", "short-length"])
async def test_what_nobody_asked_for_is_the_answer_to_nothing(server: HostileServer, name: str) -> None:
    seeds = [server.url_of(f"/framing/{name}"), *(server.url_of(f"/framing/honest/{n}") for n in range(5))]
    # One connection, idle for longer than the server waits with its late response.
    polite = Politeness(connections=1, delay=0.15)
    async with Crawler(bodies, cpu=INLINE, retry=HASTY, politeness=polite, fetch=Fetch(timeout=30)) as crawler:
        found = dict([item async for item in crawler.stream(*seeds)])
    for number in range(5):
        assert f"honest /framing/honest/{number}".encode() in found[server.url_of(f"/framing/honest/{number}")]
    assert POISON not in found.values()


# ── retries and delays ──


@pytest.mark.parametrize("code", ["429", "503"])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_no_request_comes_before_the_time_that_retry_after_asks_for(
    server: HostileServer, code: str, form: str
) -> None:
    url = server.url_of(f"/retries/{code}/{form}?seconds=1")
    crawl = await crawled(server, [url], retry=Retry(wait=0, max_wait=5), politeness=Politeness(max_delay=5))
    assert crawl.urls == [url]
    (gap,) = shortest_gaps((seen for seen in server.log if seen.target != "/robots.txt"), by="target").values()
    assert gap >= 1


@pytest.mark.parametrize("form", ["past", "absurd", "garbage"])
async def test_a_retry_after_without_sense_is_capped(server: HostileServer, form: str) -> None:
    url = server.url_of(f"/retries/503/{form}")
    started = time.monotonic()
    crawl = await crawled(server, [url], retry=Retry(wait=0.01, max_wait=0.1), politeness=Politeness(max_delay=0.1))
    assert crawl.urls == [url]
    assert server.log[-1].at - started < 5  # and not 30,000 years


async def test_a_page_that_alternates_is_delivered_once(server: HostileServer) -> None:
    url = server.url_of("/retries/alternating")
    crawl = await crawled(server, [url])
    assert crawl.urls == [url]
    assert server.requests[url] == 2


@pytest.mark.parametrize(("name", "delay"), [("delay", 0.2), ("delay-absurd", 0.3), ("delay-huge", 0.3)])
async def test_a_crawl_delay_is_kept_and_capped(server: HostileServer, name: str, delay: float) -> None:
    front = server.url_of(f"//robots-{name}.localhost/")
    await crawled(server, [following(front)], politeness=Politeness(max_delay=0.3))
    assert len(server.log) == 4
    assert shortest_gaps(server.log)[front.split("/")[2]] >= delay
