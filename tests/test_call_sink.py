from __future__ import annotations

import asyncio

import pytest

from crawler.errors import SinkError
from crawler.sinks.call import Call
from crawler.sinks.sink import CheckpointedSink, Keyed, Sink, key_of


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


# ── keys ──


async def test_a_function_that_asks_for_keys_gets_one_with_each_item() -> None:
    seen: list[tuple[int, str]] = []
    sink = Call(lambda item, key: seen.append((item, key)), with_key=True)
    assert sink.wants_keys
    assert not Call(print).wants_keys
    await sink.write([Keyed("k1", 1), Keyed("k2", 2)])
    assert seen == [(1, "k1"), (2, "k2")]


def test_a_key_is_the_same_each_time_and_no_other_item_has_it() -> None:
    pages = ("http://a/", "http://a/1", "1 http://a/")
    keys = {key_of(page, place) for page in pages for place in range(20)}
    assert len(keys) == 60
    assert (
        key_of("http://a/", 1) == key_of("http://a/", 1) == "315bdf5a6b450094e0ccbca0645a3a0d"
    )  # also in the next version
    assert all(len(key) == 32 and int(key, 16) for key in keys)
    assert key_of("http://a/\ud800", 0)


def test_a_function_is_no_sink_that_can_be_cut_back() -> None:
    assert not isinstance(Call(print), CheckpointedSink)
