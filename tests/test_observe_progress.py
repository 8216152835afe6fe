"""Progress: the live display, and the lines of a log."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest
from rich.console import Console

from crawler.crawl.summary import Statistics
from crawler.models import Ledger
from crawler.observe.log import LogLines, crawl_text, line
from crawler.observe.progress import LiveDisplay, draw
from crawler.observe.recent import Window
from crawler.parsing.lane import WorkerStatistics
from crawler.parsing.stage import StageStatistics

TITLE = "https://books.example/"
NOW = Statistics(
    ledger=Ledger(discovered=1600, pending=1500, in_flight=64, done=33, failed=3),
    hosts=2,
    fetching=64,
    fetched=1234,
    items=1200,
    bytes=12_345_678,
    retries=7,
    errors={"ConnectError": 1, "StatusError": 2},
    seconds=10.0,
    loop_lag_p99=0.0012,
    shares={"network": 1.0},
    stage=StageStatistics(
        workers=tuple(WorkerStatistics(pid, 50, 5, busy, restarts=0) for pid, busy in ((1, 5.0), (2, 10.0)))
    ),
)
FACTS = ("1,234", "123/s", "1,500", "64 in flight", "2 hosts", "1,200", "12.3 MB", "75 %", "1.2 ms", "network", "0:10")


def window() -> Window:
    window = Window(4)
    window.add(NOW)
    return window


def drawn(width: int, statistics: Statistics = NOW) -> str:
    console = Console(file=io.StringIO(), width=width)
    one = Window(4)
    one.add(statistics)
    with console.capture() as capture:
        console.print(draw(one, TITLE, width))
    return capture.get()


def test_the_display_shows_all_that_goes_on() -> None:
    text = drawn(80)

    assert all(fact in text for fact in (*FACTS, TITLE, "7 tried again, mostly StatusError", "▅█"))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_display_fits_the_terminal_and_keeps_its_height(width: int) -> None:
    lines = drawn(width).splitlines()

    assert len(lines) == 9
    assert all(len(line) <= min(width, 80) - 2 for line in lines)


def test_the_display_says_when_a_crawl_is_being_drained() -> None:
    stopping = Statistics(seconds=10.0, stopped_by="stop")

    assert "finishing https://books.example/" in drawn(80, stopping)
    assert "Ctrl-C stops at once" in drawn(80, stopping)


def test_markup_in_an_address_is_shown_as_it_is() -> None:
    one = Window(4)
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(draw(one, "https://books.example/[red]", 80))

    assert "https://books.example/[red]" in capture.get()


async def test_the_live_display_wipes_itself_away() -> None:
    terminal = io.StringIO()
    looked = asyncio.Event()

    def statistics() -> Statistics:
        looked.set()
        return NOW

    console = Console(file=terminal, force_terminal=True, width=80, color_system=None)
    with LiveDisplay(console, statistics, TITLE, interval=0):
        await looked.wait()

    assert "1,234" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K")


def test_a_line_of_the_log_says_all_that_goes_on() -> None:
    expected = (
        "1,234 pages, 123 pages/s, 1,500 queued, 64 in flight, 1,200 items, 12.3 MB, 3 failed, "
        "workers 75 % busy, loop lag p99 1.2 ms, limited by network"
    )
    assert line(window()) == expected


async def test_lines_are_logged_until_they_are_left(caplog: pytest.LogCaptureFixture) -> None:
    looks = asyncio.Semaphore(0)

    def statistics() -> Statistics:
        looks.release()
        return NOW

    caplog.set_level(logging.INFO, "crawler.progress")
    with LogLines(crawl_text(statistics), interval=0):
        for _ in range(3):
            await looks.acquire()

    assert len(caplog.messages) >= 3
    assert caplog.messages[0] == line(window())
