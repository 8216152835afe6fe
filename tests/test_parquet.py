from __future__ import annotations

import asyncio
import datetime as dt
import json
import math
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import ClosedError, ConfigurationError, EncodingError, SinkError
from crawler.sinks.parquet import Parquet, encode_shaped
from crawler.sinks.sink import CheckpointedSink


@asynccontextmanager
async def opened(folder: Path, rows: int = 100_000, token: bytes | None = None) -> AsyncIterator[Parquet]:
    sink = Parquet(folder, rows)
    await sink.open()
    try:
        await sink.restore(token)
        yield sink
    finally:
        await sink.close()


async def write(sink: Parquet, *items: Any) -> None:
    await sink.write([encode_shaped(item) for item in items])


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def parts_of(folder: Path) -> list[Any]:
    """Return the rows of each part; what has no value is left out."""
    tables = [pq.ParquetFile(path).read() for path in sorted(folder.glob("part-*.parquet"))]
    return [
        [{name: value for name, value in row.items() if value is not None} for row in t.to_pylist()] for t in tables
    ]


def spooled(folder: Path) -> list[Any]:
    [spool] = folder.glob("_spool-*.jsonl")
    return [json.loads(line) for line in spool.read_bytes().splitlines()]


# ── rows ──


async def test_a_crawl_leaves_parquet_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out.parquet"
    async with opened(folder, 2) as sink:
        assert isinstance(sink, CheckpointedSink)
        await write(sink, {"n": 1})
        assert (parts_of(folder), spooled(folder)) == ([], [{"n": 1}])
        await write(sink, {"n": 2}, {"n": 3})
        assert (parts_of(folder), spooled(folder)) == ([[{"n": 1}, {"n": 2}, {"n": 3}]], [])
        await write(sink, {"n": 4})
    assert names_in(folder) == ["part-000001.parquet", "part-000002.parquet"]
    assert [row["n"] for row in pq.read_table(folder).to_pylist()] == [1, 2, 3, 4]


async def test_a_folder_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "out", 1) as sink:
        await write(sink, {"n": 1})
        assert pq.read_table(tmp_path / "out").to_pylist() == [{"n": 1}]


async def test_columns_have_the_types_of_the_values(tmp_path: Path) -> None:
    item = {
        "b": True,
        "i": -(2**63),
        "f": 1.5,
        "s": "Prozeß\n",
        "d": dt.date(2026, 1, 2),
        "l": [[1], []],
        "o": {"x": [{"y": 1}], "z": None},
        "n": None,
        "e": [],
    }
    async with opened(tmp_path / "out") as sink:
        await write(sink, item, {"o": {"x": [{"z": "late"}]}})
    table = pq.read_table(tmp_path / "out")
    assert {field.name: str(field.type) for field in table.schema} == {
        "b": "bool",
        "i": "int64",
        "f": "double",
        "s": "string",
        "d": "string",
        "l": "list<element: list<element: int64>>",
        "o": "struct<x: list<element: struct<y: int64, z: string>>>",
    }
    first, second = table.to_pylist()
    assert first["o"] == {"x": [{"y": 1, "z": None}]}
    assert second["o"] == {"x": [{"y": None, "z": "late"}]}
    assert first["d"] == "2026-01-02"


async def test_integers_become_floats_with_the_first_float(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"a": 1, "o": {"l": [1]}}, {"a": 2.5}, {"a": 2**60, "o": {"l": [0.5, 2**60]}}, {"o": None})
        await write(sink, {"a": 3})
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["a"] for row in rows] == [1.0, 2.5, float(2**60), None, 3.0]
    assert [row["o"] for row in rows] == [{"l": [1.0]}, None, {"l": [0.5, float(2**60)]}, None, None]


async def test_a_field_of_another_kind_is_an_error_that_names_it_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder, 2) as sink:
        await write(sink, {"a": {"b": 1}})
        with pytest.raises(
            EncodingError, match=r"out': the field 'a\.b' is text here, and an integer before; yield one"
        ):
            await write(sink, {"a": {"b": 2}}, {"a": {"b": "x"}})
        await write(sink, {"a": {"b": 3}})
        with pytest.raises(EncodingError, match=r"the field 'a\.b' is a number here, and an integer before"):
            await write(sink, {"a": {"b": 0.5}})  # the first part has integers
        await write(sink, {"a": {"c": "new"}}, {"a": {"b": 4}})
    assert parts_of(folder) == [
        [{"a": {"b": 1}}, {"a": {"b": 3}}],
        [{"a": {"b": None, "c": "new"}}, {"a": {"b": 4, "c": None}}],
    ]


@pytest.mark.parametrize("item", [{"a": [1, "x"]}, {"a": 2**63}, {"a": object()}, [1], {}])
def test_what_makes_no_row_is_found_in_the_worker(item: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="; yield"):
        encode_shaped(item)


async def test_names_that_are_data_are_refused_before_they_make_a_table_without_end(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        for number in range(4):
            await write(sink, {"words": {f"w{number * 500 + place}": 1 for place in range(500)}})
        with pytest.raises(EncodingError, match="more than 2000 fields; where names are data, yield a list of pairs"):
            await write(sink, {"words": {"w2000": 1}})


@pytest.mark.parametrize("rows", [0, -1, 1.5, True])
def test_a_number_of_rows_that_makes_no_sense_is_refused(rows: Any) -> None:
    with pytest.raises(ConfigurationError, match="rows="):
        Parquet("out", rows)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
items = st.fixed_dictionaries(
    {},
    optional={
        "": st.integers(-(2**63), 2**63 - 1),
        "f": st.floats(allow_nan=False, allow_infinity=False),
        "a.b[]": texts,
        "l": st.lists(st.booleans(), min_size=1),
        "o": st.fixed_dictionaries({"x": texts}),
    },
).filter(bool)


@settings(max_examples=40)
@given(st.lists(st.lists(items, max_size=4), max_size=5))
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, written: list[list[Any]]) -> None:
    async def run() -> None:
        folder = tmp_path_factory.mktemp("parquet") / "out"
        async with opened(folder, 3) as sink:
            for some in written:
                await write(sink, *some)
        found = [row for part in parts_of(folder) for row in part]
        expected = [item for some in written for item in some]
        assert found == expected

    asyncio.run(run())


async def test_what_json_does_not_have_is_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"a": math.nan}, {"a": math.inf}, {"a": None})
    assert pq.read_table(tmp_path / "out").to_pylist() == [{"a": None}] * 3


async def test_rows_without_any_value_are_counted(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"a": None}, {"b": []})
    assert pq.read_table(tmp_path / "out").num_rows == 2


# ── cut back ──


async def resume(folder: Path, token: bytes | None, *again: Any, rows: int) -> None:
    """Go on from ``token``: write what came after it once more, and end."""
    async with opened(folder, rows, token) as sink:
        for item in again:
            await write(sink, item)


def rows_of(folder: Path) -> list[int]:
    return [row["n"] for part in parts_of(folder) for row in part]


async def test_wherever_a_kill_cuts_the_spool_the_rows_come_once(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder, 10) as sink:
        await write(sink, {"n": 1})
        token = await sink.checkpoint()
        kept = (folder / "_spool-000001.jsonl").read_bytes()
        lost = b'{"n":2,"text":"long"}\n'
    for length in range(len(lost) + 1):
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "_spool-000001.jsonl").write_bytes(kept + lost[:length])
        (folder / ".claim").touch()
        await resume(folder, token, {"n": 2}, rows=10)
        assert rows_of(folder) == [1, 2]
        assert names_in(folder) == ["part-000001.parquet"]


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("committed", range(5))
async def test_from_any_token_any_later_state_of_the_folder_leads_to_each_row_once(
    tmp_path: Path, rows: int, committed: int
) -> None:
    """Each state that a crawl passes through is kept; a kill may leave any that is later than the token."""
    folder = tmp_path / "out"
    tokens: list[bytes | None] = []
    async with opened(folder, rows) as sink:
        for number in range(5):
            tokens.append(await sink.checkpoint())
            shutil.copytree(folder, tmp_path / f"state{number}")
            await write(sink, {"n": number})
    shutil.copytree(folder, tmp_path / "state5")  # of the end, when all are parts
    again = [{"n": number} for number in range(committed, 5)]
    for later in range(committed, 6):
        killed = tmp_path / f"killed{later}"
        shutil.copytree(tmp_path / f"state{later}", killed)
        (killed / "_part-000009.parquet.tmp").write_bytes(b"half a pa")
        await resume(killed, tokens[committed], rows=rows)  # killed, or ended, at once
        await resume(killed, tokens[committed], *again[:1], rows=rows)
        await resume(killed, tokens[committed], *again, rows=rows)
        assert rows_of(killed) == list(range(5))
        assert all(name.startswith("part-") for name in names_in(killed))


async def test_a_kill_between_the_part_and_the_end_of_its_spool_leaves_each_row_once(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder) as sink:
        await write(sink, {"n": 1}, {"n": 2})
        token = await sink.checkpoint()
        await write(sink, {"n": 3})
        shutil.copytree(folder, tmp_path / "both")
    shutil.copy(folder / "part-000001.parquet", tmp_path / "both")
    await resume(tmp_path / "both", token, {"n": 3}, rows=100)
    assert parts_of(tmp_path / "both") == [[{"n": 1}, {"n": 2}, {"n": 3}]]


async def test_a_part_with_more_than_was_committed_is_cut_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder, 3) as sink:
        await write(sink, {"n": 1, "a": 2**60})
        token = await sink.checkpoint()
        await write(sink, {"n": 2, "b": "x"}, {"n": 3})
        assert names_in(folder)[-1] == "part-000001.parquet"
    await resume(folder, token, {"n": 2}, {"n": 3}, rows=3)
    assert parts_of(folder) == [[{"n": 1, "a": 2**60}], [{"n": 2}, {"n": 3}]]


async def test_a_crawl_that_goes_on_knows_the_kinds_of_the_fields(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder) as sink:
        await write(sink, {"n": 1, "a": "x"})
        token = await sink.checkpoint()
    async with opened(folder, token=token) as sink:
        with pytest.raises(EncodingError, match="the field 'a' is an integer here, and text before"):
            await write(sink, {"a": 1})
        with pytest.raises(EncodingError, match="the field 'n' is a number here, and an integer before"):
            await write(sink, {"n": 1.5})  # which the part has


async def test_a_kill_in_the_middle_of_everything(tmp_path: Path) -> None:
    """A process that writes, commits and is killed from outside; then another, until all rows are there."""
    folder, state = tmp_path / "out", tmp_path / "state"
    program = f"""
import asyncio, os, random, signal, sys, threading
from pathlib import Path
from crawler.sinks.parquet import Parquet, encode_shaped

state = Path({str(state)!r})

async def main():
    luck = random.Random(int(sys.argv[1]))
    sink = Parquet({str(folder)!r}, 5)
    await sink.open()
    done, _, token = state.read_text().partition(" ") if state.exists() else ("0", "", "")
    await sink.restore(token.encode() or None)
    if int(sys.argv[1]):
        threading.Timer(luck.random() * 0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
    for number in range(int(done), 60):
        await sink.write([encode_shaped({{"n": number}})])
        token = await sink.checkpoint()
        state.with_suffix(".new").write_text(f"{{number + 1}} {{token.decode()}}")
        state.with_suffix(".new").rename(state)
    await sink.close()

asyncio.run(main())
"""
    for jitter in (1, 2, 3, 0):
        done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, str(jitter)], check=False)
        assert done.returncode in {0, -9}
    assert done.returncode == 0
    assert rows_of(folder) == list(range(60))
    assert all(name.startswith("part-") for name in names_in(folder))


@pytest.mark.parametrize("lost", ["part-000001.parquet", "part-000002.parquet", "_spool-000003.jsonl"])
async def test_a_folder_that_lost_a_file_is_refused_and_left_alone(tmp_path: Path, lost: str) -> None:
    folder, kept = tmp_path / "out", tmp_path / "kept"
    async with opened(folder, 1) as sink:
        await write(sink, {"n": 1})
        await write(sink, {"n": 2})
    sink = Parquet(folder, 2)
    await sink.open()
    await sink.restore(None)
    for number in range(5):
        await write(sink, {"n": number})
    token = await sink.checkpoint()
    shutil.copytree(folder, kept)
    await sink.close()
    (kept / lost).unlink()
    before = names_in(kept)
    with pytest.raises(ConfigurationError, match=rf"lacks {lost}.* it had .* when the state .*; start with a new"):
        async with opened(kept, 2, token):
            pass
    assert [name for name in before if name != ".claim"] == names_in(kept)


async def test_a_spool_that_is_shorter_or_another_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sink = Parquet(folder)
    await sink.open()
    await sink.restore(None)
    await write(sink, {"n": 1})
    token = await sink.checkpoint()
    spool = folder / "_spool-000001.jsonl"
    copies = {name: tmp_path / name for name in ("short", "other")}
    for copy in copies.values():
        shutil.copytree(folder, copy)
    await sink.close()
    for name, content, message in [
        ("short", b'{"n":', "has 5 bytes in _spool-000001.jsonl; it had 8 when"),
        ("other", b'{"n":2}\n{"n":1}\n', "but the first 8 are not what they were when"),
    ]:
        (copies[name] / spool.name).write_bytes(content)
        with pytest.raises(ConfigurationError, match=message):
            async with opened(copies[name], token=token):
                pass
        assert (copies[name] / spool.name).read_bytes() == content


async def test_a_missing_folder_is_refused_and_stays_missing(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"n": 1})
        token = await sink.checkpoint()
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(ConfigurationError, match=r"lacks _spool-000001\.jsonl, and part-000001\.parquet too; it had 1"):
        async with opened(tmp_path / "out", token=token):
            pass
    assert names_in(tmp_path) == []


async def test_the_folder_of_another_crawl_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder, 1) as sink:
        await write(sink, {"n": 1})
        token = await sink.checkpoint()
    async with opened(folder, 1) as sink:
        await write(sink, {"n": 2})
    with pytest.raises(ConfigurationError, match=r"has a part-000001\.parquet of another crawl than when the state"):
        async with opened(folder, 1, token):
            pass
    assert rows_of(folder) == [2]


# ── folders of others ──


async def test_a_new_crawl_removes_what_another_has_written_when_it_begins(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with opened(folder, 1) as sink:
        await write(sink, {"n": 1})
        await write(sink, {"n": 2})
    sink = Parquet(folder, 1)
    await sink.open()
    assert rows_of(folder) == [1, 2]
    await sink.restore(None)
    await sink.close()
    assert names_in(folder) == []


@pytest.mark.parametrize("name", ["notes.txt", "part-1.parquet", "part-00000-aa.parquet", "data"])
async def test_a_folder_with_what_is_not_ours_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(
        ConfigurationError, match=rf"holds '{name}', which no crawl has written; name a folder of its own"
    ):
        await Parquet(tmp_path).open()
    assert names_in(tmp_path) == [name]


async def test_a_file_and_a_folder_that_cannot_be_made_are_told_before_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="file' is a file; a folder is wanted"):
        await Parquet(tmp_path / "file").open()
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory"):
        await Parquet(tmp_path / "missing" / "out").open()


async def test_two_crawls_do_not_write_to_one_folder(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"n": 1})
        other = Parquet(tmp_path / "out")
        with pytest.raises(ConfigurationError, match="cannot be written: another crawl is writing to it"):
            await other.open()
        await other.close()
        await write(sink, {"n": 2})
    assert rows_of(tmp_path / "out") == [1, 2]


async def test_what_somebody_else_writes_to_the_spool_is_an_error(tmp_path: Path) -> None:
    async with opened(tmp_path / "out") as sink:
        await write(sink, {"n": 1})
        with (tmp_path / "out" / "_spool-000001.jsonl").open("ab") as file:
            file.write(b"{}\n")
        with pytest.raises(SinkError, match="something else writes to it"):
            await sink.checkpoint()


async def test_a_disk_that_is_full_for_rows_or_parts_is_got_over(tmp_path: Path) -> None:
    program = f"""
import asyncio, errno, random, resource
from crawler.errors import SinkError
from crawler.sinks.parquet import Parquet, encode_shaped

async def main():
    sink = Parquet({str(tmp_path / "out")!r}, 4)
    await sink.open()
    await sink.restore(None)
    await sink.write([encode_shaped({{"n": 1, "s": ""}})])
    token = await sink.checkpoint()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        await sink.write([encode_shaped({{"n": 2, "s": "x" * 2000}})])
    except SinkError:
        await sink.write([encode_shaped({{"n": 2, "s": ""}})])  # is not glued to half a line
    assert (await sink.checkpoint()).count(b'"rows":2')
    for text in ("x" * 2000, "part"):  # the first is too long for the spool; the second makes a part, which is too long
        for attempt in range(2):
            try:
                await sink.write([encode_shaped({{"n": n, "s": text}}) for n in (2, 3, 4)])
            except SinkError as error:
                assert error.__cause__.errno == errno.EFBIG, repr(error.__cause__)
            else:
                raise AssertionError("written")
            await sink.restore(token)
            assert await sink.checkpoint() == token
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await sink.write([encode_shaped({{"n": n, "s": "x" * 2000}}) for n in (2, 3, 4)])
    await sink.sync()
    await sink.close()

asyncio.run(main())
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True)
    assert rows_of(tmp_path / "out") == [1, 2, 3, 4]
    assert names_in(tmp_path / "out") == ["part-000001.parquet"]


async def test_a_write_that_was_cancelled_is_whole_and_the_next_one_waits_for_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "out", 100) as sink:
        writing = asyncio.ensure_future(write(sink, *({"n": n} for n in range(500))))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait((writing,))
        assert writing.cancelled()
        await write(sink, {"n": -1})
    assert rows_of(tmp_path / "out") in ([-1], [*range(500), -1])


async def test_before_it_is_said_what_becomes_of_the_folder_there_is_a_token_and_nothing_to_write_to(
    tmp_path: Path,
) -> None:
    sink = Parquet(tmp_path / "out")
    await sink.open()
    assert await sink.checkpoint()
    with pytest.raises(ClosedError, match="is not open, or not restored"):
        await write(sink, {"n": 1})
    await sink.close()
    assert names_in(tmp_path) == []


async def test_a_sink_that_is_not_open_says_so(tmp_path: Path) -> None:
    sink = Parquet(tmp_path / "out")
    with pytest.raises(ClosedError):
        await sink.checkpoint()
    await sink.close()
