"""``crawler fetch``: one page, as it is or in part."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli_process import finish, run, start
from tests.cli_terminal import terminal
from tests.integration.sites import Site, redirect, serve

PAGE = """<!doctype html><head><title>Books</title><style>h1 { color: red }</style></head>
<body><h1>Old
  books</h1><p>All <b>very</b> old.<br>Cheap.</p><script>alert()</script>
<ul><li><a href="/a#top">One</a><li><a href="/a">Again</a><li><a href="mailto:me@example.org">Mail</a></ul>"""
BYTES = bytes(range(256))


async def _bytes(_: web.Request) -> web.StreamResponse:
    return web.Response(body=BYTES, content_type="application/octet-stream")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    pages = {"/": PAGE, "/old": redirect("/"), "/circle": redirect("/circle"), "/bytes": _bytes}
    async with serve(pages) as site:
        yield site


async def test_the_body_goes_to_standard_output_and_nothing_else(site: Site) -> None:
    finished = await run("fetch", site.url)

    assert finished.code == 0
    assert finished.out == PAGE
    assert finished.err.startswith(f"200 OK {site.url} (")


async def test_quiet_says_nothing_and_verbose_shows_the_header_fields(site: Site) -> None:
    assert (await run("fetch", site.url, "-q")).err == ""
    assert "content-type: text/html" in (await run("fetch", site.url, "-v")).err


async def test_text_is_what_a_person_reads(site: Site) -> None:
    finished = await run("fetch", site.url, "--text")

    assert finished.out.splitlines() == ["Old books", "All very old.", "Cheap.", "One", "Again", "Mail"]


async def test_links_are_resolved_and_each_shown_once(site: Site) -> None:
    finished = await run("fetch", site.url, "--links")

    assert finished.out == f"{site.url}a\n"


async def test_header_fields_alone_are_asked_for_with_head(site: Site) -> None:
    finished = await run("fetch", site.url, "--headers-only")

    assert site.requests[0].method == "HEAD"
    assert finished.out.startswith("200 OK\n")
    assert "content-type: text/html; charset=utf-8\n" in finished.out
    assert finished.err == ""


async def test_redirects_are_followed(site: Site) -> None:
    finished = await run("fetch", f"{site.url}old")

    assert finished.out == PAGE
    assert f"redirected from {site.url}old" in finished.err


async def test_a_circle_of_redirects_is_no_page(site: Site) -> None:
    finished = await run("fetch", f"{site.url}circle")

    assert finished.code == 3
    assert "ProtocolError: redirect loop: " in finished.error
    assert "redirects to itself" in finished.error


async def test_a_page_that_cannot_be_fetched_exits_with_3(site: Site, tmp_path: Path) -> None:
    finished = await run("fetch", f"{site.url}absent", "-o", "page.html", cwd=tmp_path)

    assert finished.code == 3
    assert "404 Not Found" in finished.error
    assert not (tmp_path / "page.html").exists()


async def test_output_takes_the_bytes_as_they_are(site: Site, tmp_path: Path) -> None:
    finished = await run("fetch", f"{site.url}bytes", "-o", "body.bin", cwd=tmp_path)

    assert finished.code == 0
    assert finished.out == ""
    assert (tmp_path / "body.bin").read_bytes() == BYTES


# ── what is no page ──


async def test_the_header_fields_of_what_is_no_page_are_shown_too(site: Site) -> None:
    finished = await run("fetch", f"{site.url}absent", "-v")

    assert (finished.code, finished.out) == (3, "")
    assert finished.err.startswith(f"404 Not Found {site.url}absent\n")
    assert "\nserver: Python/" in finished.err
    assert finished.error == f"error: failed {site.url}absent: StatusError: 404 Not Found"


async def test_header_fields_alone_are_shown_of_what_is_no_page(site: Site) -> None:
    finished = await run("fetch", f"{site.url}absent", "--headers-only")

    assert finished.code == 3
    assert finished.out.startswith("404 Not Found\n")
    assert "\nserver: Python/" in finished.out


async def test_without_an_answer_there_is_nothing_but_the_error() -> None:
    finished = await run("fetch", "http://127.0.0.1:25/", "-v", "--headers-only", "--attempts", "1")

    assert (finished.code, finished.out) == (3, "")
    assert len(finished.err.splitlines()) == 1
    assert "error: failed http://127.0.0.1:25/: ConnectError: " in finished.error


async def test_what_may_pass_is_tried_again_and_the_error_says_how_often() -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async with serve({"/": busy}) as site:
        finished = await run("fetch", site.url, "--attempts", "2")

    assert site.asked == ["/", "/"]
    assert finished.error == f"error: failed {site.url} after 2 attempts: StatusError: 503 Service Unavailable"


async def test_a_second_try_may_succeed() -> None:
    async def once_busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503 if len(server.asked) == 1 else 200, text="in")

    async with serve({"/": once_busy}) as server:
        finished = await run("fetch", server.url)

    assert (finished.code, finished.out) == (0, "in")


# ── what is different from a crawl ──


async def test_robots_txt_is_not_asked() -> None:
    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: *\nDisallow: /")

    async with serve({"/": PAGE, "/robots.txt": robots}) as site:
        finished = await run("fetch", site.url)

    assert finished.out == PAGE
    assert site.asked == ["/"]


async def test_redirects_end_where_there_are_too_many() -> None:
    async def on(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"/?{int(request.query_string or 0) + 1}"})

    async with serve({"/": on}) as site:
        finished = await run("fetch", site.url)

    assert (
        finished.error == f"error: failed {site.url}?10: TooManyRedirectsError: more than 10 redirects, of {site.url}"
    )
    assert len(site.asked) == 11


async def _wants_cookie(request: web.Request) -> web.StreamResponse:
    if "seen" in request.cookies:
        return web.Response(text="in")
    return web.Response(status=302, headers={"Location": "/", "Set-Cookie": "seen=yes; Max-Age=60"})


async def test_cookies_are_kept_on_the_way_and_in_a_file_for_the_next_time(tmp_path: Path) -> None:
    async with serve({"/": _wants_cookie}) as site:
        first = await run("fetch", site.url, "--cookies", "jar.json", cwd=tmp_path)
        second = await run("fetch", site.url, "--cookies", "jar.json", cwd=tmp_path)
        third = await run("fetch", site.url, "--cookies", "memory", cwd=tmp_path)

    assert (first.out, second.out, third.out) == ("in", "in", "in")
    assert [request.cookies.get("seen") for request in site.requests] == [None, "yes", "yes", None, "yes"]
    assert (tmp_path / "jar.json").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["jar.json"]  # noqa: PTH208  # nothing is waited for here


async def test_without_cookies_a_site_that_wants_them_is_a_circle() -> None:
    async with serve({"/": _wants_cookie}) as site:
        finished = await run("fetch", site.url)

    assert "ProtocolError: redirect loop: " in finished.error
    assert "redirects to itself" in finished.error


async def test_header_fields_are_sent_and_the_size_of_a_body_is_bounded(site: Site) -> None:
    finished = await run("fetch", site.url, "--header", "X-Key: 1", "--contact", "me@example.org", "--max-body", "100")

    [request] = site.requests
    assert (request.headers["X-Key"], request.headers["User-Agent"]) == ("1", "crawler/0.1 (+me@example.org)")
    assert finished.code == 3
    assert finished.error.endswith("100 are allowed; --max-body allows larger ones")


# ── the cache ──


async def test_what_is_kept_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    keep = ("--cache", "pages.sqlite", "--cache-mode", "forever")
    first = await run("fetch", site.url, *keep, cwd=tmp_path)
    second = await run("fetch", site.url, *keep, cwd=tmp_path)

    assert site.asked == ["/"]
    assert first.out == second.out == PAGE
    assert "from the cache" not in first.err
    assert ", from the cache)" in second.err


async def test_a_replay_asks_nobody_and_says_how_to_record_what_is_missing(site: Site, tmp_path: Path) -> None:
    await run("fetch", site.url, "--cache", "pages", "--cache-mode", "forever", cwd=tmp_path)
    replay = ("--cache", "pages", "--cache-mode", "replay")
    there = await run("fetch", site.url, *replay, cwd=tmp_path)
    missing = await run("fetch", f"{site.url}old", *replay, cwd=tmp_path)

    assert site.asked == ["/"]
    assert there.out == PAGE
    assert missing.code == 3
    assert missing.error.endswith("; --cache-mode forever records what --cache-mode replay shows")


async def test_it_says_what_changed_since_last_time(tmp_path: Path) -> None:
    async def changing(_: web.Request) -> web.StreamResponse:
        return web.Response(text=texts[len(server.asked) - 1])

    texts = ["one", "one", "two"]
    async with serve({"/": changing}) as server:
        keep = ("--cache", "pages", "--cache-mode", "changed")
        said = [(await run("fetch", server.url, *keep, cwd=tmp_path)).err for _ in texts]

    assert ["since" in each for each in said] == [False, True, True]
    assert ", unchanged since last time)" in said[1]
    assert ", changed since last time)" in said[2]


async def test_a_page_that_the_server_confirms_comes_from_the_cache(tmp_path: Path) -> None:
    async def tagged(request: web.Request) -> web.StreamResponse:
        known = request.headers.get("If-None-Match") == '"1"'
        return web.Response(status=304 if known else 200, text=None if known else "in", headers={"ETag": '"1"'})

    async with serve({"/": tagged}) as site:
        await run("fetch", site.url, "--cache", "pages", cwd=tmp_path)
        finished = await run("fetch", site.url, "--cache", "pages", cwd=tmp_path)

    assert finished.out == "in"
    assert ", not modified since it was put into the cache)" in finished.err


async def test_on_a_terminal_the_header_fields_of_what_is_no_page_are_shown(site: Site) -> None:
    async with terminal("fetch", f"{site.url}absent", stdout=None) as screen:
        done = await screen.finish()

    assert done.code == 3
    assert "404 Not Found" in screen.shown
    assert "server: " in screen.shown


async def test_ctrl_c_ends_it_and_keeps_the_cookies_that_came(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("the event is never set")

    async def front(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/slow", "Set-Cookie": "seen=yes; Max-Age=60"})

    async with serve({"/": front, "/slow": slow}) as server:
        process = await start("fetch", server.url, "--cookies", "jar.json", "--cache", "pages", cwd=tmp_path)
        await asked.wait()
        process.send_signal(signal.SIGINT)
        finished = await finish(process)

    assert (finished.code, finished.out, finished.err) == (130, "", "")
    assert '"seen"' in (tmp_path / "jar.json").read_text()


async def test_a_replay_tries_nothing_again(tmp_path: Path) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "3600"})

    async with serve({"/": busy}) as server:
        recorded = ("--cache", "pages", "--cache-mode", "changed", "--attempts", "1")
        await run("fetch", server.url, *recorded, cwd=tmp_path)
        finished = await run("fetch", server.url, "--cache", "pages", "--cache-mode", "replay", cwd=tmp_path)

    assert finished.error == f"error: failed {server.url}: StatusError: 503 Service Unavailable"
