from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest

from crawler.errors import ClosedError, ConfigurationError, SinkError
from crawler.sinks.jsonl import JsonLines, encode_line
from crawler.sinks.sink import CheckpointedSink, Sink


@dataclass(frozen=True, slots=True)
class DataclassBook:
    title: str
    year: int


class TypedBook(TypedDict):
    title: str
    year: int


class StructBook(msgspec.Struct):
    title: str
    year: int


class PydanticBook(pydantic.BaseModel):
    title: str
    year: int


class NamedBook(NamedTuple):
    title: str
    year: int


class Colour(enum.Enum):
    RED = "red"


class Foreign:
    pass


BOOK: dict[str, Any] = {"title": "Der Prozeß\n", "year": 1925}
LARGE = b"x" * 200_000  # more than a pipe takes at once


def lines(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@asynccontextmanager
async def open_sink(file: Path | int) -> AsyncIterator[JsonLines]:
    sink = JsonLines(file)
    await sink.open()
    await sink.restore(None)
    try:
        yield sink
    finally:
        await sink.close()


# ── items ──


@pytest.mark.parametrize(
    "item",
    [
        BOOK,
        DataclassBook(**BOOK),
        TypedBook(title=BOOK["title"], year=BOOK["year"]),
        StructBook(**BOOK),
        PydanticBook(**BOOK),
    ],
    ids=lambda item: type(item).__name__,
)
def test_an_item_of_any_usual_kind_is_an_object_on_a_line_of_its_own(item: Any) -> None:
    line = encode_line(item)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line) == BOOK
    assert "Prozeß".encode() in line


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (NamedBook(**BOOK), list(BOOK.values())),
        ("text", "text"),
        (2**64 - 1, 2**64 - 1),
        ({"at": dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)}, {"at": "2026-01-02T03:04:00Z"}),
        ({"on": dt.date(2026, 1, 2), "for": dt.timedelta(hours=1)}, {"on": "2026-01-02", "for": "PT3600S"}),
        ({"id": uuid.UUID(int=1), "colour": Colour.RED}, {"id": str(uuid.UUID(int=1)), "colour": "red"}),
        ({"price": Decimal("1.50"), "raw": b"\0\xff", "tags": {"a"}}, {"price": "1.50", "raw": "AP8=", "tags": ["a"]}),
        ([PydanticBook(**BOOK), DataclassBook(**BOOK)], [BOOK, BOOK]),
        ({"nan": float("nan"), 1: None}, {"nan": None, "1": None}),
    ],
)
def test_other_values_have_their_usual_form(item: Any, expected: Any) -> None:
    assert json.loads(encode_line(item)) == expected


@pytest.mark.parametrize("item", [Foreign(), {"a": [Foreign()]}, DataclassBook(Foreign(), 1)])  # type: ignore[arg-type]
def test_what_cannot_be_encoded_is_named_by_its_type_with_a_remedy(item: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^Foreign is no JSON type; yield a dict, dataclass, msgspec or pydantic model"
    ):
        encode_line(item)


# ── files ──


async def test_items_are_written_when_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    async with open_sink(path) as sink:
        assert isinstance(sink, Sink)
        await sink.write([encode_line(1), encode_line(2)])
        assert lines(path) == [1, 2]
        await sink.write([])
        await sink.write([encode_line(3)])
        assert lines(path) == [1, 2, 3]


async def test_an_existing_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old\n", encoding="ascii")
    async with open_sink(path):
        pass
    assert path.read_bytes() == b""


async def test_a_sink_can_be_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLines(path)
    for number in (1, 2):
        await sink.open()
        await sink.restore(None)
        await sink.write([encode_line(number)])
        await sink.close()
        assert lines(path) == [number]


@pytest.mark.parametrize("where", ["", "missing/out.jsonl", "file/out.jsonl"])
async def test_an_output_that_cannot_be_written_is_told_before_the_crawl(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"output '.*' cannot be written: (Is a|No such|Not a)") as caught:
        await JsonLines(tmp_path / where).open()
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_descriptor_is_written_to_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        async with open_sink(descriptor) as sink:
            await sink.write([encode_line(1)])
        os.write(descriptor, b"2\n")
    finally:
        os.close(descriptor)
    assert lines(path) == [1, 2]


async def test_a_descriptor_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="output 999999 cannot be written"):
        await JsonLines(999_999).open()


async def test_concurrent_writes_are_neither_lost_nor_torn(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    async with open_sink(path) as sink, asyncio.TaskGroup() as group:
        for writer in range(50):
            group.create_task(sink.write([encode_line([writer, number, "x" * 5000]) for number in range(20)]))
    written = lines(path)
    assert len(written) == 1000
    for writer in range(50):
        assert [number for who, number, _ in written if who == writer] == list(range(20))


async def test_writes_that_wait_for_their_turn_join(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    async with open_sink(write_end) as sink:
        first = asyncio.ensure_future(sink.write([LARGE]))
        others = [asyncio.ensure_future(sink.write([f"{number}\n".encode()])) for number in range(5)]
        received = await asyncio.to_thread(_read, read_end, len(LARGE) + 10)
        await asyncio.gather(first, *others)
    os.close(read_end)
    os.close(write_end)
    assert received == LARGE + b"0\n1\n2\n3\n4\n"


def _read(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(descriptor, count - len(data))
    return data


@pytest.mark.parametrize("blocking", [True, False])
async def test_what_is_taken_in_part_is_written_to_the_end(blocking: bool) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, blocking)
    async with open_sink(write_end) as sink:
        writing = asyncio.ensure_future(sink.write([b"a" * 300_000, b"b" * 300_000]))
        received = await asyncio.to_thread(_read, read_end, 600_000)
        await writing
    os.close(read_end)
    os.close(write_end)
    assert received == b"a" * 300_000 + b"b" * 300_000


async def test_a_full_disk_is_a_sink_error_for_all_who_write() -> None:
    async with open_sink(Path("/dev/full")) as sink:
        results = await asyncio.gather(*(sink.write([encode_line(1)]) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [SinkError] * 3
        assert str(results[0]) == "output '/dev/full' cannot be written: No space left on device"
        with pytest.raises(SinkError):
            await sink.write([encode_line(2)])


async def test_a_sink_that_is_not_open_says_so(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "out.jsonl")
    with pytest.raises(ClosedError):
        await sink.write([b"1\n"])
    await sink.close()


async def test_closing_waits_for_a_write_that_was_cancelled() -> None:
    read_end, write_end = os.pipe()
    sink = JsonLines(write_end)
    await sink.open()
    writing = asyncio.ensure_future(sink.write([LARGE]))
    first = await asyncio.to_thread(_read, read_end, 1)  # so it has begun
    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()
    closing = asyncio.ensure_future(sink.close())
    for _ in range(3):
        await asyncio.to_thread(int)  # more turns than closing takes when it waits for nothing
    assert not closing.done()
    rest = await asyncio.to_thread(_read, read_end, len(LARGE) - 1)
    await closing
    os.close(read_end)
    os.close(write_end)
    assert first + rest == LARGE


async def test_a_write_that_was_cancelled_is_not_torn_by_the_next_one() -> None:
    read_end, write_end = os.pipe()
    sink = JsonLines(write_end)
    await sink.open()
    cancelled = asyncio.ensure_future(sink.write([LARGE]))
    first = await asyncio.to_thread(_read, read_end, 1)  # so it has begun
    cancelled.cancel()
    await asyncio.wait((cancelled,))
    following = asyncio.ensure_future(sink.write([b"y" * 100_000]))
    for _ in range(10):
        await asyncio.sleep(0)
    rest = await asyncio.to_thread(_read, read_end, len(LARGE) - 1 + 100_000)
    await following
    await sink.close()
    os.close(read_end)
    os.close(write_end)
    assert first + rest == LARGE + b"y" * 100_000


async def test_a_write_that_was_cancelled_and_failed_fails_the_next_one() -> None:
    read_end, write_end = os.pipe()
    sink = JsonLines(write_end)
    await sink.open()
    cancelled = asyncio.ensure_future(sink.write([LARGE]))
    await asyncio.to_thread(_read, read_end, 1)  # so it has begun
    cancelled.cancel()
    await asyncio.wait((cancelled,))
    following = asyncio.ensure_future(sink.write([b"y"]))
    os.close(read_end)
    with pytest.raises(SinkError, match="Broken pipe"):
        await following
    await sink.close()
    os.close(write_end)


# ── cut back ──


async def test_it_is_a_sink_that_can_be_cut_back(tmp_path: Path) -> None:
    assert isinstance(JsonLines(tmp_path / "out.jsonl"), CheckpointedSink)


async def test_a_line_that_a_kill_tore_anywhere_is_cut_off_and_written_again(tmp_path: Path) -> None:
    path, torn = tmp_path / "out.jsonl", encode_line({"title": "Der Prozeß", "n": list(range(20))})
    async with open_sink(path) as sink:
        await sink.write([encode_line(1)])
        token = await sink.checkpoint()
    assert token is not None
    for length in range(len(torn) + 1):
        path.write_bytes(encode_line(1) + torn[:length])
        sink = JsonLines(path)
        await sink.open()
        await sink.restore(token)
        await sink.write([torn])
        await sink.close()
        assert path.read_bytes() == encode_line(1) + torn


async def test_a_token_is_small_and_json(tmp_path: Path) -> None:
    async with open_sink(tmp_path / "out.jsonl") as sink:
        await sink.write([encode_line("x" * 1_000_000)])
        token = await sink.checkpoint()
    assert token is not None
    assert len(token) < 200
    assert json.loads(token)["length"] == 1_000_003


@pytest.mark.parametrize("token", [b"", b"null", b"{}", b'{"type":"csv","length":1,"tail":""}', b"\xff"])
async def test_a_token_of_another_output_is_refused_with_a_remedy(tmp_path: Path, token: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"1\n")
    sink = JsonLines(path)
    await sink.open()
    with pytest.raises(ConfigurationError, match=r"is of another kind of output .*; give the output that it had, or"):
        await sink.restore(token)
    await sink.close()
    assert path.read_bytes() == b"1\n"


async def test_a_pipe_gives_no_token() -> None:
    read_end, write_end = os.pipe()
    async with open_sink(write_end) as sink:
        assert await sink.checkpoint() is None
    os.close(read_end)
    os.close(write_end)
