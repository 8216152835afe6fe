from __future__ import annotations

import faulthandler
import gc
import os
import resource
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler.parsing.cpu import Cpu
from crawler.parsing.process import WorkerDiedError
from crawler.parsing.slot import Slot
from crawler.parsing.slots import open_slots
from crawler.parsing.worker_guard import Guard, GuardOptions, resident_bytes
from tests import harmful
from tests.harmful import page

UNLIMITED = GuardOptions(niceness=0, deadline=None, memory_bytes=None)


def address_space() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_AS)


def where_output_goes() -> list[str]:
    return [str(Path(f"/proc/self/fd/{descriptor}").readlink()) for descriptor in (0, 1, 2)]


def signals() -> tuple[bool, set[signal.Signals]]:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN, {*signal.pthread_sigmask(signal.SIG_BLOCK, ())}  # type: ignore[arg-type]


def frozen() -> int:
    return gc.get_freeze_count()


@asynccontextmanager
async def open_slot(**options: Any) -> AsyncIterator[Slot]:
    async with open_slots(Cpu(workers=1, **options), harmful.parse) as [slot]:
        yield slot


# ── what a worker notes ──


def test_a_guard_notes_which_call_and_page_is_worked_on_and_for_how_long() -> None:
    progress = [0] * 5
    before = time.monotonic_ns()
    _, output = Pipe(duplex=False)
    guard = Guard(UNLIMITED, output, progress)
    with guard.call(7):
        assert progress[4] >= before  # nothing in it is overdue before it begins
        guard.begin(0)
        assert progress[:2] == [7, 0]
        guard.begin(3)
        assert progress[:2] == [7, 3]
        assert progress[2] > 0
    assert progress[0] == 0
    worked = progress[3]
    assert worked > 0
    with pytest.raises(KeyError), guard.call(8):
        raise KeyError
    assert progress[0] == 0
    assert progress[3] > worked


def test_resident_bytes_are_those_of_this_process() -> None:
    assert resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


# ── what a worker is ──


@pytest.mark.parametrize("limit", [2**28, 2**32, None])
async def test_a_worker_has_no_more_address_space_than_it_may(limit: int | None) -> None:
    soft, hard = address_space()
    async with open_slot(memory_bytes=limit) as slot:
        assert await slot.call(address_space, ()) == (soft if limit is None else limit, hard)


async def test_a_worker_has_the_whole_guard() -> None:
    async with open_slot() as slot:
        assert await slot.call(signals, ()) == (True, set())
        assert await slot.call(faulthandler.is_enabled, ())
        assert await slot.call(frozen, ()) > 1000
        empty, out, err = await slot.call(where_output_goes, ())
        assert empty == os.devnull
        assert out == err
        assert out.startswith("pipe:")


# ── the deadline ──


async def test_the_watchdog_ends_a_call_and_says_where_it_was() -> None:
    async with open_slot(deadline=0.2) as slot:
        with pytest.raises(WorkerDiedError, match=r"it took longer than the deadline of 0\.2 s") as died:
            await slot.call(harmful.regex, (page("x"),))
        assert died.value.death.exceeded_deadline
        assert died.value.page == 0
        line = harmful.regex.__code__.co_firstlineno + 1
        assert f'"{harmful.__file__}", line {line} in regex' in died.value.death.output


async def test_a_worker_that_waits_exceeds_its_deadline_too() -> None:
    async with open_slot(deadline=0.2) as slot:
        with pytest.raises(WorkerDiedError, match="deadline"):
            await slot.call(harmful.nap, (100.0,))


async def test_each_page_of_a_batch_has_the_whole_deadline() -> None:
    async with open_slot(deadline=0.2) as slot:
        batch = await slot.parse([slot.pack(page("burn/1"))] * 150)
        assert sum(parsed.seconds for parsed in batch.results) > 0.3
        assert {parsed.error for parsed in batch.results} == {None}


async def test_an_idle_worker_has_no_deadline() -> None:
    async with open_slot(deadline=0.1) as slot:
        pid = await slot.call(os.getpid, ())
        harmful.nap(0.4)
        assert await slot.call(os.getpid, ()) == pid


async def test_without_a_deadline_a_page_takes_what_it_takes() -> None:
    async with open_slot(deadline=None) as slot:
        await slot.call(harmful.burn_for, (0.3,))
