"""``crawler site``: options, output, summary and exit codes of a crawl without code."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from crawler import sitemap
from crawler.cli.site import seed_of
from fixtures_server import FixturesServer, Web
from tests.cli_process import Finished, finish, run, start
from tests.integration.sites import Answer, Site, links, serve

PROMISED = {
    "discovered",
    "fetched",
    "failed",
    "denied",
    "refused",
    "pending",
    "items",
    "bytes",
    "seconds",
    "pages_per_second",
    "retries",
    "quarantined",
    "loop_lag_p99_ms",
    "cpu_utilisation",
    "limited_by",
}


@pytest.fixture
async def server() -> AsyncIterator[FixturesServer]:
    async with FixturesServer(Web(pages=30, missing_share=0.2, numbers=2, page_bytes=0)) as server:
        yield server


async def test_each_page_of_the_site_becomes_one_line(server: FixturesServer, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"

    finished = await run("site", server.url, "-o", str(output))

    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert finished.code == 0, finished.err
    assert finished.out == ""
    assert sorted(line["url"] for line in lines) == sorted(server.truth().reachable)
    assert list(lines[0]) == ["url", "status", "depth", "title", "out_links"]
    assert lines[0] == {"url": server.url, "status": 200, "depth": 0, "title": lines[0]["title"], "out_links": 6}


async def test_without_output_the_lines_go_to_standard_output(server: FixturesServer) -> None:
    finished = await run("site", server.url, "--max-pages", "7")

    assert finished.code == 0
    assert len([json.loads(line) for line in finished.out.splitlines()]) == 7
    assert "--max-pages was reached" in finished.err


async def test_standard_output_that_is_a_file_goes_on_where_it_ends(server: FixturesServer, tmp_path: Path) -> None:
    pages = tmp_path / "pages.jsonl"
    pages.write_text("precious\n")
    with pages.open("a") as file:
        process = await start("site", server.url, "--max-pages", "1", "--executor", "inline", stdout=file.fileno())
        finished = await finish(process)

    assert finished.code == 0
    assert pages.read_text().startswith('precious\n{"url":')


async def test_json_prints_the_summary_and_nothing_else(server: FixturesServer) -> None:
    finished = await run("site", server.url, "--json", "--quiet", "--executor", "inline")

    summary = json.loads(finished.out)
    assert finished.code == 0
    assert finished.err == ""
    assert summary.keys() >= PROMISED
    assert summary["fetched"] == summary["items"] == 30
    assert summary["failed"] == len(server.truth().missing)


async def test_the_summary_says_what_limited_the_crawl_and_what_failed(server: FixturesServer) -> None:
    finished = await run("site", server.url, "-o", os.devnull, "--delay", "0.02", "--max-pages", "10", "-v")

    host = server.url.split("/")[2]
    missing = sorted(server.truth().missing)
    assert f"limited by  politeness of {host}" in finished.err
    assert any(f"failed {url}: StatusError: 404" in finished.err for url in missing)
    assert "× StatusError, such as" in finished.err
    assert "workers     " in finished.err


async def test_a_crawl_that_fetches_nothing_exits_with_3(server: FixturesServer) -> None:
    finished = await run("site", f"{server.url}missing/0.html", "--attempts", "1", "--executor", "inline")

    assert finished.code == 3
    assert finished.out == ""
    assert "1 × StatusError" in finished.err


async def test_a_reader_that_leaves_ends_the_crawl_quietly() -> None:
    async with FixturesServer(Web(pages=None, numbers=0, page_bytes=0)) as server:
        reading, writing = os.pipe()
        process = await start("site", server.url, "--executor", "inline", stdout=writing)
        os.close(writing)
        first = await asyncio.to_thread(os.read, reading, 10)
        os.close(reading)
        finished = await finish(process)

    assert first.startswith(b'{"url":')
    assert finished.code == 0
    assert "Traceback" not in finished.err
    assert "error" not in finished.err


async def test_a_full_disk_ends_the_crawl_with_1(server: FixturesServer) -> None:
    finished = await run("site", server.url, "-o", "/dev/full", "--executor", "inline")

    assert finished.code == 1
    assert finished.error == "error: output '/dev/full' cannot be written: No space left on device"


async def test_a_terminal_gets_a_live_display(server: FixturesServer) -> None:
    terminal, end_for_process = os.openpty()
    process = await start("site", server.url, "--executor", "inline", "-o", os.devnull, stderr=end_for_process)
    os.close(end_for_process)
    shown = (await asyncio.to_thread(read_all, terminal)).decode()
    finished = await finish(process)

    assert finished.code == 0
    assert "╭─" in shown
    assert "in flight" in shown
    assert "30 pages in" in shown


async def test_a_terminal_shows_the_lines_too(server: FixturesServer) -> None:
    terminal, end_for_process = os.openpty()
    process = await start("site", server.url, "--executor", "inline", stdout=end_for_process, stderr=end_for_process)
    os.close(end_for_process)
    shown = (await asyncio.to_thread(read_all, terminal)).decode()
    await finish(process)

    assert shown.count('{"url":') == 30


def read_all(terminal: int) -> bytes:
    """Read what is shown on a terminal until the program there ends."""
    shown = b""
    try:
        while some := os.read(terminal, 65536):
            shown += some
    except OSError:  # EIO, which is a terminal's end of file
        pass
    os.close(terminal)
    return shown


# ── what a site is made of ──


async def _pdf(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"%PDF-1.7", content_type="application/pdf")


async def _text(_: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), {"/", "/text"}),
        (("--types", "*/*"), {"/", "/text", "/pdf"}),
        (("--types", "text/html", "--types", "*/pdf"), {"/", "/pdf"}),
    ],
)
async def test_pages_and_text_are_read_and_other_types_where_they_are_asked_for(
    options: tuple[str, ...], expected: set[str]
) -> None:
    async with serve({"/": links("/pdf", "/text"), "/pdf": _pdf, "/text": _text}) as site:
        finished = await run("site", site.url, "--executor", "inline", *options)

    assert paths(finished, site) == expected
    assert ("ContentTypeError: --types says which types are read; --types '*/*' reads all" in finished.err) == (
        expected != {"/", "/text", "/pdf"}
    )


SITEMAP = "<urlset><url><loc>/a</loc></url></urlset>"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sitemap.xml",), {"/a", "/b"}),
        (("--sitemap", "sitemap.php"), {"/a", "/b"}),
        (("", "--sitemap", "sitemap.php"), {"/", "/a", "/b"}),
        (("sitemap.php",), {"/a", "/b"}),
        (("sitemap.php?type=posts",), {"/a", "/b"}),
    ],
)
async def test_a_sitemap_is_a_seed(arguments: tuple[str, ...], expected: set[str]) -> None:
    pages = {"/": links(), "/a": links("/b"), "/b": links(), "/sitemap.xml": SITEMAP, "/sitemap.php": SITEMAP}
    async with serve(pages) as site:
        given = [part if part.startswith("--") else site.url + part for part in arguments]
        finished = await run("site", *given, "--executor", "inline")

    assert finished.code == 0, finished.err
    assert paths(finished, site) == expected


@pytest.mark.parametrize(
    ("name", "is_sitemap"),
    [
        ("sitemap.xml", True),
        ("de/Sitemap_index.XML", True),
        ("posts.xml.gz", True),
        ("sitemap-1.txt", True),
        ("feed.rss", True),
        ("feed.atom", True),
        ("", False),
        ("notes.txt", False),
        ("sitemap", False),
        ("sitemap.html", False),
        ("?file=sitemap.xml", False),
        ("sitemap.xml?page=2", True),
        ("xml", False),
    ],
)
def test_a_seed_is_a_sitemap_by_its_name(name: str, is_sitemap: bool) -> None:
    url = f"https://example.org/{name}"

    assert seed_of(url) == (sitemap(url) if is_sitemap else url)


# ── options ──


async def test_urls_that_differ_in_what_does_not_matter_are_one_page() -> None:
    async with serve(
        {"/": links("/a?b=1&a=2", "/a?utm_source=x&a=2&b=1", "/a?a=2&fbclid=y&b=1"), "/a": links()}
    ) as site:
        apart = await run("site", site.url, "--executor", "inline")
        alike = await run("site", site.url, "--executor", "inline", "--drop-tracking", "--sort-query")

    assert len(apart.out.splitlines()) == 4
    assert [json.loads(line)["url"] for line in alike.out.splitlines()] == [site.url, f"{site.url}a?a=2&b=1"]


@pytest.mark.parametrize(("options", "expected"), [((), {"/"}), (("--ignore-robots",), {"/", "/private"})])
async def test_robots_txt_is_obeyed_unless_one_says_otherwise(options: tuple[str, ...], expected: set[str]) -> None:
    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: crawler\nDisallow: /private")

    async with serve({"/": links("/private"), "/private": links(), "/robots.txt": robots}) as site:
        finished = await run("site", site.url, "--executor", "inline", *options)

    assert paths(finished, site) == expected
    assert ("1 denied by robots.txt" in finished.err) == (not options)
    assert ("/robots.txt" in site.asked) == (not options)


async def test_header_fields_and_cookies_are_sent_with_each_request() -> None:
    async def front(_: web.Request) -> web.StreamResponse:
        return web.Response(text=links("/a"), content_type="text/html", headers={"Set-Cookie": "id=7"})

    async with serve({"/": front, "/a": links()}) as site:
        await run("site", site.url, "--executor", "inline", "--header", "X-Key: 1", "--cookies", "memory")

    assert [request.headers.get("X-Key") for request in site.requests] == ["1", "1"]
    assert [request.cookies.get("id") for request in site.requests] == [None, "7"]


async def test_a_crawl_can_be_repeated_without_a_network_and_say_what_has_changed(tmp_path: Path) -> None:
    options = ("--executor", "inline", "-q", "--cache", "pages.sqlite", "--cache-mode")
    async with serve({"/": links("/a"), "/a": links()}) as site:
        first = await run("site", site.url, *options, "changed", cwd=tmp_path)
        second = await run("site", site.url, *options, "changed", cwd=tmp_path)
        asked = len(site.asked)
        replayed = await run("site", site.url, *options, "replay", cwd=tmp_path)

    assert (asked, len(site.asked)) == (4, 4)
    assert [json.loads(line).get("changed") for line in first.out.splitlines()] == [None, None]
    assert [json.loads(line).get("changed") for line in second.out.splitlines()] == [False, False]
    assert replayed.out == first.out


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (None, ("--cache", "absent", "--cache-mode", "replay"), "there is no cache 'absent' to replay"),
        ("mine", ("--cache", "there.db"), "the cache 'there.db' is damaged, or no SQLite file"),
        (None, ("--cookies", "absent/jar"), "cookies cannot be stored in 'absent/jar'"),
        ("mine", ("--cookies", "there.db"), "'there.db' is no file of cookies"),
        (None, ("--ca-file", "absent"), "ca_file='absent': expected a PEM file"),
    ],
)
async def test_files_that_cannot_be_used_end_it_before_anything_is_fetched_or_written(
    content: str | None, options: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "pages.jsonl").write_text("precious\n")
    if content is not None:
        (tmp_path / "there.db").write_text(content)
    async with serve({"/": links()}) as site:
        finished = await run("site", site.url, "-o", "pages.jsonl", "--executor", "inline", *options, cwd=tmp_path)

    assert finished.code == 2
    assert expected in finished.error
    assert site.asked == []
    assert (tmp_path / "pages.jsonl").read_text() == "precious\n"
    assert content is None or (tmp_path / "there.db").read_text() == content


def paths(finished: Finished, site: Site) -> set[str]:
    """The paths of the pages that standard output has lines of."""
    return {json.loads(line)["url"].replace(site.url, "/") for line in finished.out.splitlines()}


@pytest.mark.parametrize(("options", "expected"), [((), {"/"}), (("--sitemaps",), {"/", "/a", "/b"})])
async def test_the_sitemaps_in_robots_txt_are_seeds_where_one_wants_that(
    options: tuple[str, ...], expected: set[str]
) -> None:
    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="Sitemap: /map.php\nSitemap: http://127.0.0.2/sitemap.xml\n")

    pages: dict[str, Answer] = {"/": links(), "/a": links("/b"), "/b": links(), "/map.php": SITEMAP}
    async with serve(pages | {"/robots.txt": robots}) as site:
        finished = await run("site", site.url, "--executor", "inline", *options)

    assert finished.code == 0, finished.err
    assert paths(finished, site) == expected


async def test_sitemaps_cannot_be_found_without_robots_txt() -> None:
    finished = await run("site", "http://127.0.0.1:25/", "--sitemaps", "--ignore-robots")

    assert finished.code == 2
    assert "sitemaps=True contradicts robots=False" in finished.error


async def _refreshed(_: web.Request) -> web.StreamResponse:
    return web.Response(text="", content_type="text/html", headers={"Refresh": "0; url=/header"})


async def test_refreshes_and_frames_are_followed() -> None:
    pages: dict[str, Answer] = {
        "/": '<meta http-equiv="refresh" content="0; url=/meta">',
        "/meta": '<frameset><frame src="/frame"><frame src="/refreshed"></frameset>',
        "/frame": '<iframe src="/iframe"></iframe>',
        "/iframe": "",
        "/refreshed": _refreshed,
        "/header": "",
    }
    async with serve(pages) as site:
        finished = await run("site", site.url)
        assert sorted(site.asked) == sorted(pages)
    assert len(finished.out.splitlines()) == 6


@pytest.mark.parametrize("query", ["", "?type=posts"])
async def test_a_seed_is_a_sitemap_by_its_content_whatever_its_name(query: str) -> None:
    async def listed(_: web.Request) -> web.StreamResponse:
        text = '<?xml version="1.0"?><!-- made --><urlset><url><loc>/a</loc></url></urlset>'
        return web.Response(text=text, content_type="text/xml")

    pages: dict[str, Answer] = {"/sitemap.php": listed, "/a": '<a href="/b.xml">b</a>', "/b.xml": listed}
    async with serve(pages) as site:
        finished = await run("site", f"{site.url}sitemap.php{query}")
        assert site.asked == ["/sitemap.php", "/a", "/b.xml"]
    assert [json.loads(line)["url"] for line in finished.out.splitlines()] == [f"{site.url}a"]
