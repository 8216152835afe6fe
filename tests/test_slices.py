"""Long work on the event loop pauses when it has had its share of an iteration, and not before."""

from __future__ import annotations

import asyncio

from crawler.runtime.slices import Slices
from tests.clocks import ManualClock


async def work(steps: int, seconds: float) -> list[int]:
    """Do ``steps`` that take so many ``seconds`` each, in slices of 10 ms; return the steps after which it paused."""
    clock = ManualClock()
    slices, pauses = Slices(0.01, clock.now), []
    for step in range(steps):
        if slices.are_used_up():
            await slices.pause()
            pauses.append(step)
        clock.run(seconds)
    return pauses


async def test_quick_work_does_not_pause() -> None:
    assert await work(1000, 0.000_001) == []


async def test_slow_steps_are_cut_where_the_clock_is_next_looked_at() -> None:
    pauses = await work(100, 0.001)
    assert pauses == [19, 39, 59, 79, 99]


async def test_a_slice_is_as_long_as_it_says_and_others_run_between_two() -> None:
    ran = 0

    async def other() -> None:
        nonlocal ran
        while True:
            ran += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    pauses = await work(1000, 0.000_1)
    beside.cancel()
    assert len(pauses) == 9
    assert ran == 9
