from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crawler.sinks.buffer import Buffer
from crawler.sinks.sink import Sink


async def rounds() -> None:
    """Let everything run that can run without anything from outside."""
    for _ in range(10):
        await asyncio.sleep(0)


async def read_all(buffer: Buffer) -> list[Any]:
    items = []
    while True:
        try:
            items.append(await buffer.read())
        except StopAsyncIteration:
            return items


def test_it_is_a_sink_that_wants_the_items_themselves() -> None:
    assert isinstance(Buffer(1), Sink)
    assert Buffer(1).encode is None


async def test_items_come_out_in_order() -> None:
    buffer = Buffer(10)
    await buffer.write([1, 2])
    await buffer.write([3])
    assert (len(buffer), repr(buffer)) == (3, "<Buffer 3 of 10 items>")
    assert [await buffer.read() for _ in range(3)] == [1, 2, 3]


async def test_a_slow_consumer_makes_the_writer_wait() -> None:
    buffer = Buffer(2)
    writing = asyncio.ensure_future(buffer.write([1, 2, 3]))
    await rounds()
    assert (writing.done(), len(buffer)) == (False, 2)
    assert await buffer.read() == 1
    await writing
    assert [await buffer.read(), await buffer.read()] == [2, 3]


async def test_a_reader_waits_for_an_item() -> None:
    buffer = Buffer(2)
    reading = asyncio.ensure_future(buffer.read())
    await rounds()
    assert not reading.done()
    await buffer.write([1])
    assert await reading == 1


async def test_the_end_comes_after_the_last_item_and_stays() -> None:
    buffer = Buffer(3)
    await buffer.write([1, 2])
    buffer.end()
    assert await read_all(buffer) == [1, 2]
    assert await read_all(buffer) == []


async def test_the_end_wakes_all_readers() -> None:
    buffer = Buffer(3)
    reading = [asyncio.ensure_future(buffer.read()) for _ in range(3)]
    await rounds()
    buffer.end()
    results = await asyncio.gather(*reading, return_exceptions=True)
    assert [type(result) for result in results] == [StopAsyncIteration] * 3


async def test_a_reader_that_is_cancelled_while_it_waits_takes_nothing() -> None:
    buffer = Buffer(2)
    reading = asyncio.ensure_future(buffer.read())
    await rounds()
    reading.cancel()
    await asyncio.wait((reading,))
    await buffer.write([1])
    assert await buffer.read() == 1


async def test_a_reader_that_is_cancelled_when_it_was_just_woken_loses_neither_item_nor_wake_up() -> None:
    buffer = Buffer(2)
    first, second = (asyncio.ensure_future(buffer.read()) for _ in range(2))
    await rounds()
    await buffer.write([1])  # wakes both, and within the same round of the loop:
    first.cancel()
    await asyncio.wait((first,))
    assert first.cancelled()
    assert await second == 1


async def test_a_writer_that_is_cancelled_when_it_was_just_woken_loses_no_wake_up() -> None:
    buffer = Buffer(1)
    await buffer.write([0])
    first, second = (asyncio.ensure_future(buffer.write([item])) for item in (1, 2))
    await rounds()
    assert await buffer.read() == 0  # wakes both, and within the same round of the loop:
    first.cancel()
    await second
    assert first.cancelled()
    assert await buffer.read() == 2


async def test_a_writer_that_is_cancelled_leaves_what_it_has_written() -> None:
    buffer = Buffer(2)
    writing = asyncio.ensure_future(buffer.write([1, 2, 3]))
    await rounds()
    writing.cancel()
    await asyncio.wait((writing,))
    buffer.end()
    assert await read_all(buffer) == [1, 2]


@given(
    size=st.integers(1, 5),
    batches=st.lists(st.integers(0, 7), max_size=8),
    readers=st.integers(1, 3),
    cancelled=st.sets(st.integers(0, 30)),
)
def test_nothing_is_lost_doubled_or_beyond_the_bound_whoever_is_cancelled(
    size: int, batches: list[int], readers: int, cancelled: set[int]
) -> None:
    async def main() -> None:
        buffer = Buffer(size)
        received: list[tuple[int, int]] = []
        step = 0

        async def read() -> None:
            nonlocal step
            while True:
                reading = asyncio.ensure_future(buffer.read())
                step += 1
                if step in cancelled:
                    await asyncio.sleep(0)
                    reading.cancel()
                await asyncio.wait((reading,))
                assert len(buffer) <= size
                if reading.cancelled():
                    continue
                try:
                    received.append(reading.result())
                except StopAsyncIteration:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(readers):
                group.create_task(read())
            async with asyncio.TaskGroup() as writers:
                for writer, count in enumerate(batches):
                    writers.create_task(buffer.write([(writer, number) for number in range(count)]))
            buffer.end()
        assert sorted(received) == [(writer, number) for writer, count in enumerate(batches) for number in range(count)]
        for writer in range(len(batches)) if readers == 1 else ():
            own = [number for who, number in received if who == writer]
            assert own == sorted(own)

    asyncio.run(main())
