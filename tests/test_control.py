from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from crawler import ConfigurationError, Cpu, Crawler, HostRule, Politeness, WaitsFor
from crawler.crawl.control import Control
from tests.integration import parsers
from tests.integration.sites import Answer, links, serve

pytestmark = pytest.mark.both_loops
INLINE = Cpu(executor="inline")


def test_reasons_for_a_pause_are_a_set() -> None:
    control = Control()
    control.pause()
    control.pause("disk full")
    control.pause()
    before = control.paused_by
    control.resume()
    between = control.paused_by
    control.resume("never given")
    control.resume("disk full")
    assert (before, between, control.paused_by) == (("person", "disk full"), ("disk full",), ())


@pytest.mark.parametrize(
    "host",
    [
        "",
        "http://a.example/",
        "A.example",
        "bücher.example",
        "user@a.example",
        "a b",
        "http:",
        "a.example?x",
        "a.example:80:",
    ],
)
def test_what_is_no_host_as_urls_have_it_gets_no_rule(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host="):
        Control().set_rule(host, HostRule(1.0, 1))


def page_that(does: object) -> Answer:
    """Return a page that leads to three others, and calls ``does`` when it is asked for."""

    async def answer(_: web.Request) -> web.StreamResponse:
        does()  # type: ignore[operator]
        return web.Response(text=links("/a", "/b", "/c"), content_type="text/html")

    return answer


async def test_a_paused_crawl_fetches_nothing_and_goes_on_when_the_last_reason_is_gone() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE)

    def pause() -> None:
        crawler.control.pause("disk full")
        crawler.control.pause()

    async with serve({"/": page_that(pause), "/a": "", "/b": "", "/c": ""}) as site, crawler:
        stream = crawler.stream(site.url)
        first = await anext(stream)
        rest = asyncio.ensure_future(anext(stream))
        crawler.control.resume("disk full")
        await asyncio.wait((rest,), timeout=0.1)  # long enough for three pages, if it went on
        paused = crawler.statistics()
        asked = list(site.asked)
        crawler.control.resume()
        others = [await rest, *[item async for item in stream]]
    assert (first, asked, paused.paused_by, paused.fetching) == (site.url, ["/"], ("person",), 0)
    assert sorted(others) == [site.url + name for name in "abc"]
    assert crawler.summary().pending == 0


async def test_a_crawl_that_was_paused_before_it_began_fetches_nothing_and_can_be_stopped() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE)
    crawler.control.pause()
    async with serve({"/": ""}) as site, crawler:
        stream = crawler.stream(site.url)
        item = asyncio.ensure_future(anext(stream))
        await asyncio.wait((item,), timeout=0.1)  # long enough for a page, if it was not paused
        paused = (item.done(), crawler.statistics().paused_by, crawler.control.paused_by)
        crawler.control.stop()
        with pytest.raises(StopAsyncIteration):
            await item
    assert paused == (False, ("person",), ("person",))
    assert (site.asked, crawler.summary().pending, crawler.summary().stopped_by) == ([], 1, "stop")


async def test_to_stop_a_crawl_that_is_over_changes_nothing() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE)
    crawler.control.stop()
    async with serve({"/": ""}) as site, crawler:
        await crawler.run(site.url)
        crawler.control.stop(1.0)
    assert (site.asked, crawler.summary().stopped_by) == (["/"], "")


async def test_a_rule_that_is_set_during_a_crawl_holds_for_a_host_from_its_next_fetch_on() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE, politeness=Politeness(delay=600.0, robots=False))
    hosts: list[str] = []

    def hurry() -> None:
        [host] = hosts
        crawler.control.set_rule(host, HostRule(0.0, None))

    async with serve({"/": page_that(hurry), "/a": "", "/b": "", "/c": ""}) as site, crawler:
        hosts.append(site.url.split("/")[2])
        summary = await crawler.run(site.url)
    assert summary.done == 4


async def test_a_rule_that_was_set_before_holds_for_a_host_that_is_met_later() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE, politeness=Politeness(delay=600.0, robots=False))
    async with serve({"/": links("/a", "/b"), "/a": "", "/b": ""}) as site, crawler:
        crawler.control.set_rule(site.url.split("/")[2], HostRule(0.0, None))
        assert crawler.hosts() == []  # nothing is known of it yet
        summary = await crawler.run(site.url)
    assert summary.done == 3


@pytest.mark.parametrize(
    "wrong",
    [
        lambda control: control.set_rule("a.example", "slowly"),
        lambda control: control.set_rule(3, HostRule(1.0, 1)),
        lambda control: control.pause(3),
        lambda control: control.stop(-1.0),
        lambda control: control.stop("soon"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(wrong: Callable[[Any], None]) -> None:
    control = Control()
    with pytest.raises(ConfigurationError):
        wrong(control)
    assert (control.paused_by, dict(control.rules)) == ((), {})


@pytest.mark.parametrize("options", [{"connections": 0}, {"delay": -1.0}, {"give_up_after": 0}])
def test_a_rule_that_no_host_could_have_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        HostRule(**{"delay": 0.0, "connections": 1, **options})  # type: ignore[arg-type]


async def test_hosts_are_told_with_what_they_wait_for() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE, politeness=Politeness(delay=600.0, robots=False))
    assert crawler.hosts() == []
    async with serve({"/": links("/a", "/b"), "/a": "", "/b": ""}) as site, crawler:
        stream = crawler.stream(site.url)
        assert await anext(stream) == site.url
        [host] = crawler.hosts()
        crawler.stop(0.0)
        assert [item async for item in stream] == []
    assert (host.name, host.waits_for, host.delay) == (site.url.split("/")[2], WaitsFor.DELAY, 600.0)
    assert host.ready_in is not None
    assert 0 < host.ready_in <= 600.0
    with pytest.raises(ConfigurationError, match="order='fastest'"):
        crawler.hosts(order="fastest")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="limit=0"):
        crawler.hosts(0)


async def test_requests_in_flight_are_told_with_their_age() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE)
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        seen.extend((each.request.url, each.seconds >= 0) for each in crawler.requests())

    async with serve({"/": page_that(look), "/a": "", "/b": "", "/c": ""}) as site, crawler:
        await crawler.run(site.url)
    assert seen == [(site.url, True)]
    assert crawler.requests() == []
