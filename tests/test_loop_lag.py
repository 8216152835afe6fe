from __future__ import annotations

import asyncio
import time

import pytest

from crawler.runtime.loop_lag import INTERVAL, LoopLag

pytestmark = pytest.mark.both_loops


async def test_it_beats_again_and_again_and_counts_a_lag_for_each_beat() -> None:
    beats: list[int] = []
    enough = asyncio.Event()

    def beat() -> None:
        beats.append(loop_lag.lag.count)
        if len(beats) == 3:
            enough.set()

    loop_lag = LoopLag(beat)
    with loop_lag:
        await enough.wait()
    assert beats == [1, 2, 3]


async def test_a_loop_that_is_kept_busy_shows_as_lag() -> None:
    beaten = asyncio.Event()
    with LoopLag(beaten.set) as loop_lag:
        due = time.perf_counter() + 4 * INTERVAL
        while time.perf_counter() < due:
            pass
        await beaten.wait()
    assert loop_lag.lag.largest >= 2 * INTERVAL


async def test_the_loop_is_late_after_it_was_kept_busy_and_no_more_when_it_has_been_idle() -> None:
    beats = asyncio.Queue[bool]()
    with LoopLag(lambda: beats.put_nowait(loop_lag.is_late)) as loop_lag:
        assert not loop_lag.is_late
        due = time.perf_counter() + 5 * INTERVAL
        while time.perf_counter() < due:
            pass
        assert await beats.get()
        while await beats.get():
            pass


async def test_after_it_was_left_it_beats_no_more() -> None:
    beaten = asyncio.Event()
    with LoopLag(beaten.set) as loop_lag:
        pass
    after = asyncio.Event()
    asyncio.get_running_loop().call_later(3 * INTERVAL, after.set)
    await after.wait()
    assert not beaten.is_set()
    assert loop_lag.lag.count == 0


async def test_an_error_in_the_block_passes_and_ends_the_beating() -> None:
    with pytest.raises(KeyError), LoopLag(lambda: None):
        raise KeyError
