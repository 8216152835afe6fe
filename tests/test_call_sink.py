from __future__ import annotations

import asyncio

import pytest

from crawler.errors import SinkError
from crawler.sinks.call import Call
from crawler.sinks.sink import Sink

pytestmark = pytest.mark.both_loops


def fail_at_two(item: int) -> None:
    if item == 2:
        raise KeyError("two")


async def test_it_is_a_sink_that_wants_the_items_themselves() -> None:
    sink = Call(print)
    assert isinstance(sink, Sink)
    assert sink.encode is None


async def test_a_function_is_called_with_each_item_in_order() -> None:
    seen: list[int] = []
    sink = Call(seen.append)
    await sink.open()
    await sink.write([1, 2])
    await sink.write([])
    await sink.write([3])
    await sink.close()
    assert seen == [1, 2, 3]


async def test_what_can_be_awaited_is_awaited_before_the_next_item() -> None:
    seen: list[str] = []

    async def slow(item: int) -> None:
        seen.append(f"begin {item}")
        await asyncio.sleep(0)
        seen.append(f"end {item}")

    await Call(slow).write([1, 2])
    assert seen == ["begin 1", "end 1", "begin 2", "end 2"]


async def test_what_the_function_raises_is_a_sink_error_with_its_cause() -> None:
    with pytest.raises(SinkError, match=r"<Call fail_at_two> raised KeyError: 'two'") as caught:
        await Call(fail_at_two).write([1, 2, 3])
    assert isinstance(caught.value.__cause__, KeyError)


async def test_cancelled_in_the_middle_it_calls_no_more() -> None:
    seen: list[int] = []
    begun = asyncio.Event()

    async def wait(item: int) -> None:
        seen.append(item)
        begun.set()
        await asyncio.Event().wait()

    writing = asyncio.ensure_future(Call(wait).write([1, 2]))
    await begun.wait()
    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()
    assert seen == [1]
