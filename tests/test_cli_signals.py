"""Ctrl-C and SIGTERM: the first drains, the second ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli_process import finish, start
from tests.integration.sites import links, serve


@dataclass
class SlowSite:
    """A site whose second page is answered when the test says so."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def slow_site() -> AsyncIterator[SlowSite]:
    slow = SlowSite()

    async def second(_: web.Request) -> web.StreamResponse:
        slow.asked.set()
        await slow.answer.wait()
        return web.Response(text=links("/third"), content_type="text/html")

    async with serve({"/": links("/second"), "/second": second, "/third": links()}) as site:
        slow.url = site.url
        yield slow
        slow.answer.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_finishes_what_is_in_flight(
    number: signal.Signals, slow_site: SlowSite, tmp_path: Path
) -> None:
    output = tmp_path / "pages.jsonl"
    process = await start("site", slow_site.url, "-o", str(output), "--workers", "1")
    await slow_site.asked.wait()

    process.send_signal(number)
    await _read_until(process, "Ctrl-C again stops at once")
    slow_site.answer.set()
    finished = await finish(process)

    assert finished.code == 0
    assert "stopped on request" in finished.err
    urls = [json.loads(line)["url"] for line in output.read_text().splitlines()]
    assert urls == [slow_site.url, f"{slow_site.url}second"]


async def test_the_second_signal_ends_at_once(slow_site: SlowSite) -> None:
    process = await start("site", slow_site.url, "--workers", "1")
    await slow_site.asked.wait()

    process.send_signal(signal.SIGINT)
    await _read_until(process, "Ctrl-C again stops at once")
    process.send_signal(signal.SIGINT)
    finished = await finish(process)

    assert finished.code == 130
    assert "Traceback" not in finished.err
    assert [json.loads(line)["url"] for line in finished.out.splitlines()] == [slow_site.url]


async def test_a_signal_before_the_first_fetch_ends_at_once(slow_site: SlowSite, tmp_path: Path) -> None:
    text = f"""
import urllib.request
from multiprocessing import parent_process

if parent_process():  # a worker
    urllib.request.urlopen("{slow_site.url}second")

def parse(page):
    yield page.url
"""
    (tmp_path / "slow.py").write_text(text)
    process = await start("run", str(tmp_path / "slow.py"), slow_site.url, "--workers", "1")
    await slow_site.asked.wait()

    process.send_signal(signal.SIGINT)
    finished = await finish(process)

    assert finished.code == 130
    assert "Traceback" not in finished.err
    assert finished.out == ""


async def test_any_number_of_signals_ends_the_crawl_without_a_traceback(slow_site: SlowSite, tmp_path: Path) -> None:
    """Those behind the second meet the event loop and its threads while they are being closed."""
    for _ in range(3):
        process = await start("site", slow_site.url, "-o", str(tmp_path / "pages.jsonl"), "--workers", "1")
        await slow_site.asked.wait()
        process.send_signal(signal.SIGINT)
        await _read_until(process, "Ctrl-C again stops at once")
        while process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)  # `send_signal` would take the exit status
            await asyncio.sleep(0.001)
        finished = await finish(process)
        assert finished.code == 130
        assert "Traceback" not in finished.err
        slow_site.asked.clear()


@pytest.mark.parametrize("where", ["preload=('waiting',)", "initializer=wait"])
async def test_ctrl_c_while_workers_are_started_goes_to_them_too_and_shows_nothing_of_them(
    where: str, slow_site: SlowSite, tmp_path: Path
) -> None:
    waiting = f"""
import urllib.request
if __name__ == "waiting":  # in the fork server
    urllib.request.urlopen("{slow_site.url}second")
"""
    crawl = f"""
from urllib.request import urlopen
from crawler import Cpu

def wait():
    urlopen("{slow_site.url}second")

def parse(page):
    yield page.url

cpu = Cpu(workers=2, grace=0.1, {where})
"""
    (tmp_path / "waiting.py").write_text(waiting)
    (tmp_path / "crawl.py").write_text(crawl)
    process = await start("run", "crawl.py", slow_site.url, cwd=tmp_path, own_group=True)
    await slow_site.asked.wait()

    os.killpg(process.pid, signal.SIGINT)
    slow_site.answer.set()  # what is preloaded is waited for
    finished = await finish(process)

    assert finished.code == 130
    [line] = finished.err.splitlines()
    assert "stopped at once" in line


async def _read_until(process: asyncio.subprocess.Process, text: str) -> str:
    """Read what the process says until a line with ``text``; return that line."""
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if text in line:
            return line
    raise AssertionError(f"the process never said {text!r}")
