"""What parsers print: to standard error, above the display, never into the items."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crawler.cli.prints import CrashDumps, prints_logged
from fixtures_server import FixturesServer, Web
from tests.cli_process import finish, run, start
from tests.test_cli_site import read_all

PARSER = """
import sys

def parse(page):
    print("out", page.url)
    print("err", page.url, file=sys.stderr)
    yield page.url
    yield from page.links()
"""
CRASH = """
import ctypes

def parse(page):
    yield page.url
    yield from page.links()
    if page.url.endswith("/p/1.html"):
        print("last words")
        ctypes.string_at(0)
"""
# What faulthandler says, and what came before and after it.
DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f16450ff6c0 (most recent call first):
  File "connection.py", line 947 in wait
  ...

Current thread 0x00007f1647428b80 (most recent call first):
  File "crawl.py", line 5 in parse
  <no Python frame>

Current thread's C stack trace (most recent call first):
  Binary file "python", at _PyEval_EvalFrameDefault+0x1
  <cannot get C stack on this system>

Extension modules: msgspec._core (total: 1)"""


@pytest.fixture
async def server() -> AsyncIterator[FixturesServer]:
    async with FixturesServer(Web(pages=5, numbers=0, page_bytes=0)) as server:
        yield server


@pytest.mark.parametrize("executor", ["process", "thread", "inline"])
async def test_prints_go_to_standard_error_and_items_to_standard_output(
    executor: str, server: FixturesServer, tmp_path: Path
) -> None:
    (tmp_path / "crawl.py").write_text(PARSER)

    finished = await run("run", "crawl.py", server.url, "--executor", executor, "--workers", "1", cwd=tmp_path)

    assert sorted(map(json.loads, finished.out.splitlines())) == sorted(server.truth().reachable)
    assert finished.err.count(f"out {server.url}") == 5
    assert finished.err.count(f"err {server.url}") == 5


async def test_a_file_that_prints_when_it_is_imported_does_not_print_into_the_items(
    server: FixturesServer, tmp_path: Path
) -> None:
    (tmp_path / "crawl.py").write_text("print('imported')\n" + PARSER)

    finished = await run("run", "crawl.py", server.url, "--json", "--executor", "inline", cwd=tmp_path)

    assert json.loads(finished.out)["items"] == 5
    assert "imported" in finished.err


async def test_quiet_keeps_prints_away(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text(PARSER)

    finished = await run("run", "crawl.py", server.url, "-q", "--workers", "1", cwd=tmp_path)

    assert finished.err == ""
    assert len(finished.out.splitlines()) == 5


@pytest.mark.parametrize("executor", ["process", "inline"])
async def test_a_terminal_shows_prints_above_the_display(executor: str, server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text(PARSER)
    terminal, end_for_process = os.openpty()
    options = ("--executor", executor, "--workers", "1", "-o", "items.jsonl")
    process = await start(
        "run", "crawl.py", server.url, *options, stdout=end_for_process, stderr=end_for_process, cwd=tmp_path
    )
    os.close(end_for_process)
    shown = (await asyncio.to_thread(read_all, terminal)).decode()
    await finish(process)

    printed = [line for line in shown.splitlines() if f"out {server.url}" in line]
    assert len(printed) == 5
    assert not any("│" in line or "╭" in line for line in printed)


async def test_a_page_that_kills_its_worker_takes_one_line(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text(CRASH)

    finished = await run("run", "crawl.py", server.url, "-o", "items.jsonl", cwd=tmp_path)

    [kept] = (tmp_path / "quarantine").iterdir()
    [warning] = [line for line in finished.err.splitlines() if "warning: quarantined" in line]
    assert f"quarantined {server.url}p/1.html: " in warning
    assert "SIGSEGV" in warning
    assert warning.endswith(f"crawler replay quarantine/{kept.name}")
    assert "last words" in finished.err
    assert "Segmentation fault" not in finished.err
    assert "most recent call first" not in finished.err
    assert f"\n              crawler replay quarantine/{kept.name}\n" in finished.err


async def test_verbose_tells_where_a_worker_died(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text(CRASH)

    finished = await run("run", "crawl.py", server.url, "-o", "items.jsonl", "-v", cwd=tmp_path)

    assert "Fatal Python error: Segmentation fault" in finished.err
    assert f'File "{tmp_path / "crawl.py"}", line 9 in parse' in finished.err


async def test_without_quarantine_nothing_is_kept(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text(CRASH)

    finished = await run("run", "crawl.py", server.url, "-o", "items.jsonl", "--quarantine", "none", cwd=tmp_path)

    assert not (tmp_path / "quarantine").exists()
    assert "its body is not saved" in finished.err
    assert "crawler replay" not in finished.err


async def test_a_parser_in_another_folder_is_named_to_the_replay(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "crawl.py").write_text(CRASH)

    finished = await run("run", "shop/crawl.py", server.url, "-o", "items.jsonl", cwd=tmp_path)

    [kept] = (tmp_path / "quarantine").iterdir()
    command = f"crawler replay quarantine/{kept.name} --parser shop/crawl.py"
    assert command in finished.err
    replayed = await run(*command.split()[1:], cwd=tmp_path)
    assert "Segmentation fault" in replayed.err


def shown(lines: str, worker: str = "worker 1", filtered: CrashDumps | None = None) -> list[str]:
    """What the filter lets through of what a worker prints."""
    dumps = filtered or CrashDumps()
    records = [
        logging.LogRecord("crawler.worker", logging.INFO, "", 0, "%s: %s", (worker, line), None)
        for line in lines.split("\n")
    ]
    return [str(record.args[1]) for record in records if dumps.filter(record) and isinstance(record.args, tuple)]


@pytest.mark.parametrize(
    "first", ["Fatal Python error: Segmentation fault", "Timeout (0:00:30)!", "Timeout (0:00:00.5)!"]
)
def test_the_dump_of_a_dying_worker_is_left_out_and_nothing_else(first: str) -> None:
    dump = DUMP.replace("Fatal Python error: Segmentation fault", first)

    assert shown(f"before\n{dump}\nafter\n\n  File of mine") == ["before", "after", "", "  File of mine"]


def test_a_traceback_that_a_parser_prints_is_shown() -> None:
    text = 'Traceback (most recent call last):\n  File "crawl.py", line 1, in parse\nValueError: bad'

    assert shown(text) == text.split("\n")


def test_one_worker_dies_while_another_prints() -> None:
    dumps = CrashDumps()

    assert shown("Fatal Python error: Aborted\n", "worker 1", dumps) == []
    assert shown("  File x", "worker 2", dumps) == ["  File x"]
    assert shown("  File x", "worker 1", dumps) == []


def test_other_messages_pass() -> None:
    record = logging.LogRecord("crawler", logging.INFO, "", 0, "Fatal Python error: %s", ("no",), None)

    assert CrashDumps().filter(record)


def test_prints_of_this_process_become_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "crawler.worker"), prints_logged(wanted=True):
        print("one", "and", end=" ")
        print("the rest\ntwo")
        print("unfinished", end="")

    assert caplog.messages == ["parser: one and the rest", "parser: two", "parser: unfinished"]
