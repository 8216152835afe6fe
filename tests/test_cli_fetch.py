"""``crawler fetch``: one page, as it is or in part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli_process import run
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
    assert finished.error.endswith("ProtocolError: redirects to itself")


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
