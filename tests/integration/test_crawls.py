"""Whole crawls against servers that know what is to be found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from crawler import (
    ClosedError,
    ConfigurationError,
    Cpu,
    Crawler,
    CrawlerError,
    EncodingError,
    Failure,
    Fetch,
    InvalidURLError,
    JsonLines,
    Limits,
    Network,
    Page,
    Politeness,
    Retry,
    Router,
    Scope,
    SinkError,
    State,
    StateFolder,
    Summary,
)
from crawler.parsing.quarantine import load
from fixtures_server import FixturesServer, Web
from tests.integration import parsers
from tests.integration.sites import Answer, links, redirect, serve

pytestmark = pytest.mark.both_loops
INLINE = Cpu(executor="inline")
NO_WAIT = Retry(wait=0)


async def crawl_all(crawler: Crawler, *seeds: str) -> tuple[list[Any], Summary]:
    async with crawler:
        items = [item async for item in crawler.stream(*seeds)]
    return items, crawler.summary()


# ── what is found ──


async def test_a_crawl_finds_each_page_once_and_accounts_for_every_url() -> None:
    odd = Web(page_bytes=2000, failing_share=0.05, missing_share=0.05, moved_share=0.05, flaky_share=0.05)
    async with FixturesServer(replace(odd, pages=200)) as server:
        truth = server.truth()
        failures: list[Failure] = []
        crawler = Crawler(parsers.urls, cpu=INLINE, retry=Retry(wait=0, attempts=2), on_failure=failures.append)
        items, summary = await crawl_all(crawler, server.url)
        requests = dict(server.requests)

    assert sorted(items) == sorted(truth.reachable)
    assert summary.fetched == len(truth.reachable)
    assert summary.done == len(truth.reachable) + len(truth.moved)
    assert summary.redirects == len(truth.moved)
    assert {failure.url for failure in failures} == truth.failing | truth.missing
    assert {failure.status for failure in failures} == {500, 404}
    assert (summary.failed, summary.pending, summary.in_flight) == (len(failures), 0, 0)
    assert summary.discovered == summary.done + summary.failed
    once = truth.reachable - truth.flaky | truth.moved.keys() | truth.missing
    assert {url: requests[url] for url in once} == dict.fromkeys(once, 1)
    twice = truth.flaky | truth.failing
    assert {url: requests[url] for url in twice} == dict.fromkeys(twice, 2)
    assert summary.retries == len(twice)


@pytest.mark.parametrize(
    ("encoding", "query", "expected"),
    [("windows-1251", "q=поиск", "q=%EF%EE%E8%F1%EA"), ("shift_jis", "cat=漢字", "cat=%8A%BF%8E%9A")],
)
@pytest.mark.parametrize("parser", [parsers.urls, parsers.relative])
async def test_a_page_that_is_not_utf_8_asks_as_a_browser_would(
    parser: Callable[..., Any], encoding: str, query: str, expected: str
) -> None:
    async def front(_: web.Request) -> web.StreamResponse:
        html = f'<meta charset={encoding}><a href="/found?{query}">x</a>'
        return web.Response(body=html.encode(encoding), content_type="text/html")

    async def found(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.raw_path == f"/found?{expected}" else 404)

    async with serve({"/": front, "/found": found}) as site:
        items, summary = await crawl_all(Crawler(parser, cpu=INLINE), site.url)
    assert items == [site.url, f"{site.url}found?{expected}"]
    assert (summary.fetched, summary.failed) == (2, 0)


async def test_processes_find_what_the_loop_finds() -> None:
    async with FixturesServer(Web(pages=150, page_bytes=2000, numbers=3)) as server:
        items, summary = await crawl_all(Crawler(parsers.urls, cpu=Cpu(workers=2)), server.url)
        assert sorted(items) == sorted(server.truth().reachable)
    assert sum(worker.pages for worker in summary.workers) == 150
    assert all(worker.pages for worker in summary.workers)


async def test_many_hosts_are_one_crawl_when_the_scope_says_so() -> None:
    async with FixturesServer(Web(pages=60, hosts=5, page_bytes=2000, numbers=3), host="localhost") as server:
        inwards = Fetch(network=Network(allow_private=True))  # only one of the hosts is a seed
        crawler = Crawler(parsers.urls, cpu=INLINE, scope=Scope("any"), fetch=inwards)
        items, summary = await crawl_all(crawler, server.url)
        assert sorted(items) == sorted(server.truth().reachable)
    assert summary.refused == 0


async def test_links_to_other_sites_are_refused_and_counted() -> None:
    async with serve({"/": links("/a", "https://elsewhere.example/", "mailto:x@y.example"), "/a": ""}) as site:
        items, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE), site.url)
    assert items == [site.url, site.url + "a"]
    assert (summary.discovered, summary.refused) == (3, 1)


async def test_labels_choose_the_parser() -> None:
    def index(page: Page) -> Iterator[Any]:
        yield from page.links(label="detail")

    def detail(page: Page) -> str:
        return page.label

    async with serve({"/": links("/a", "/b"), "/a": "", "/b": ""}) as site:
        router = Router({"detail": detail}, default=index)
        items, _ = await crawl_all(Crawler(router, cpu=Cpu(executor="thread")), site.url)
    assert items == ["detail", "detail"]


async def test_a_request_carries_method_headers_body_and_metadata() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        said = [request.method, request.headers["X-Token"], await request.text()]
        return web.json_response(said)

    def parse(page: Page) -> Iterator[Any]:
        if page.depth == 0:
            headers = (("X-Token", "t"),)
            yield page.follow("/echo", method="POST", headers=headers, body=b"payload", metadata={"from": page.url})
        else:
            yield page.json(), page.metadata

    async with serve({"/": "", "/echo": echo}) as site:
        items, _ = await crawl_all(Crawler(parse, cpu=INLINE), site.url)
        assert items == [(["POST", "t", "payload"], {"from": site.url})]


# ── limits ──


@pytest.mark.parametrize("limit", [1, 2, 17, 40])
async def test_no_page_more_than_max_pages_is_fetched(limit: int) -> None:
    async with FixturesServer(Web(pages=100, page_bytes=2000, numbers=3)) as server:
        items, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, limits=Limits(max_pages=limit)), server.url)
        assert server.statistics().requests == limit + 1  # robots.txt
    assert len(items) == summary.fetched == limit
    assert summary.stopped_by == "max_pages"
    assert summary.pending == summary.discovered - limit > 0


async def test_failed_requests_do_not_use_up_max_pages() -> None:
    pages = {"/": links("/gone", "/also-gone", "/a", "/b", "/c"), "/a": "", "/b": "", "/c": ""}
    async with serve(pages) as site:
        fetch, limits = Fetch(concurrency=1), Limits(max_pages=3)
        items, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, fetch=fetch, limits=limits), site.url)
    assert items == [site.url, site.url + "a", site.url + "b"]
    assert (summary.fetched, summary.failed) == (3, 2)


@pytest.mark.parametrize(("depth", "expected"), [(0, ["/"]), (1, ["/", "/a", "/b"]), (2, ["/", "/a", "/b", "/c"])])
async def test_max_depth_counts_links_from_the_seed(depth: int, expected: list[str]) -> None:
    pages = {"/": links("/a", "/b"), "/a": links("/c"), "/b": links("/a"), "/c": links("/d"), "/d": ""}
    async with serve(pages) as site:
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, limits=Limits(max_depth=depth)), site.url)
    assert sorted(site.asked) == expected
    assert summary.refused > 0


async def test_a_page_found_too_deep_is_fetched_when_it_is_found_less_deep() -> None:
    too_deep = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await too_deep.wait()
        return web.Response(text=links("/late"), content_type="text/html")

    pages: dict[str, Answer] = {"/": links("/a", "/slow"), "/a": links("/b"), "/b": links("/late"), "/late": ""}
    async with (
        serve({**pages, "/slow": slow}) as site,
        Crawler(parsers.urls, cpu=INLINE, limits=Limits(max_depth=2)) as crawler,
    ):
        items = []
        async for item in crawler.stream(site.url):
            items.append(item)
            if item.endswith("/b"):  # whose link to /late, at depth 3, has been refused by now
                assert crawler.statistics().ledger.refused == 1
                too_deep.set()
    assert sorted(item.removeprefix(site.url) for item in items) == ["", "a", "b", "late", "slow"]
    assert crawler.summary().refused == 0


@pytest.mark.parametrize("limit", [1, 4999, 5000, 20_000, 33_333])
async def test_no_byte_more_than_max_bytes_is_counted(limit: int) -> None:
    async with FixturesServer(Web(pages=50, page_bytes=5000, numbers=3)) as server:
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, limits=Limits(max_bytes=limit)), server.url)
    assert summary.bytes <= limit
    assert summary.fetched == limit // 5000
    assert summary.stopped_by == "max_bytes"
    assert summary.failed == 0


async def test_max_seconds_cuts_fetches_off_and_leaves_them_pending() -> None:
    async with FixturesServer(Web(pages=10, latency=3600)) as server:
        limits = Limits(max_seconds=0.2)
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, limits=limits), server.url)
    assert (summary.fetched, summary.pending, summary.in_flight) == (0, 1, 0)
    assert summary.stopped_by == "max_seconds"


async def test_no_host_gets_more_connections_than_it_is_given() -> None:
    async with FixturesServer(Web(pages=60, latency=0.02), host="localhost") as server:
        polite = Politeness(connections=3)
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, politeness=polite), server.url)
        assert set(server.statistics().peak_per_host.values()) == {3}
    assert summary.fetched == 60


async def test_a_delay_is_kept_between_the_requests_to_a_host() -> None:
    times: list[float] = []

    async def page(_: web.Request) -> web.StreamResponse:
        times.append(asyncio.get_running_loop().time())
        return web.Response(text=links("/b", "/c", "/d"), content_type="text/html")

    async with serve(dict.fromkeys(("/", "/b", "/c", "/d"), page)) as site:
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, politeness=Politeness(delay=0.1)), site.url)
    gaps = [after - before for before, after in pairwise(times)]
    assert len(gaps) == 3
    # Requests start that far apart; one that was long on its way to the server may have come shortly before the next.
    assert sorted(gaps)[1] > 0.08
    assert summary.limited_by.startswith("politeness of 127.0.0.1")


# ── redirects and failures ──


async def test_a_redirect_is_followed_within_the_scope_alone() -> None:
    pages = {"/": links("/in", "/out"), "/in": redirect("/target"), "/out": redirect("https://elsewhere.example/")}
    async with serve({**pages, "/target": ""}) as site:
        items, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE), site.url)
    assert items == [site.url, site.url + "target"]
    assert (summary.redirects, summary.refused, summary.fetched) == (1, 1, 2)


async def test_a_circle_of_redirects_ends() -> None:
    async with serve({"/": redirect("/a"), "/a": redirect("/")}) as site:
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE), site.url)
        assert site.asked == ["/", "/a"]
    assert (summary.failed, summary.fetched) == (1, 0)


async def test_an_endless_chain_of_redirects_fails_at_the_limit() -> None:
    pages = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(20)}
    async with serve(pages) as site:
        crawler = Crawler(parsers.urls, cpu=INLINE, fetch=Fetch(max_redirects=3))
        await crawl_all(crawler, site.url + "0")
        assert site.asked == ["/0", "/1", "/2", "/3"]
    assert [failure.error for failure in crawler.failures] == ["TooManyRedirectsError"]


async def test_a_parser_that_raises_fails_its_page_with_its_traceback() -> None:
    async with FixturesServer(Web(pages=30, page_bytes=2000, numbers=3, new_links=12)) as server:
        crawler = Crawler(parsers.raises_on_p2, cpu=Cpu(workers=1))
        items, summary = await crawl_all(crawler, server.url)
    [failure] = crawler.failures
    assert failure.state is State.FAILED
    assert failure.message.startswith("KeyError: 'missing title' (")
    assert "raises_on_p2" in failure.traceback
    assert failure.parent == server.url
    assert summary.done == len(items) == summary.discovered - 1


async def test_a_page_that_kills_its_worker_is_quarantined_alone(tmp_path: Path) -> None:
    async with FixturesServer(Web(pages=30, page_bytes=2000, numbers=3, new_links=12)) as server:
        crawler = Crawler(parsers.dies_on_p2, cpu=Cpu(workers=2, quarantine=tmp_path))
        items, summary = await crawl_all(crawler, server.url)
    [failure] = crawler.failures
    assert (failure.state, failure.error) == (State.QUARANTINED, "WorkerLostError")
    assert failure.url.endswith("/p/2.html")
    kept = load(failure.saved)
    assert (kept.url, kept.parser) == (failure.url, "tests.integration.parsers:dies_on_p2")
    assert "exit code 7" in kept.reason
    assert summary.quarantined == 1
    assert summary.done == len(items) == summary.discovered - 1
    assert sum(worker.restarts for worker in summary.workers) >= 1


async def test_a_worker_that_was_stopped_is_killed_at_the_deadline_all_the_same(tmp_path: Path) -> None:
    async with FixturesServer(Web(pages=30, page_bytes=2000, numbers=3, new_links=12)) as server:
        cpu = Cpu(workers=1, deadline=0.2, quarantine=tmp_path)
        crawler = Crawler(parsers.stops_on_p2, cpu=cpu)
        items, summary = await crawl_all(crawler, server.url)
    [failure] = crawler.failures
    assert failure.url.endswith("/p/2.html")
    assert "longer than the deadline of 0.2 s" in failure.message
    assert summary.done == len(items) == summary.discovered - 1


async def test_a_server_that_is_not_there_is_a_failure_after_its_tries() -> None:
    async with serve({}) as site:
        pass
    crawler = Crawler(parsers.urls, cpu=INLINE, retry=NO_WAIT)
    _, summary = await crawl_all(crawler, site.url)
    assert [(failure.error, failure.attempts) for failure in crawler.failures] == [("ConnectError", 3)]
    assert (summary.failed, summary.retries) == (1, 2)


# ── parsers on the loop ──


async def test_an_async_parser_computes_in_the_workers() -> None:
    async with serve({"/": links("/a"), "/a": ""}) as site:
        items, summary = await crawl_all(Crawler(parsers.computing, cpu=Cpu(workers=1)), site.url)
    assert items == [2, 4]
    assert summary.done == 2


async def test_async_and_plain_parsers_share_a_router() -> None:
    async with serve({"/": links("/a"), "/a": links("/b"), "/b": ""}) as site:
        router = Router({"": parsers.listing}, default=parsers.urls)
        items, _ = await crawl_all(Crawler(router, cpu=Cpu(workers=1)), site.url)
    assert items == [site.url, site.url + "a", site.url + "b"]


async def test_compute_runs_in_another_process_and_raises_what_the_function_raised() -> None:
    async with Crawler(parsers.listing, cpu=Cpu(workers=1)) as crawler:
        assert await crawler.compute(parsers.in_process, 1) not in (0, None)
        with pytest.raises(ZeroDivisionError):
            await crawler.compute(parsers.divide, 0)


# ── sinks ──


async def test_every_item_is_a_line_of_the_output(tmp_path: Path) -> None:
    out = tmp_path / "items.jsonl"
    async with FixturesServer(Web(pages=120, page_bytes=2000, numbers=3)) as server:
        async with Crawler(parsers.urls, cpu=Cpu(workers=2), sinks=[JsonLines(out)]) as crawler:
            summary = await crawler.run(server.url)
        truth = server.truth().reachable
    written = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    assert sorted(written) == sorted(truth)
    assert summary.items == len(written)


async def test_a_function_is_a_sink() -> None:
    items: list[Any] = []

    async def later(item: Any) -> None:
        await asyncio.sleep(0)
        items.append(item)

    async with serve({"/": links("/a"), "/a": ""}) as site:
        async with Crawler(parsers.urls, cpu=INLINE, sinks=[items.append, later]) as crawler:
            await crawler.run(site.url)
        assert items == [site.url, site.url, site.url + "a", site.url + "a"]


async def test_a_sink_that_fails_ends_the_crawl_and_nothing_is_marked_done() -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    async with serve({"/": links("/a"), "/a": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[full]) as crawler:
        with pytest.raises(SinkError, match="No space left"):
            await crawler.run(site.url)
    summary = crawler.summary()
    assert (summary.done, summary.in_flight) == (0, 0)
    assert summary.pending == summary.discovered


async def test_an_item_that_cannot_be_encoded_is_named_with_its_type_and_where_all_are_such_the_crawl_says_so(
    tmp_path: Path,
) -> None:
    out = tmp_path / "items.jsonl"
    failures: list[Failure] = []
    crawler = Crawler(parsers.unencodable, cpu=Cpu(workers=1), sinks=[JsonLines(out)], on_failure=failures.append)
    async with serve({"/": ""}) as site, crawler:
        with pytest.raises(EncodingError, match=r"items of 1 of 1 pages .*type 'dict' from http.* encoded.*object"):
            await crawler.run(site.url)
    [failure] = failures
    assert failure.error == "EncodingError"
    assert out.read_bytes() == b""


async def test_a_slow_consumer_holds_the_crawl_up() -> None:
    def many(page: Page) -> Iterator[Any]:
        yield from range(500)
        yield from page.links()

    crawler = Crawler(many, cpu=Cpu(executor="inline", max_waiting_bytes=10_000))
    async with FixturesServer(Web(pages=200, page_bytes=1000, numbers=0)) as server, crawler:
        stream = crawler.stream(server.url)
        assert await anext(stream) == 0
        await until_blocked(crawler)
        held_up = crawler.statistics()
        rest = [item async for item in stream]
    assert held_up.items <= 1000 + 500 * 4  # the buffer, and the pages whose items wait for room in it
    assert len(rest) == 200 * 500 - 1


async def until_blocked(crawler: Crawler) -> None:
    """Let the loop go round until the crawl has not moved for a while of rounds."""
    before, still = crawler.statistics().fetched, 0
    while still < 200:
        await asyncio.sleep(0.001)
        now = crawler.statistics().fetched
        still = still + 1 if now == before else 0
        before = now


async def test_a_file_is_not_emptied_by_a_crawl_that_cannot_start(tmp_path: Path) -> None:
    out = tmp_path / "items.jsonl"
    out.write_text("before")
    async with Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(out)]) as crawler:
        with pytest.raises(InvalidURLError):
            await crawler.run("not a url")
        with pytest.raises(InvalidURLError):
            crawler.stream("not a url")
    assert out.read_text() == "before"


async def test_an_output_that_cannot_be_opened_ends_the_crawl_before_its_first_fetch(tmp_path: Path) -> None:
    async with serve({"/": ""}) as site:
        async with Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(tmp_path / "no" / "out.jsonl")]) as crawler:
            with pytest.raises(ConfigurationError, match="No such file"):
                await crawler.run(site.url)
            with pytest.raises(ConfigurationError, match="No such file"):
                await anext(crawler.stream(site.url))
        assert site.asked == []


async def test_an_error_is_raised_once_where_the_items_are_awaited() -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    async with serve({"/": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[full]) as crawler:
        with pytest.raises(SinkError):
            _ = [item async for item in crawler.stream(site.url)]


async def test_an_error_that_nobody_awaited_is_raised_at_the_end() -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    crawler = Crawler(parsers.urls, cpu=INLINE, sinks=[full])
    async with serve({"/": ""}) as site:
        with pytest.raises(SinkError):
            await _crawl_without_reading(crawler, site.url)


async def _crawl_without_reading(crawler: Crawler, url: str) -> None:
    async with crawler:
        before = asyncio.all_tasks()
        crawler.stream(url)
        await asyncio.wait(asyncio.all_tasks() - before)


async def test_a_stream_ends_its_crawl_with_its_block() -> None:
    web = Web(pages=200, page_bytes=1000, latency=0.01)
    async with FixturesServer(web) as server, Crawler(parsers.urls, cpu=INLINE) as crawler:
        async with crawler.stream(server.url) as stream:
            assert await anext(stream) == server.url
        assert not stream.is_running
        assert (await crawler.run(server.urls)).fetched == 200


async def test_a_stream_may_follow_one_that_was_left_by_a_break() -> None:
    web = Web(pages=200, page_bytes=1000)
    async with FixturesServer(web) as server, Crawler(parsers.urls, cpu=INLINE) as crawler:
        for _ in range(2):
            async for _ in crawler.stream(server.url):
                break
        assert len([item async for item in crawler.stream(server.url)]) == 200


async def test_a_stream_that_somebody_has_is_not_ended_by_another() -> None:
    web = Web(pages=200, page_bytes=1000)
    async with FixturesServer(web) as server, Crawler(parsers.urls, cpu=INLINE) as crawler:
        stream = crawler.stream(server.url)
        await anext(stream)
        with pytest.raises(ConfigurationError, match="close its stream first"):
            crawler.stream(server.url)
        with pytest.raises(ConfigurationError, match="close its stream first"):
            await crawler.run(server.url)
        assert len([item async for item in stream]) == 199


async def test_with_a_state_a_stream_after_a_break_goes_on_where_that_was(tmp_path: Path) -> None:
    web = Web(pages=50, page_bytes=1000)
    async with FixturesServer(web) as server:
        async with Crawler(parsers.urls, cpu=INLINE, state=StateFolder(tmp_path)) as crawler:
            taken = []
            async for item in crawler.stream(server.url):
                taken.append(item)
                break
            taken += [item async for item in crawler.stream(server.url)]
        assert sorted(set(taken)) == sorted(server.truth().reachable)


async def test_a_crawl_does_not_write_into_the_output_of_another(tmp_path: Path) -> None:
    out = tmp_path / "items.jsonl"
    async with serve({"/": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(out)]) as first:
        await first.run(site.url)
        async with Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(out)]) as second:
            with pytest.raises(ConfigurationError, match="another crawl is writing to it"):
                await second.run(site.url)
        assert out.read_text() == f'"{site.url}"\n'
    async with serve({"/": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(out)]) as third:
        await third.run(site.url)
        assert out.read_text() == f'"{site.url}"\n'


async def test_an_output_is_one_crawls_alone_by_whichever_of_its_names(tmp_path: Path) -> None:
    out = tmp_path / "items.jsonl"
    async with serve({"/": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(out)]) as first:
        await first.run(site.url)
        (tmp_path / "hard.jsonl").hardlink_to(out)
        (tmp_path / "soft.jsonl").symlink_to(out)
        for name in ("hard.jsonl", "soft.jsonl"):
            async with Crawler(parsers.urls, cpu=INLINE, sinks=[JsonLines(tmp_path / name)]) as second:
                with pytest.raises(ConfigurationError, match="another crawl is writing to it"):
                    await second.run(site.url)
        assert out.read_text() == f'"{site.url}"\n'


# ── cancellations that are not ours ──


async def raises_cancelled(_: Any) -> None:
    raise asyncio.CancelledError


async def cancels_its_task(_: Page) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("parser", [raises_cancelled, cancels_its_task])
async def test_a_parser_that_is_cancelled_fails_its_page_and_is_not_tried_for_ever(parser: Any) -> None:
    async with serve({"/": ""}) as site:
        crawler = Crawler(parser, cpu=INLINE)
        _, summary = await crawl_all(crawler, site.url)
        assert site.asked == ["/"]
    assert (summary.failed, summary.pending) == (1, 0)


async def test_a_sink_that_is_cancelled_ends_the_crawl() -> None:
    async with serve({"/": ""}) as site, Crawler(parsers.urls, cpu=INLINE, sinks=[raises_cancelled]) as crawler:
        with pytest.raises(SinkError, match="was cancelled"):
            await crawler.run(site.url)


async def test_a_failure_callback_that_is_cancelled_ends_the_crawl_and_nothing_is_counted_twice() -> None:
    def cancelled(_: Failure) -> None:
        raise asyncio.CancelledError

    async with serve({}) as site, Crawler(parsers.urls, cpu=INLINE, on_failure=cancelled) as crawler:
        with pytest.raises(CrawlerError, match="on_failure raised CancelledError"):
            await crawler.run(site.url)
        assert site.asked == ["/"]
    assert (crawler.summary().failed, crawler.summary().pending) == (1, 0)


async def test_an_error_in_on_failure_ends_the_crawl_also_where_a_timer_began_the_request() -> None:
    def fail(failure: Failure) -> None:
        raise KeyError(failure.url)

    async def rules(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: *\nDisallow: /forbidden\n")

    async with serve({"/": links(), "/robots.txt": rules}) as site:
        options = {"cpu": INLINE, "politeness": Politeness(delay=0.05), "on_failure": fail}
        async with Crawler(parsers.urls, **options) as crawler:  # type: ignore[arg-type]
            with pytest.raises(KeyError, match="forbidden"):
                await crawler.run(site.url, f"{site.url}forbidden")


async def test_a_connection_that_is_dropped_is_tried_again_by_the_rules_alone() -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    pages: dict[str, Answer] = {"/": links("/drop"), "/drop": drop}
    async with serve(pages) as site:
        _, summary = await crawl_all(Crawler(parsers.urls, cpu=INLINE, retry=Retry(attempts=1)), site.url)
        assert site.asked == ["/", "/drop"]
    assert (summary.failed, summary.retries) == (1, 0)


# ── lifecycle ──


async def test_a_crawler_crawls_twice_in_a_row() -> None:
    async with serve({"/": links("/a"), "/a": ""}) as site, Crawler(parsers.urls, cpu=Cpu(workers=1)) as crawler:
        first = await crawler.run(site.url)
        second = [item async for item in crawler.stream(site.url)]
        third = await crawler.run(site.url)
    assert first.fetched == len(second) == third.fetched == 2


async def test_two_crawlers_crawl_side_by_side() -> None:
    async with FixturesServer(Web(pages=40, page_bytes=1000, numbers=3)) as server:
        crawls = [crawl_all(Crawler(parsers.urls, cpu=Cpu(workers=1)), server.url) for _ in range(2)]
        [(one, _), (two, _)] = await asyncio.gather(*crawls)
    assert sorted(one) == sorted(two)
    assert len(one) == 40


async def test_a_second_crawl_at_once_in_one_crawler_is_refused() -> None:
    async with serve({"/": links("/a"), "/a": ""}) as site, Crawler(parsers.urls, cpu=INLINE) as crawler:
        stream = crawler.stream(site.url)
        with pytest.raises(ConfigurationError, match="is crawling"):
            await crawler.run(site.url)
        await stream.aclose()
        assert (await crawler.run(site.url)).fetched == 2


async def test_a_crawler_outside_its_block_says_so() -> None:
    crawler = Crawler(parsers.urls, cpu=INLINE)
    with pytest.raises(ClosedError, match="async with"):
        crawler.stream("http://127.0.0.1/")
    async with crawler:
        pass
    with pytest.raises(ClosedError):
        await crawler.run("http://127.0.0.1/")


async def test_seeds_are_checked_before_anything_is_fetched() -> None:
    async with Crawler(parsers.urls, cpu=INLINE) as crawler:
        with pytest.raises(ConfigurationError, match="no seed"):
            await crawler.run()
        with pytest.raises(InvalidURLError, match=r"did you mean 'https://example\.org'"):
            await crawler.run("http://127.0.0.1/", "example.org")


async def test_stop_finishes_what_is_in_flight() -> None:
    async with FixturesServer(Web(pages=1000, latency=0.01, page_bytes=1000, numbers=0)) as server:
        async with Crawler(parsers.urls, cpu=INLINE) as crawler:
            running = asyncio.create_task(crawler.run(server.url))
            await server.until_active(5)
            crawler.stop()
            summary = await running
        assert server.statistics().requests == summary.fetched + 1  # robots.txt
    assert (summary.failed, summary.in_flight, summary.stopped_by) == (0, 0, "stop")
    assert summary.fetched == summary.done
    assert summary.pending > 0


class _OurError(Exception):
    pass


@pytest.mark.parametrize("executor", ["inline", "process"])
@pytest.mark.parametrize("ending", ["break", "error", "cancel", "timeout", "aclose"])
async def test_whatever_ends_a_loop_over_items_leaves_nothing_behind(ending: str, executor: Any) -> None:
    async with FixturesServer(Web(pages=10_000, latency=0.005, page_bytes=1000, numbers=0)) as server:
        crawler = Crawler(parsers.urls, cpu=Cpu(executor=executor, workers=2))

        async def consume() -> None:
            async with crawler:
                stream = crawler.stream(server.url)
                async for _ in stream:
                    if ending == "break" and crawler.statistics().fetched > 20:
                        break
                    if ending == "error" and crawler.statistics().fetched > 20:
                        raise _OurError
                    if ending == "aclose" and crawler.statistics().fetched > 20:
                        await stream.aclose()
                        return

        consuming = asyncio.create_task(_within(consume(), 0.3 if ending == "timeout" else None))
        if ending == "cancel":
            await server.until_active(3)
            consuming.cancel()
        [outcome] = await asyncio.gather(consuming, return_exceptions=True)
    expected: dict[str, type] = {"error": _OurError, "cancel": asyncio.CancelledError, "timeout": TimeoutError}
    assert isinstance(outcome, expected.get(ending, type(None)))
    ours = [
        task
        for task in asyncio.all_tasks()
        if "crawler" in repr(task.get_coro()) and task is not asyncio.current_task()
    ]
    assert ours == []
    summary = crawler.summary()
    assert summary.in_flight == 0
    assert summary.discovered == summary.done + summary.pending


async def _within(work: Any, seconds: float | None) -> None:
    async with asyncio.timeout(seconds):
        await work


@pytest.mark.parametrize("order", ["breadth", "depth"])
async def test_a_page_found_on_a_shorter_way_takes_along_what_was_too_deep(order: Any, tmp_path: Path) -> None:
    pages = {"/": links("/slow", "/a"), "/a": links("/b"), "/b": links("/target"), "/target": links("/child")}
    target_came = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await target_came.wait()
        return web.Response(text=links("/target"), content_type="text/html")

    async def target(_: web.Request) -> web.StreamResponse:
        target_came.set()
        return web.Response(text=pages["/target"], content_type="text/html")

    async with serve({**pages, "/slow": slow, "/target": target, "/child": links()}) as site:
        limits = Limits(max_depth=3)
        crawler = Crawler(parsers.urls, cpu=INLINE, limits=limits, order=order, state=tmp_path / "state")
        items, summary = await crawl_all(crawler, site.url)
        url = site.url
    assert sorted(items) == sorted([url, *(f"{url}{name}" for name in ("slow", "a", "b", "target", "child"))])
    assert (summary.done, summary.refused) == (6, 0)
