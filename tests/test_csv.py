from __future__ import annotations

import asyncio
import csv
import datetime as dt
import math
import os
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError, EncodingError, SinkError
from crawler.sinks.csv import Csv
from crawler.sinks.sink import CheckpointedSink


@dataclass
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


@asynccontextmanager
async def opened(
    file: Path | int, columns: tuple[str, ...] | None = None, token: bytes | None = None
) -> AsyncIterator[Csv]:
    sink = Csv(file, columns)
    await sink.open()
    try:
        await sink.restore(token)
        yield sink
    finally:
        await sink.close()


async def write(sink: Csv, *items: Any) -> None:
    await sink.write([sink.encode(item) for item in items])


def rows(path: Path) -> list[list[str]]:
    csv.field_size_limit(2**30)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


# ── rows ──


@pytest.mark.parametrize(
    "item",
    [
        {"title": "Der Prozeß", "year": 1925},
        DataclassBook("Der Prozeß", 1925),
        TypedBook(title="Der Prozeß", year=1925),
        StructBook("Der Prozeß", 1925),
        PydanticBook(title="Der Prozeß", year=1925),
        NamedBook("Der Prozeß", 1925),
    ],
    ids=lambda item: type(item).__name__,
)
async def test_an_item_of_any_usual_kind_is_a_row_under_a_header(tmp_path: Path, item: Any) -> None:
    async with opened(tmp_path / "out.csv") as sink:
        assert isinstance(sink, CheckpointedSink)
        await write(sink, item)
    assert (tmp_path / "out.csv").read_bytes() == "title,year\r\nDer Prozeß,1925\r\n".encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        (True, "true"),
        (1.5, "1.5"),
        (math.inf, "inf"),
        (2**70, str(2**70)),
        ('a "b", c\r\nd', 'a "b", c\r\nd'),
        ("a\rb", "a\rb"),
        ("x" * 200_000, "x" * 200_000),
        ("=1+1", "=1+1"),
        ([1, "ä"], '[1,"ä"]'),
        ({"a": None}, '{"a":null}'),
        (b"\0\xff", "AP8="),
        (dt.date(2026, 1, 2), "2026-01-02"),
    ],
)
async def test_values_have_their_usual_form(tmp_path: Path, value: Any, expected: str) -> None:
    path = tmp_path / "out.csv"
    async with opened(path) as sink:
        await write(sink, {"a": value, "b": 1}, {"b": 2, "a": value})
        await write(sink, {"a": value})
    assert rows(path) == [["a", "b"], [expected, "1"], [expected, "2"], [expected, ""]]


async def test_a_row_of_one_empty_field_is_no_empty_line(tmp_path: Path) -> None:
    async with opened(tmp_path / "out.csv", ("a",)) as sink:
        await write(sink, {"a": ""}, {"a": None})
    assert rows(tmp_path / "out.csv") == [["a"], [""], [""]]


async def test_fields_that_miss_are_empty_and_their_order_does_not_matter(tmp_path: Path) -> None:
    async with opened(tmp_path / "out.csv") as sink:
        await write(sink, {"a": 1, "b": "x,y", "c": 3}, {"c": 3, "b": "x,y"}, {"b": ""})
    assert rows(tmp_path / "out.csv")[1:] == [["1", "x,y", "3"], ["", "x,y", "3"], ["", "", ""]]


async def test_a_field_that_is_no_column_is_an_error_that_names_it_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        with pytest.raises(EncodingError, match=r"out\.csv': the field 'b' is none of the columns \(a\); name all"):
            await write(sink, {"a": 2}, {"a": 3, "b": 4})
    assert rows(path) == [["a"], ["1"]]


async def test_where_columns_are_given_the_worker_finds_what_is_none_of_them(tmp_path: Path) -> None:
    sink = Csv(tmp_path / "out.csv", ("a", "b"))
    encode = pickle.loads(pickle.dumps(sink.encode))  # noqa: S301  # as it reaches the workers
    assert encode({"b": 1}) == sink.encode({"b": 1})
    with pytest.raises(ValueError, match=r"the field 'c' is none of the columns \(a, b\)"):
        encode({"a": 1, "c": 2})


async def test_given_columns_are_a_header_even_where_there_are_no_items(tmp_path: Path) -> None:
    async with opened(tmp_path / "out.csv", ("a", "b,c")):
        pass
    assert (tmp_path / "out.csv").read_bytes() == b'a,"b,c"\r\n'


@pytest.mark.parametrize("columns", [(), ("a", "a"), "abc"])
def test_columns_that_make_no_sense_are_refused(columns: Any) -> None:
    with pytest.raises(ConfigurationError, match="columns="):
        Csv("out.csv", columns)


@pytest.mark.parametrize("item", [1, "text", [1, 2], {}, None, object()])
def test_an_item_without_fields_is_an_error_with_a_remedy(item: Any) -> None:
    with pytest.raises(TypeError, match="; yield a dict, dataclass, msgspec or pydantic model"):
        Csv("out.csv").encode(item)


def test_half_a_character_is_written_as_a_replacement() -> None:
    assert Csv("out.csv").encode({"a": "\ud800"}) == Csv("out.csv").encode({"a": "\ufffd"})


texts = st.text(st.characters(exclude_categories=["Cs"]))
items = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c,d", ""]), texts, min_size=1), min_size=1, max_size=8)


@given(items)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, str]]
) -> None:
    async def run() -> None:
        path = tmp_path_factory.mktemp("csv") / "out.csv"
        columns = ("a", "b", "c,d", "")
        async with opened(path, columns) as given_, opened(path.with_suffix(".2")) as found:
            await write(given_, *written)
            await write(found, dict.fromkeys(columns, "x"), *written)
        expected = [[item.get(name, "") for name in columns] for item in written]
        assert rows(path)[1:] == expected
        assert rows(path.with_suffix(".2"))[2:] == expected

    asyncio.run(run())


# ── cut back ──


@pytest.mark.parametrize("columns", [None, ("title", "text")])
async def test_a_row_that_a_kill_tore_anywhere_is_cut_off_and_written_again(
    tmp_path: Path, columns: tuple[str, ...] | None
) -> None:
    path = tmp_path / "out.csv"
    first, second = {"title": "a", "text": 'x,"y"\r\n'}, {"text": 'longer,\r\n"ä"', "title": "b"}
    async with opened(path, columns) as sink:
        await write(sink, first)
        token = await sink.checkpoint()
        kept = path.read_bytes()
        await write(sink, second)
        whole = path.read_bytes()
    for length in range(len(kept), len(whole) + 1):
        path.write_bytes(whole[:length])
        async with opened(path, columns, token) as sink:
            assert path.read_bytes() == kept
            await write(sink, second)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("columns", [None, ("a",)])
async def test_a_kill_before_the_first_commit_leaves_one_header_in_the_end(
    tmp_path: Path, columns: tuple[str, ...] | None
) -> None:
    path = tmp_path / "out.csv"
    async with opened(path, columns) as sink:
        token = await sink.checkpoint()
        await write(sink, {"a": 1})
        whole = path.read_bytes()
    for mark in (token, None):
        for length in range(len(whole) + 1) if mark is None or columns is None else (len(whole),):
            path.write_bytes(whole[:length])
            async with opened(path, columns, mark) as sink:
                await write(sink, {"a": 1})
            assert path.read_bytes() == whole


async def test_a_crawl_that_goes_on_keeps_the_columns_of_its_first_item(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    async with opened(path) as sink:
        await write(sink, {"a": 1, "b": 2})
        token = await sink.checkpoint()
    async with opened(path, token=token) as sink:
        await write(sink, {"b": 4, "a": 3})
        with pytest.raises(EncodingError):
            await write(sink, {"c": 5})
    assert rows(path) == [["a", "b"], ["1", "2"], ["3", "4"]]


async def test_other_columns_than_before_are_refused_and_the_file_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    async with opened(path) as sink:
        await write(sink, {"a": 1, "b": 2})
        token = await sink.checkpoint()
        await write(sink, {"a": 1, "b": 2})
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"had the columns \('a', 'b'\) when .*, not \('b', 'a'\); give those"):
        async with opened(path, ("b", "a"), token):
            pass
    assert path.read_bytes() == before


async def test_a_header_that_went_into_a_pipe_does_not_go_again() -> None:
    read_end, write_end = os.pipe()
    async with opened(write_end, ("a",)) as sink:
        await write(sink, {"a": 1})
        assert await sink.checkpoint() is None
        await sink.restore(None)
        await write(sink, {"a": 2})
    assert os.read(read_end, 100) == b"a\r\n1\r\n2\r\n"
    os.close(read_end)
    os.close(write_end)


async def test_a_full_disk_is_a_sink_error() -> None:
    async with opened(Path("/dev/full")) as sink:
        with pytest.raises(SinkError, match="No space left on device"):
            await write(sink, {"a": 1})


# ── a byte order mark, and a column for all others ──


async def written(file: Path, *items: dict[str, Any], batches: int = 1, **options: Any) -> list[list[str]]:
    """Write ``items`` in so many batches, and read the rows back."""
    sink = Csv(file, **options)
    await sink.open()
    await sink.restore(None)
    size = -(-len(items) // batches)
    try:
        for start in range(0, len(items), size):
            await sink.write([sink.encode(item) for item in items[start : start + size]])
    finally:
        await sink.close()
    limit = csv.field_size_limit(2**24)
    try:
        with file.open(encoding="utf-8", newline="") as rows:
            return list(csv.reader(rows))
    finally:
        csv.field_size_limit(limit)


LATE = ({"a": "1"}, {"a": "2", "b": 'x,"y"\n'}, {"c": 3, "d": [1]}, {"a": None})
ROWS = [
    ["a", "more"],
    ["1", ""],
    ["2", '{"b":"x,\\"y\\"\\n"}'],
    ["", '{"c":"3","d":"[1]"}'],
    ["", ""],
]


@pytest.mark.parametrize("batches", [1, 2, 4])
@pytest.mark.parametrize("columns", [None, ("a",)])
async def test_fields_that_come_late_go_into_one_column(
    tmp_path: Path, columns: tuple[str, ...] | None, batches: int
) -> None:
    assert await written(tmp_path / "out.csv", *LATE, batches=batches, columns=columns, extra="more") == ROWS


async def test_a_file_with_late_fields_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    token = None
    for number, item in enumerate(LATE):
        sink = Csv(file, extra="more")
        await sink.open()
        await sink.restore(token)
        await sink.write([sink.encode(item)])
        token = await sink.checkpoint()
        await sink.write([sink.encode({"a": f"lost {number}", "z": 1})])
        await sink.close()
    sink = Csv(file, extra="more")
    await sink.open()
    await sink.restore(token)
    await sink.close()
    with file.open(encoding="utf-8", newline="") as rows:
        assert list(csv.reader(rows)) == ROWS


@pytest.mark.parametrize("columns", [None, ("a",)])
async def test_a_byte_order_mark_comes_once_and_first(tmp_path: Path, columns: tuple[str, ...] | None) -> None:
    file = tmp_path / "out.csv"
    await written(file, {"a": "é"}, {"a": "2"}, batches=2, columns=columns, bom=True)
    assert file.read_bytes() == b"\xef\xbb\xbfa\r\n\xc3\xa9\r\n2\r\n"


@pytest.mark.parametrize(("columns", "extra"), [(("a",), "a"), (None, ""), (("a", "b"), "b")])
def test_the_column_for_others_is_none_of_the_others(columns: tuple[str, ...] | None, extra: str) -> None:
    with pytest.raises(ConfigurationError, match="extra"):
        Csv("out.csv", columns, extra=extra)


def test_an_item_with_a_field_of_that_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="'more' has the name of the column for all others"):
        Csv("out.csv", extra="more").encode({"more": 1})


async def test_without_that_column_a_late_field_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="extra="):
        await written(tmp_path / "out.csv", *LATE)


@pytest.mark.parametrize("text", ["x" * 200_000, '"quoted", ' * 20_000, '"', '""', "a\r\nb", ""])
async def test_a_late_field_is_of_any_length_and_has_any_characters(tmp_path: Path, text: str) -> None:
    _, _, row = await written(tmp_path / "out.csv", {"a": 1}, {"a": 2, "late": text}, extra="more")
    assert msgspec.json.decode(row[1]) == {"late": text}
