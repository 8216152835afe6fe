"""What a thread opens for a coroutine that was cancelled is closed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from crawler.policy.state_folder import StateFolder
from crawler.runtime.opening import open_in_thread
from crawler.state import sqlite_record
from crawler.state.sqlite_record import open_record
from crawler.state.sqlite_store import Store

pytestmark = pytest.mark.both_loops


class Thing:
    """Something that is opened; the test says when."""

    def __init__(self) -> None:
        self.may_open, self.begun = threading.Event(), threading.Event()
        self.is_open, self.fails = False, False

    def open(self) -> Thing:
        self.begun.set()
        self.may_open.wait()
        if self.fails:
            raise OSError("no such thing")
        self.is_open = True
        return self

    def close(self) -> None:
        self.is_open = False


async def test_what_was_opened_is_returned() -> None:
    thing = Thing()
    thing.may_open.set()
    assert await open_in_thread(thing.open, Thing.close) is thing
    assert thing.is_open


async def test_an_error_of_the_opener_is_raised() -> None:
    thing = Thing()
    thing.fails = True
    thing.may_open.set()
    with pytest.raises(OSError, match="no such thing"):
        await open_in_thread(thing.open, Thing.close)


@pytest.mark.parametrize("fails", [False, True], ids=["opens", "fails"])
@pytest.mark.parametrize("cancels", [1, 3])
async def test_a_cancelled_caller_leaves_nothing_open_however_often_it_is_cancelled(cancels: int, fails: bool) -> None:
    thing = Thing()
    thing.fails = fails
    opening = asyncio.create_task(open_in_thread(thing.open, Thing.close))
    await asyncio.to_thread(thing.begun.wait)
    for _ in range(cancels):
        opening.cancel()
        await asyncio.sleep(0)
    assert not opening.done()  # the thread cannot be stopped
    thing.may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not thing.is_open


async def test_a_start_that_is_cancelled_leaves_the_state_folder_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    def slow(*args: object, **options: object) -> Store:
        made = Store(*args, **options)  # type: ignore[arg-type]
        begun.set()
        may_go_on.wait()
        return made

    async def start() -> None:
        async with open_record(StateFolder(tmp_path), is_depth_first=False):
            raise AssertionError("it was cancelled before")

    monkeypatch.setattr(sqlite_record, "Store", slow)
    starting = asyncio.create_task(start())
    await asyncio.to_thread(begun.wait)
    starting.cancel()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        assert record.is_durable
