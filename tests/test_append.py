from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError, SinkError
from crawler.sinks.append import AppendFile, Mark


@asynccontextmanager
async def open_file(file: Path | int) -> AsyncIterator[AppendFile]:
    appended = AppendFile(file)
    await appended.open()
    try:
        yield appended
    finally:
        await appended.close()


async def mark_of(file: AppendFile) -> Mark:
    mark = await file.mark()
    assert mark is not None
    return mark


async def written(path: Path, *chunks: bytes) -> Mark:
    async with open_file(path) as file:
        await file.restore(None)
        await file.append(list(chunks))
        return await mark_of(file)


async def test_opening_leaves_what_is_there_until_it_is_said_what_becomes_of_it(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    async with open_file(path) as file:
        assert path.read_bytes() == b"old"
        await file.restore(None)
        assert path.read_bytes() == b""


async def test_wherever_a_kill_cuts_the_last_write_the_file_is_cut_back_to_the_mark(tmp_path: Path) -> None:
    path, kept, lost = tmp_path / "out", b"kept\n" * 9, b"something longer that is lost\n"
    mark = await written(path, kept)
    for length in range(len(lost) + 1):
        path.write_bytes(kept + lost[:length])
        async with open_file(path) as file:
            await file.restore(mark)
            assert path.read_bytes() == kept
            await file.append([b"next\n"])
            assert await file.mark() == Mark(len(kept) + 5, (kept + b"next\n")[-32:])
        assert path.read_bytes() == kept + b"next\n"


@pytest.mark.parametrize("garbage", [b"\0" * 10_000, b"\xff\n", b"{", random.Random(1).randbytes(100)])
async def test_garbage_after_the_mark_is_cut_off(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "out"
    mark = await written(path, b"kept\n")
    with path.open("ab") as file:
        file.write(garbage)
    async with open_file(path) as cut:
        await cut.restore(mark)
    assert path.read_bytes() == b"kept\n"


async def test_each_shorter_file_is_refused_with_both_lengths_and_a_remedy_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out"
    mark = await written(path, b"0123456789")
    for length in range(10):
        path.write_bytes(b"0123456789"[:length])
        async with open_file(path) as file:
            with pytest.raises(ConfigurationError) as caught:
                await file.restore(mark)
        assert str(caught.value) == (
            f"output {str(path)!r} has {length} bytes; it had 10 when the state of this crawl was written; "
            "start with a new --state folder, or put the file back"
        )
        assert path.read_bytes() == b"0123456789"[:length]


async def test_a_missing_file_is_refused_and_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    mark = await written(path, b"0123456789")
    path.unlink()
    async with open_file(path) as file:
        with pytest.raises(ConfigurationError, match=r"out' is missing; it had 10 bytes when .*; start with a new"):
            await file.restore(mark)
    assert not path.exists()


async def test_a_missing_file_that_nothing_had_been_written_to_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "out"
    mark = await written(path)
    path.unlink()
    async with open_file(path) as file:
        await file.restore(mark)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("other", [b"0123456X89", b"another file, of another crawl"])
async def test_a_file_with_other_bytes_is_refused_and_left_alone(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "out"
    mark = await written(path, b"0123456789")
    path.write_bytes(other)
    async with open_file(path) as file:
        with pytest.raises(ConfigurationError, match="but the first 10 are not what they were when"):
            await file.restore(mark)
    assert path.read_bytes() == other


async def test_what_somebody_else_writes_meanwhile_is_an_error_not_a_wrong_mark(tmp_path: Path) -> None:
    path = tmp_path / "out"
    async with open_file(path) as file:
        await file.restore(None)
        await file.append([b"ours\n"])
        with path.open("ab") as other:
            other.write(b"theirs\n")
        with pytest.raises(SinkError, match="has 12 bytes, and this crawl left 5: something else writes to it"):
            await file.mark()


async def test_two_crawls_do_not_write_to_one_file_and_the_second_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    async with open_file(path) as file:
        await file.restore(None)
        await file.append([b"ours\n"])
        with pytest.raises(ConfigurationError, match="cannot be written: another crawl is writing to it"):
            await AppendFile(path).open()
        assert path.read_bytes() == b"ours\n"


async def test_what_is_no_regular_file_has_no_marks_and_is_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old\n")
    read_end, write_end = os.pipe()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    for file in (Path("/dev/null"), write_end, descriptor):
        async with open_file(file) as sink:
            await sink.restore(None)
            await sink.append([b"new\n"])
            assert await sink.mark() is None
            await sink.sync()
            with pytest.raises(ConfigurationError, match="is no regular file, as it was when"):
                await sink.restore(Mark(1, b"x"))
    for end in (read_end, write_end, descriptor):
        os.close(end)
    assert path.read_bytes() == b"old\nnew\n"


async def test_what_could_not_be_written_is_forgotten_when_the_file_is_cut_back(tmp_path: Path) -> None:
    program = f"""
import asyncio, errno, resource, sys
from crawler.errors import SinkError
from crawler.sinks.append import AppendFile

async def main():
    file = AppendFile({str(tmp_path / "out")!r})
    await file.open()
    await file.restore(None)
    await file.append([b"kept"])
    mark = await file.mark()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    for attempt in range(3):
        try:
            await file.append([b"x" * 2000])
        except SinkError as error:
            assert error.__cause__.errno == errno.EFBIG, error
            assert str(file.name) in str(error)
        else:
            sys.exit("written")
        try:
            await file.mark()
        except SinkError:
            pass
        else:
            sys.exit("marked")
        await file.restore(mark)
        assert await file.mark() == mark
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await file.append([b"x" * 2000])
    await file.close()

asyncio.run(main())
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True)
    assert (tmp_path / "out").read_bytes() == b"kept" + b"x" * 2000


async def test_a_full_disk_keeps_the_error_of_the_system_as_its_cause() -> None:
    async with open_file(Path("/dev/full")) as file:
        with pytest.raises(SinkError, match="output '/dev/full' cannot be written: No space left on device") as caught:
            await file.append([b"x"])
        assert isinstance(caught.value.__cause__, OSError)


async def test_a_file_can_be_synced_and_is_the_same_after_it(tmp_path: Path) -> None:
    async with open_file(tmp_path / "out") as file:
        await file.restore(None)
        await file.append([b"x"])
        await file.sync()
        await file.sync()
        assert await file.mark() == Mark(1, b"x")


def test_the_tail_is_that_of_the_file_however_it_was_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    @given(st.lists(st.lists(st.binary(max_size=50), max_size=3), max_size=6))
    def check(writes: list[list[bytes]]) -> None:
        async def run() -> None:
            path = tmp_path_factory.mktemp("tails") / "out"
            async with open_file(path) as file:
                await file.restore(None)
                for chunks in writes:
                    await file.append(chunks)
                mark = await mark_of(file)
            data = path.read_bytes()
            assert mark == Mark(len(data), data[-32:])
            async with open_file(path) as file:
                assert await mark_of(file) == mark

        asyncio.run(run())

    check()
