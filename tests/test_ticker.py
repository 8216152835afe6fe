from __future__ import annotations

import asyncio

import pytest

from crawler.runtime.ticker import Ticker

pytestmark = pytest.mark.both_loops


async def test_it_calls_again_and_again() -> None:
    ticks: list[int] = []
    enough = asyncio.Event()

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) == 3:
            enough.set()

    with Ticker(0, tick):
        await enough.wait()
    assert ticks[:3] == [0, 1, 2]


async def test_a_ticker_that_is_left_leaves_no_timer() -> None:
    ticked = asyncio.Event()
    with Ticker(0, ticked.set):
        await ticked.wait()
    ticked.clear()
    after = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, after.set)
    await after.wait()
    assert not ticked.is_set()


async def test_a_function_that_leaves_the_block_itself_is_not_called_again() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(0)
        ticker.__exit__(None, None, None)

    ticker = Ticker(0, tick)
    ticker.__enter__()
    after = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, after.set)
    await after.wait()
    assert ticks == [0]
