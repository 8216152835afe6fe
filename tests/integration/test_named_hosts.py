"""Whole crawls of hosts that have names, which a name server on loopback knows, or does not."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from crawler import Cpu, Crawler, Fetch, Network, Politeness, Retry, Scope, Summary
from fixtures_server.name_server import NameServer, name_server
from tests.integration import parsers
from tests.integration.sites import Site, links, redirect, serve

pytestmark = pytest.mark.both_loops


def url_of(name: str, site: Site) -> str:
    return f"http://{name}:{urlsplit(site.url).port}/"


async def crawled(server: NameServer, *seeds: str, dns_timeout: float = 10.0) -> tuple[Summary, Crawler]:
    crawler = Crawler(
        parsers.links_only,
        cpu=Cpu(executor="inline"),
        fetch=Fetch(concurrency=4, network=Network(nameservers=(server.address,), dns_timeout=dns_timeout)),
        politeness=Politeness(delay=0),
        retry=Retry(attempts=2, wait=0.01, max_wait=0.01),
        scope=Scope(within="any"),
    )
    async with crawler:
        return await crawler.run(seeds), crawler


async def test_names_are_looked_up_once_however_many_pages_they_have() -> None:
    pages = {"/": links(*(f"/{number}" for number in range(20)))} | {f"/{number}": links() for number in range(20)}
    async with name_server(names={"a.test": ("127.0.0.1",)}) as server, serve(pages) as site:
        summary, _ = await crawled(server, url_of("a.test", site))
    assert summary.done == 21
    assert server.questions("a.test") == 1


async def test_a_name_that_does_not_exist_fails_its_urls_and_is_not_asked_for_again() -> None:
    async with name_server(names={"a.test": ("127.0.0.1",)}) as server, serve({"/": links()}) as site:
        dead = [f"http://dead.test/{number}" for number in range(5)]
        summary, crawler = await crawled(server, url_of("a.test", site), *dead)
    assert (summary.done, summary.failed, summary.retries) == (1, 5, 0)
    assert {failure.error for failure in crawler.failures} == {"ResolveError"}
    assert server.questions("dead.test") == 1


async def test_a_name_server_that_fails_is_asked_again() -> None:
    async with name_server() as server:
        summary, crawler = await crawled(server, "http://failing.test/")
    assert (summary.failed, summary.retries) == (1, 1)
    assert crawler.failures[0].attempts == 2


async def test_names_that_are_never_answered_take_no_place_from_others() -> None:
    pages = {"/": links(*(f"/{number}" for number in range(20)))} | {f"/{number}": links() for number in range(20)}
    async with name_server(names={"a.test": ("127.0.0.1",)}) as server, serve(pages) as site:
        hanging = [f"http://hanging{number}.test/" for number in range(200)]
        summary, crawler = await crawled(server, *hanging, url_of("a.test", site), dns_timeout=2.0)
    assert (summary.done, summary.failed) == (21, 200)
    assert {failure.error for failure in crawler.failures} == {"ResolveError"}


async def test_a_link_to_a_name_of_this_machine_is_refused_and_a_seed_of_that_name_is_not() -> None:
    names: dict[str, tuple[str, ...]] = {"seed.test": ("127.0.0.1",), "inner.test": ("127.0.0.1",)}
    async with name_server(names=names) as server, serve({"/": links()}) as inner:
        pages = {"/": links("/hop", url_of("inner.test", inner)), "/hop": redirect(f"{url_of('inner.test', inner)}x")}
        async with serve(pages) as site:
            summary, crawler = await crawled(server, url_of("seed.test", site))
    assert inner.asked == []
    assert (summary.done, summary.refused, summary.failed) == (1, 2, 0)
    assert {failure.error for failure in crawler.failures} == {"BlockedAddressError"}
