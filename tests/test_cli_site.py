"""``crawler site``: options, output, summary and exit codes of a crawl without code."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures_server import FixturesServer, Web
from tests.cli_process import finish, run, start

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
    finished = await run("site", f"{server.url}missing/0.html", "--tries", "1", "--executor", "inline")

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
