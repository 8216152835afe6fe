from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from crawler.parsing.shared_lock import SharedLock


class Walker:
    """A task that passes a gate, and stays in it until told to leave."""

    def __init__(self, passage: AbstractAsyncContextManager[None]) -> None:
        self.is_in = False
        self._leave = asyncio.Event()
        self.task = asyncio.ensure_future(self._walk(passage))

    async def _walk(self, passage: AbstractAsyncContextManager[None]) -> None:
        async with passage:
            self.is_in = True
            try:
                await self._leave.wait()
            finally:
                self.is_in = False

    async def leave(self) -> None:
        self._leave.set()
        await self.task
        await rounds()


async def rounds() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def walkers(*passages: AbstractAsyncContextManager[None]) -> AsyncIterator[list[Walker]]:
    all_of_them = [Walker(passage) for passage in passages]
    await rounds()
    yield all_of_them
    for walker in all_of_them:
        walker.task.cancel()
    await asyncio.wait([walker.task for walker in all_of_them])


def who_is_in(walkers: list[Walker]) -> list[bool]:
    return [walker.is_in for walker in walkers]


async def test_many_pass_at_once() -> None:
    gate = SharedLock()
    async with walkers(gate.shared(), gate.shared(), gate.shared()) as them:
        assert who_is_in(them) == [True, True, True]
        assert repr(gate) == "<SharedLock shared by 3>"


async def test_one_alone_waits_for_those_who_pass_and_holds_up_those_who_come() -> None:
    gate = SharedLock()
    async with walkers(gate.shared(), gate.alone(), gate.shared(), gate.alone(), gate.shared()) as them:
        assert who_is_in(them) == [True, False, False, False, False]
        await them[0].leave()
        assert who_is_in(them) == [False, True, False, False, False]
        await them[1].leave()
        assert who_is_in(them) == [False, False, True, False, False]
        assert "locked" in repr(gate)
        await them[2].leave()
        assert who_is_in(them) == [False, False, False, True, False]
        await them[3].leave()
        assert who_is_in(them) == [False, False, False, False, True]


@pytest.mark.parametrize("leaver", [0, 1])
async def test_who_is_cancelled_while_passing_or_waiting_bars_nobody(leaver: int) -> None:
    gate = SharedLock()
    async with walkers(gate.shared(), gate.alone(), gate.shared()) as them:
        them[leaver].task.cancel()
        await asyncio.wait([them[leaver].task])
        await rounds()
        if leaver == 0:
            assert who_is_in(them) == [False, True, False]
            await them[1].leave()
        assert them[2].is_in


async def test_an_error_inside_leaves_the_gate_open() -> None:
    gate = SharedLock()
    for passage in (gate.shared, gate.alone):
        with pytest.raises(KeyError):
            async with passage():
                raise KeyError("inside")
    async with walkers(gate.alone()) as them:
        assert who_is_in(them) == [True]
