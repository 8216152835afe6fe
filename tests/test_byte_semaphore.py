from __future__ import annotations

import asyncio

from crawler.parsing.byte_semaphore import ByteSemaphore


async def test_what_fits_is_let_in_at_once() -> None:
    room = ByteSemaphore(10)
    await room.take(4)
    await room.take(6)
    assert (room.held, room.blocked) == (10, 0)


async def test_what_is_larger_than_all_room_is_let_in_when_it_is_alone() -> None:
    room = ByteSemaphore(10)
    await room.take(1)
    large = asyncio.create_task(room.take(100))
    await asyncio.sleep(0)
    assert not large.done()
    room.free(1)
    await large
    assert room.held == 100


async def test_nobody_overtakes() -> None:
    room = ByteSemaphore(10)
    await room.take(8)
    large = asyncio.create_task(room.take(5))
    await asyncio.sleep(0)
    small = asyncio.create_task(room.take(1))
    await asyncio.sleep(0)
    assert room.blocked == 2
    room.free(8)
    await asyncio.gather(large, small)
    assert (room.held, room.blocked) == (6, 0)


async def test_who_gives_up_takes_no_room() -> None:
    room = ByteSemaphore(10)
    await room.take(10)
    given_up, next_one = asyncio.create_task(room.take(5)), asyncio.create_task(room.take(5))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait((given_up,))
    room.free(10)
    await next_one
    assert (room.held, room.blocked) == (5, 0)


async def test_who_gives_up_when_just_let_in_gives_the_room_back() -> None:
    room = ByteSemaphore(10)
    await room.take(10)
    given_up, next_one = asyncio.create_task(room.take(10)), asyncio.create_task(room.take(10))
    await asyncio.sleep(0)
    room.free(10)
    given_up.cancel()
    await asyncio.wait((given_up,))
    await next_one
    assert room.held == 10
