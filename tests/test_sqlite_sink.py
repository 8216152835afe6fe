from __future__ import annotations

import asyncio
import datetime as dt
import errno
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ClosedError, ConfigurationError, EncodingError, SinkError
from crawler.sinks.sink import CheckpointedSink
from crawler.sinks.sqlite import Sqlite, encode_values


class StructBook(msgspec.Struct):
    title: str
    year: int


class PydanticBook(pydantic.BaseModel):
    title: str
    year: int


class NamedBook(NamedTuple):
    title: str
    year: int


BOOK: dict[str, Any] = {"title": "Der Prozeß", "year": 1925}


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@asynccontextmanager
async def opened(file: Path, token: bytes | None = None, table: str = "items") -> AsyncIterator[Sqlite]:
    sink = Sqlite(file, table)
    await sink.open()
    try:
        await sink.restore(token)
        yield sink
    finally:
        await sink.close()


async def write(sink: Sqlite, *items: Any) -> None:
    await sink.write([encode_values(item) for item in items])


def read(path: Path, query: str = "SELECT * FROM items ORDER BY _id") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


# ── rows ──


@pytest.mark.parametrize(
    "item",
    [BOOK, *(kind(**BOOK) for kind in (StructBook, PydanticBook, NamedBook))],
    ids=lambda item: type(item).__name__,
)
async def test_an_item_of_any_usual_kind_is_a_row(tmp_path: Path, item: Any) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        assert isinstance(sink, CheckpointedSink)
        await write(sink, item)
        assert read(path, "SELECT _id, _group, title, year FROM items") == [(1, 1, "Der Prozeß", 1925)]
    assert names_in(tmp_path) == ["out.db"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, 1),
        (False, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63) + 1, -(2**63) + 1),
        (2**63, str(2**63)),
        (-(2**80), str(-(2**80))),
        (1.5, 1.5),
        (float("inf"), float("inf")),
        ("1", "1"),
        ("a\0b", "a\0b"),
        (b"\0\xff", b"\0\xff"),
        (bytearray(b"\0\xff"), b"\0\xff"),
        ([1, "ä", b"\xff"], '[1,"ä","/w=="]'),
        ({"a": None}, '{"a":null}'),
        (dt.date(2026, 1, 2), "2026-01-02"),
    ],
)
async def test_values_are_stored_as_what_they_are_or_as_json(tmp_path: Path, value: Any, expected: Any) -> None:
    async with opened(tmp_path / "out.db") as sink:
        await write(sink, {"a": value})
    [(found,)] = read(tmp_path / "out.db", "SELECT a FROM items")
    assert found == expected
    assert type(found) is type(expected)


values = st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.binary() | st.text(
    st.characters(exclude_categories=["Cs"])
)  # fmt: skip
batches = st.lists(st.lists(st.dictionaries(st.sampled_from('a"`]é '), values, min_size=1), max_size=4), max_size=4)


@given(batches)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[list[dict[str, Any]]]
) -> None:
    async def run() -> None:
        path = tmp_path_factory.mktemp("sqlite") / "out.db"
        async with opened(path) as sink:
            for items in written:
                await write(sink, *items)
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute("SELECT * FROM items ORDER BY _id")]
        flat = [item for items in written for item in items]
        names = {name for item in flat for name in item}
        assert [{name: row[name] for name in names} for row in rows] == [
            {name: item.get(name) for name in names} for item in flat
        ]

    asyncio.run(run())


async def test_a_field_that_no_item_had_adds_a_column(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1}, {"b": 2, "a": 3})
        await write(sink, {"C": 4}, {"c": 5})
    assert read(path, "SELECT a, b, c, _group FROM items") == [
        (1, None, None, 1),
        (3, 2, None, 1),
        (None, None, 4, 2),
        (None, None, 5, 2),
    ]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"Title": 1, "title": 2}, "two of the fields Title, title differ in case alone"),
        ({"_GROUP": 1}, "the field '_group' is a column of the sink's own; give it another name"),
        ({"_id": 1}, "the field '_id' is a column"),
        ({"a\0b": 1}, "NUL in the name"),
        ({f"c{number}": number for number in range(2001)}, "2001 fields are too many columns"),
        ([1], "list has no named fields"),
        ({"a": object()}, "object is no JSON type"),
    ],
)
def test_what_makes_no_row_is_found_in_the_worker(item: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        encode_values(item)


async def test_columns_that_sqlite_cannot_have_are_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    many = [{f"c{number}": 0 for number in range(start, start + 1500)} for start in (0, 1500)]
    async with opened(tmp_path / "out.db") as sink:
        await write(sink, {"a": 1})
        with pytest.raises(EncodingError, match=r"out\.db': no column for the field '"):
            await write(sink, {"b": 1}, *many)
        await write(sink, {"a": 2})
    assert read(tmp_path / "out.db", "SELECT * FROM items") == [(1, 1, 1), (2, 2, 2)]


@pytest.mark.parametrize("table", ["", "_crawler", "sqlite_x", "SQLITE_x", "a\0"])
def test_a_table_that_cannot_be_is_refused(table: str) -> None:
    with pytest.raises(ConfigurationError, match="table="):
        Sqlite("out.db", table)


async def test_a_table_may_have_any_other_name(tmp_path: Path) -> None:
    async with opened(tmp_path / "out.db", table='select "x"; drop') as sink:
        await write(sink, {"group": 1, "a; drop table": 2})
    assert read(tmp_path / "out.db", 'SELECT * FROM "select ""x""; drop"') == [(1, 1, 1, 2)]


# ── cut back ──


async def test_rows_of_later_groups_are_deleted_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        tokens = [await sink.checkpoint()]
        for group in range(5):
            await write(sink, *({"group": group, "n": n} for n in range(3)))
            tokens.append(await sink.checkpoint())
    for kept in range(5, -1, -1):
        async with opened(path, tokens[kept]) as sink:
            assert read(path, "SELECT count(*), max(_group) FROM items") == [(3 * kept, kept or None)]
            assert await sink.checkpoint() == tokens[kept]
            await write(sink, {"new": 1})
    assert read(path, "SELECT _id, _group, new FROM items") == [(1, 1, 1)]


async def test_wherever_a_kill_cuts_the_log_of_the_last_write_its_rows_come_once(tmp_path: Path) -> None:
    """A kill leaves a file with a log beside it; of the log there is any beginning."""
    path, cut = tmp_path / "out.db", tmp_path / "cut" / "out.db"
    cut.parent.mkdir()
    async with opened(path) as sink:
        await write(sink, {"a": "kept"})
        token = await sink.checkpoint()
        first = (tmp_path / "out.db-wal").stat().st_size
        await write(sink, {"a": "lost"})
        log = (tmp_path / "out.db-wal").read_bytes()
        assert first < len(log)
        database = path.read_bytes()
    for length in {*range(first, len(log), 97), first, first + 1, first + 24, len(log) - 1, len(log)}:
        for entry in cut.parent.iterdir():
            entry.unlink()
        cut.write_bytes(database)
        cut.with_name("out.db-wal").write_bytes(log[:length])
        async with opened(cut, token) as sink:
            await write(sink, {"a": "again"})
        assert read(cut, "SELECT _id, _group, a FROM items") == [(1, 1, "kept"), (2, 2, "again")]


async def test_a_kill_leaves_what_was_written_and_nothing_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    program = f"""
import asyncio, os, signal
from crawler.sinks.sqlite import Sqlite, encode_values

async def main():
    sink = Sqlite({str(path)!r})
    await sink.open()
    await sink.restore(None)
    await sink.write([encode_values({{"a": 1}})])
    print((await sink.checkpoint()).decode(), flush=True)
    await sink.write([encode_values({{"a": 2}})])
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    assert (tmp_path / "out.db-claim").exists()
    assert read(path, "SELECT a FROM items") == [(1,), (2,)]
    async with opened(path, done.stdout.strip()) as sink:
        await write(sink, {"a": 3})
    assert read(path, "SELECT a FROM items") == [(1,), (3,)]
    assert names_in(tmp_path) == ["out.db"]


async def test_a_new_crawl_begins_with_an_empty_table_and_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
    sink = Sqlite(path)
    await sink.open()
    assert read(path, "SELECT a FROM items") == [(1,)]
    await sink.restore(None)
    await write(sink, {"b": 1})
    await sink.close()
    assert read(path) == [(1, 1, 1)]


async def test_a_file_that_lost_groups_is_refused_with_both_numbers_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        early = await sink.checkpoint()
        await write(sink, {"a": 2})
        await write(sink, {"a": 3})
        late = await sink.checkpoint()
    async with opened(path, early):
        pass
    with pytest.raises(ConfigurationError, match=r"has 1 groups of rows; it had 3 when the state .*; start with a new"):
        async with opened(path, late):
            pass
    assert read(path, "SELECT a FROM items") == [(1,)]


async def test_a_missing_file_is_refused_and_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        token = await sink.checkpoint()
    path.unlink()
    with pytest.raises(ConfigurationError, match="is missing, or empty; it had 1 groups of rows when"):
        async with opened(path, token):
            pass
    assert names_in(tmp_path) == []


async def test_the_file_of_another_crawl_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        token = await sink.checkpoint()
    async with opened(path) as sink:
        await write(sink, {"a": 2})
        await write(sink, {"a": 3})
    with pytest.raises(ConfigurationError, match="is of another crawl than it was when"):
        async with opened(path, token):
            pass
    assert read(path, "SELECT a FROM items") == [(2,), (3,)]


async def test_a_file_with_two_names_is_refused_until_one_is_removed(tmp_path: Path) -> None:
    path, other = tmp_path / "out.db", tmp_path / "other.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        token = await sink.checkpoint()
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(ConfigurationError, match="has another name"):
            async with opened(name, token):
                pass
    other.unlink()
    async with opened(path, token) as sink:
        await write(sink, {"a": 2})
    assert read(path, "SELECT a FROM items") == [(1,), (2,)]


async def test_a_crawl_by_a_symbolic_link_has_the_claim_of_the_file(tmp_path: Path) -> None:
    path, link = tmp_path / "out.db", tmp_path / "link.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        link.symlink_to(path)
        with pytest.raises(ConfigurationError, match="another crawl is writing to it"):
            async with opened(link):
                pass
    assert read(path, "SELECT a FROM items") == [(1,)]


# ── files of others ──


async def test_files_that_are_not_ours_are_refused_and_left_alone(tmp_path: Path) -> None:
    foreign, text, other, newer = (tmp_path / name for name in ("foreign.db", "text.db", "other.db", "newer.db"))
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE items (a)")
    text.write_text("no database at all, but long enough to be one\n" * 100, encoding="ascii")
    async with opened(other, table="books"):
        pass
    shutil.copy(other, newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 9")
    for path, message in {
        foreign: "is another program's; name a file of its own",
        text: "is damaged, or no SQLite file",
        other: "has the table 'books', not 'items'; give table='books', or name another file",
        newer: "is of version 9, and this is version 1",
    }.items():
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match=message):
            await Sqlite(path).open()
        assert path.read_bytes() == before
        assert not path.with_name(f"{path.name}-claim").exists()


async def test_two_crawls_do_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        with pytest.raises(ConfigurationError, match="cannot be written: another crawl is writing to it"):
            await Sqlite(path).open()
        await write(sink, {"a": 2})
    assert read(path, "SELECT a FROM items") == [(1,), (2,)]


@pytest.mark.parametrize("where", ["", "missing/out.db", "file/out.db"])
async def test_an_output_that_cannot_be_written_is_told_before_the_crawl(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"output '.*' cannot be written: (Is a|No such|Not a)"):
        await Sqlite(tmp_path / where).open()


async def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "out.db").touch()
    async with opened(tmp_path / "out.db") as sink:
        await write(sink, {"a": 1})
    assert read(tmp_path / "out.db") == [(1, 1, 1)]


async def test_a_full_disk_is_a_sink_error_whose_cause_says_so_and_can_be_got_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(real_connect(*arguments, **options))
        return connections[-1]

    path, real_connect, connections = tmp_path / "out.db", sqlite3.connect, list[sqlite3.Connection]()
    monkeypatch.setattr(sqlite3, "connect", connect)
    async with opened(path) as sink:
        await write(sink, {"a": 1})
        token = await sink.checkpoint()
        connection = connections[-1]
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own full disk
        with pytest.raises(SinkError, match=r"out\.db' cannot be written: database or disk is full") as caught:
            await write(sink, {"a": "x" * 100_000})
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ENOSPC
        connection.execute("PRAGMA max_page_count = 1000000")
        await sink.restore(token)
        await write(sink, {"a": 2})
        await sink.sync()
        await sink.sync()
    assert read(path, "SELECT a FROM items") == [(1,), (2,)]


async def test_a_write_that_was_cancelled_is_whole_and_the_next_one_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    async with opened(path) as sink:
        writing = asyncio.ensure_future(write(sink, *({"a": n} for n in range(1000))))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait((writing,))
        assert writing.cancelled()
        await write(sink, {"a": -1})
    assert read(path, "SELECT count(*), max(_group) FROM items") in ([(1001, 2)], [(1, 1)])


async def test_a_sink_that_is_not_open_says_so(tmp_path: Path) -> None:
    sink = Sqlite(tmp_path / "out.db")
    with pytest.raises(ClosedError):
        await sink.checkpoint()
    await sink.close()
