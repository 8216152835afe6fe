"""Kept pages parsed again: as the crawl would have parsed them with the new parser, and without a request."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import (
    ConfigurationError,
    Cpu,
    Crawler,
    CrawlerError,
    Failure,
    JsonLines,
    Limits,
    Page,
    Reparser,
    Rewriting,
    Router,
    Scope,
    SinkError,
    StateError,
    StateFolder,
    reparse,
)
from crawler.errors import ClosedError
from crawler.reparse.new_links import NewLink
from crawler.state.body_store import BODIES
from fixtures_server import FixturesServer, Web
from tests.cli_process import finish, run, start
from tests.test_bodies import execute

pytestmark = pytest.mark.no_loop_debug
INLINE = Cpu("inline", quarantine=None)


@pytest.fixture
async def server() -> AsyncIterator[FixturesServer]:
    async with FixturesServer(Web(pages=40, numbers=3, page_bytes=2000)) as server:
        yield server


def old(page: Page) -> Iterator[Any]:
    yield {"url": page.url}
    yield from page.links(label="inner")


def new(page: Page) -> Iterator[Any]:
    headers = [pair for pair in page.headers if pair[0] != "date"]
    yield {
        "url": page.url,
        "title": page.title,
        "status": page.status,
        "headers": headers,
        "body": page.body,
        "depth": page.depth,
        "label": page.label,
        "parent": page.request.parent,
    }
    yield from page.links(label="inner")


def title(page: Page) -> Iterator[Any]:
    yield page.title


async def crawled(folder: Path, parser: Callable[..., Any], *seeds: str, **options: Any) -> list[Any]:
    """Crawl with kept bodies; return the items."""
    items: list[Any] = []
    state = StateFolder(folder, keep_bodies=True)
    async with Crawler(parser, state=state, sinks=[items.append], cpu=INLINE, **options) as crawler:
        await crawler.run(*seeds)
    return items


async def reparsed(folder: Path, parser: Callable[..., Any], **options: Any) -> tuple[list[Any], Any]:
    items: list[Any] = []
    done = await reparse(folder, parser, sinks=[items.append], **{"cpu": INLINE, **options})
    return items, done


def by_url(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: item["url"])


async def test_items_are_those_of_a_crawl_with_the_new_parser(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path / "old", old, server.url)
    expected = await crawled(tmp_path / "new", new, server.url)
    before = server.statistics().requests

    items, done = await reparsed(tmp_path / "old", new)

    assert server.statistics().requests == before
    assert by_url(items) == by_url(expected)
    assert (done.total, done.pages, done.items, done.failed, done.not_kept) == (40, 40, 40, 0, 0)
    assert done.links > 40


async def test_worker_processes_parse_pages_as_they_were(server: FixturesServer, tmp_path: Path) -> None:
    expected = await crawled(tmp_path, new, server.url)

    items, done = await reparsed(tmp_path, new, cpu=Cpu(workers=2))

    assert by_url(items) == by_url(expected)
    assert sum(worker.pages for worker in done.workers) == 40


async def test_a_router_gets_the_labels_of_the_requests(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)

    items, done = await reparsed(tmp_path, Router({"inner": title}))

    assert (len(items), done.failed) == (39, 1)
    assert done.errors == {"ParseError": 1}


async def test_only_pages_of_wanted_labels_are_parsed(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)

    items, done = await reparsed(tmp_path, title, labels=["inner"])

    assert (len(items), done.pages, done.total) == (39, 39, 40)


def with_metadata(page: Page) -> Iterator[Any]:
    yield {"url": page.url, "seen": page.metadata.get("seen")}
    for link in page.links():
        yield page.follow(link.url, metadata={"seen": [page.url, {"depth": page.depth}]})


async def test_metadata_comes_back(server: FixturesServer, tmp_path: Path) -> None:
    expected = await crawled(tmp_path, with_metadata, server.url)

    items, _ = await reparsed(tmp_path, with_metadata)

    assert by_url(items) == by_url(expected)
    assert sum(item["seen"] is not None for item in items) == 39


def failing_at_depth_1(page: Page) -> Iterator[Any]:
    yield from page.links()
    if page.depth == 1:
        raise ValueError("not yet understood")


async def test_pages_on_which_the_old_parser_failed_are_there(server: FixturesServer, tmp_path: Path) -> None:
    assert await crawled(tmp_path, failing_at_depth_1, server.url) == []

    items, done = await reparsed(tmp_path, title)

    assert (len(items), done.failed) == (5, 0)


async def test_a_page_without_a_parser_for_its_label_is_there_too(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, Router({"": old}), server.url)

    items, _ = await reparsed(tmp_path, title)

    assert len(items) == 5


async def test_failures_are_told_one_by_one_and_cost_their_page_alone(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    failures: list[Failure] = []

    items, done = await reparsed(tmp_path, failing_at_depth_1, on_failure=failures.append)

    assert (items, done.pages, done.failed) == ([], 40, 4)
    assert {failure.error for failure in failures} == {"ParseError"}
    assert all("not yet understood" in failure.message and failure.parent == server.url for failure in failures)


@pytest.mark.parametrize("parser", [failing_at_depth_1, Router({"elsewhere": title})], ids=["by a worker", "before"])
async def test_a_failure_callback_that_is_cancelled_ends_it_with_an_error(
    server: FixturesServer, tmp_path: Path, parser: Callable[..., Any]
) -> None:
    await crawled(tmp_path, old, server.url)

    def cancelled(_: Failure) -> None:
        raise asyncio.CancelledError

    with pytest.raises(CrawlerError, match="on_failure raised CancelledError"):
        await reparse(tmp_path, parser, cpu=INLINE, on_failure=cancelled)


async def test_it_may_be_stopped_while_its_sinks_are_opened(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)

    class Stops(Urls):
        async def open(self) -> None:
            reparser.stop()

    async with Reparser(tmp_path, title, cpu=INLINE, sinks=[Stops()]) as reparser:
        done = await reparser.run()
    assert (done.pages, done.stopped) == (0, True)


async def test_a_damaged_page_fails_alone(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    execute(tmp_path / BODIES.name, "UPDATE bodies SET data = x'00' WHERE id = 7")

    items, done = await reparsed(tmp_path, title)

    assert (len(items), done.pages, done.errors) == (39, 40, {"DamagedBodyError": 1})


async def test_pages_fetched_while_no_bodies_were_kept_are_counted(server: FixturesServer, tmp_path: Path) -> None:
    async with Crawler(old, state=tmp_path, limits=Limits(max_pages=10), cpu=INLINE) as crawler:
        await crawler.run(server.url)
    await crawled(tmp_path, old, server.url)

    items, done = await reparsed(tmp_path, title)

    assert (len(items), done.total, done.not_kept) == (30, 30, 10)


async def test_what_is_no_page_is_not_kept(aiohttp_server: Any, tmp_path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text='<a href="/gone"></a><a href="/moved"></a>', content_type="text/html")

    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/end")

    async def end(_: web.Request) -> web.Response:
        return web.Response(text="<title>The end</title>", content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", page), web.get("/moved", moved), web.get("/end", end)])
    server = await aiohttp_server(application)
    await crawled(tmp_path, old, str(server.make_url("/")))

    items, done = await reparsed(tmp_path, title)

    assert sorted(items) == ["", "The end"]
    assert (done.total, done.not_kept) == (2, 0)


async def test_a_folder_is_read_while_a_crawl_uses_it(server: FixturesServer, tmp_path: Path) -> None:
    counts = []

    async def look(_: Any) -> None:
        counts.append((await reparse(tmp_path, title, cpu=INLINE)).pages)

    state = StateFolder(tmp_path, keep_bodies=True)
    for most in (20, 40):
        async with Crawler(old, state=state, sinks=[look], cpu=INLINE, limits=Limits(max_pages=most)) as crawler:
            await crawler.run(server.url)

    assert counts == sorted(counts)
    assert 20 <= counts[20] <= counts[-1] < 40


# ── links ──


def with_new_links(page: Page) -> Iterator[Any]:
    yield from page.links()
    yield page.follow("/new")
    yield page.follow("/new?session=1")
    yield page.follow("http://elsewhere.example/")
    yield page.follow("/form", method="POST", body=b"q", label="search")


async def test_links_that_the_crawl_had_not_found_are_told_once(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    links: list[NewLink] = []

    _, done = await reparsed(
        tmp_path, with_new_links, new_links=links.append, scope=Scope(rewriting=Rewriting(drop=("session",)))
    )

    assert [(link.url, link.method, link.label) for link in links] == [
        (f"{server.url}new", "GET", ""),
        (f"{server.url}form", "POST", "search"),
    ]
    assert {(link.parent, link.depth) for link in links} == {(server.url, 1)}
    assert done.new_links == 2


async def test_links_that_were_too_deep_are_not_new(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url, limits=Limits(max_depth=1))
    links: list[NewLink] = []

    await reparsed(tmp_path, old, new_links=links.append)

    assert links == []


async def test_a_page_that_is_not_utf_8_has_the_links_that_the_crawl_found(aiohttp_server: Any, tmp_path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text='<a href="/s?q=поиск"></a>', content_type="text/html", charset="windows-1251")

    application = web.Application()
    application.add_routes([web.get("/", page), web.get("/s", page)])
    server = await aiohttp_server(application)
    found = await crawled(tmp_path, old, str(server.make_url("/")))
    links: list[NewLink] = []

    items, _ = await reparsed(tmp_path, old, new_links=links.append)

    assert [item["url"].partition("?")[2] for item in by_url(items)] == ["", "q=%EF%EE%E8%F1%EA"]
    assert by_url(items) == by_url(found)
    assert links == []


async def test_links_go_to_a_sink_of_files(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path / "state", old, server.url)

    await reparsed(tmp_path / "state", with_new_links, new_links=JsonLines(tmp_path / "new.jsonl"))

    lines = (tmp_path / "new.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["url"] == f"{server.url}new"


# ── sinks ──


async def test_an_output_is_begun_anew(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path / "state", old, server.url)
    output = tmp_path / "items.jsonl"
    for _ in range(2):
        await reparse(tmp_path / "state", title, sinks=[JsonLines(output)], cpu=INLINE)

    assert len(output.read_text().splitlines()) == 40


class Urls:
    """Gets the URL of each page in place of items."""

    def __init__(self) -> None:
        self.encode = None
        self.encode_page = url_of
        self.urls: list[bytes] = []

    async def open(self) -> None:
        pass

    async def write(self, items: list[bytes]) -> None:
        self.urls += items

    async def close(self) -> None:
        pass


def url_of(page: Page) -> bytes:
    return page.url.encode()


async def test_a_sink_of_pages_gets_pages_without_items_too(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    urls = Urls()

    await reparse(tmp_path, Page.links, sinks=[urls], cpu=INLINE)

    assert len(set(urls.urls)) == 40


# ── what is refused ──


async def test_a_folder_without_bodies_is_refused_before_anything_is_written(
    server: FixturesServer, tmp_path: Path
) -> None:
    async with Crawler(old, state=tmp_path / "state", cpu=INLINE) as crawler:
        await crawler.run(server.url)
    output = tmp_path / "items.jsonl"
    output.write_text("precious\n")

    with pytest.raises(StateError, match="keep_bodies=True"):
        await reparse(tmp_path / "state", title, sinks=[JsonLines(output)], cpu=INLINE)
    assert output.read_text() == "precious\n"


async def test_the_output_of_a_crawl_that_is_not_over_is_left_alone(server: FixturesServer, tmp_path: Path) -> None:
    output = tmp_path / "items.jsonl"
    state = StateFolder(tmp_path / "state", keep_bodies=True)
    crawl = Crawler(old, state=state, sinks=[JsonLines(output)], cpu=INLINE, limits=Limits(max_pages=10))
    async with crawl as crawler:
        await crawler.run(server.url)
    written = output.read_bytes()

    with pytest.raises(ConfigurationError, match=r"JsonLines items\.jsonl.*name another file"):
        await reparse(tmp_path / "state", title, sinks=[JsonLines(output)], cpu=INLINE)
    assert output.read_bytes() == written


async def waits(page: Page) -> None:
    await asyncio.sleep(0)


async def test_what_needs_a_crawler_is_refused_or_fails(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)

    with pytest.raises(ConfigurationError, match="async def"):
        await reparse(tmp_path, waits)
    failures: list[Failure] = []
    items, _ = await reparsed(tmp_path, Router({"": waits}, default=title), on_failure=failures.append)

    assert len(items) == 39
    assert ["async def" in failure.message for failure in failures] == [True]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"labels": "inner"}, "such as .*inner"), ({"labels": 3}, "labels=3"), ({"new_links": 3}, "sink=3")],
    ids=str,
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Reparser("state", title, **options)


async def test_nothing_runs_outside_its_block(tmp_path: Path) -> None:
    with pytest.raises(ClosedError):
        await Reparser(tmp_path, title).run()


async def test_a_sink_that_fails_ends_it(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)

    def full(_: object) -> None:
        raise OSError("no room")

    with pytest.raises(SinkError, match="no room"):
        await reparse(tmp_path, title, sinks=[full], cpu=INLINE)


# ── bounds and ends ──


async def test_no_more_than_a_second_of_work_is_handed_over(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    loop, begun, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def wait(page: Page) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait()

    async with Reparser(tmp_path, wait, cpu=Cpu("thread", workers=1)) as reparser:
        running = asyncio.create_task(reparser.run())
        await begun.wait()
        waiting = reparser._stage.statistics().waiting_pages
        reparser.stop()
        release.set()
        done = await running

    assert waiting <= 8
    assert done.stopped
    assert 0 < done.pages <= 8


async def test_cancelling_leaves_nothing_behind(server: FixturesServer, tmp_path: Path) -> None:
    await crawled(tmp_path, old, server.url)
    reached = asyncio.Event()

    async def stuck(_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    async with Reparser(tmp_path, title, sinks=[stuck], cpu=INLINE) as reparser:
        running = asyncio.create_task(reparser.run())
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert len(asyncio.all_tasks()) == 1


# ── the command ──

COMMAND_PARSER = """
def parse(page):
    if page.depth == 1:
        raise ValueError("no")
    print("looked at", page.url)
    yield {"url": page.url, "title": page.title}
    yield page.follow("/new")
"""


@pytest.fixture
async def state(server: FixturesServer, tmp_path: Path) -> Path:
    await crawled(tmp_path / "state", old, server.url)
    (tmp_path / "changed.py").write_text(COMMAND_PARSER)
    return tmp_path / "state"


async def test_the_command_writes_items_failures_and_new_links(state: Path, tmp_path: Path) -> None:
    arguments = ("-o", "items.jsonl", "--failures", "failed.jsonl", "--new-links", "new.jsonl", "--workers", "1")

    finished = await run("reparse", "state", "changed.py", *arguments, cwd=tmp_path)

    assert (finished.code, finished.out) == (0, ""), finished.err
    names = ("items.jsonl", "failed.jsonl", "new.jsonl")
    assert [len((tmp_path / name).read_text().splitlines()) for name in names] == [36, 4, 1]
    assert "40 saved, 36 parsed, 4 failed" in finished.err
    assert "1 new to the crawl → new.jsonl" in finished.err


async def test_items_go_to_standard_output_and_prints_do_not(state: Path, tmp_path: Path) -> None:
    finished = await run("reparse", "state", "changed.py", "--executor", "inline", cwd=tmp_path)

    assert len([json.loads(line)["title"] for line in finished.out.splitlines()]) == 36
    assert "looked at" in finished.err


async def test_the_summary_is_json_for_programs(state: Path, tmp_path: Path) -> None:
    finished = await run("reparse", "state", "changed.py", "--json", "-q", "--executor", "inline", cwd=tmp_path)

    summary = json.loads(finished.out)
    assert (summary["pages"], summary["items"], summary["failed"], summary["new_links"]) == (40, 36, 4, None)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("state", "changed.py", "--label", "none"), 3, "no page of a request with the label 'none'"),
        (("elsewhere", "changed.py"), 2, "'elsewhere' is no state folder"),
        (("state", "missing.py"), 2, "does not exist"),
        (("state", "changed.py", "--new-links", "-"), 2, "wants a file"),
        (("state", "changed.py", "--new-links", "a", "-o", "./a"), 2, "name two files"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_exit_codes(state: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    finished = await run("reparse", *arguments, cwd=tmp_path)

    assert finished.code == code, finished.err
    assert message in finished.err
    assert "Traceback" not in finished.err


SLOW_PARSER = """
import sys, time
def parse(page):
    print("began", flush=True)
    time.sleep(0.05)
    yield {"url": page.url}
"""


async def test_ctrl_c_ends_it_cleanly(state: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_PARSER)
    arguments = ("reparse", "state", "slow.py", "-o", "items.jsonl", "--workers", "1")
    process = await start(*arguments, cwd=tmp_path)
    assert process.stderr is not None
    while b"began" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)

    finished = await finish(process)

    assert finished.code == 0, finished.err
    assert "stopped on request" in finished.err
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    assert 0 < len(lines) < 40
    assert all(json.loads(line) for line in lines)
