from __future__ import annotations

import asyncio
import time

import pytest

from crawler.runtime.loop_lag import INTERVAL, LoopLag
from tests.clocks import ManualClock

pytestmark = pytest.mark.both_loops


async def test_it_measures_again_and_again_and_counts_each_lag_before_it_calls() -> None:
    counts: list[int] = []
    enough = asyncio.Event()

    def measured() -> None:
        counts.append(loop_lag.lag.count)
        if len(counts) == 3:
            enough.set()

    loop_lag = LoopLag(measured)
    with loop_lag:
        await enough.wait()
    assert counts == [1, 2, 3]


async def test_a_loop_that_is_busy_shows_as_lag() -> None:
    called = asyncio.Event()
    with LoopLag(called.set) as loop_lag:
        due = time.perf_counter() + 4 * INTERVAL
        while time.perf_counter() < due:
            pass
        await called.wait()
    assert loop_lag.lag.largest >= 2 * INTERVAL


async def test_the_loop_is_late_after_it_was_busy_and_no_more_when_it_has_been_idle() -> None:
    lateness = asyncio.Queue[bool]()
    clock = ManualClock()
    with LoopLag(lambda: lateness.put_nowait(loop_lag.is_late), clock.now) as loop_lag:
        assert not loop_lag.is_late
        clock.run(5 * INTERVAL)
        assert await lateness.get()
        for _ in range(20):  # in which no more time passes than was meant to
            is_late = await lateness.get()
        assert not is_late


async def test_after_it_was_left_it_measures_no_more() -> None:
    called = asyncio.Event()
    with LoopLag(called.set) as loop_lag:
        pass
    after = asyncio.Event()
    asyncio.get_running_loop().call_later(3 * INTERVAL, after.set)
    await after.wait()
    assert not called.is_set()
    assert loop_lag.lag.count == 0


async def test_an_error_in_the_block_passes_and_ends_the_measurements() -> None:
    with pytest.raises(KeyError), LoopLag(lambda: None):
        raise KeyError
