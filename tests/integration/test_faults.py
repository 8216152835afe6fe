"""The disk fails under a crawl with a state folder: it waits, or says so and ends; nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crash_tests.campaign import Campaign, Run, campaign
from crash_tests.crash_points import OPTIONS, under_strace
from crash_tests.process import Started
from tests.needs import need

pytestmark = pytest.mark.timeout(200)  # crawls under strace
SINKS = ("jsonl", "csv", "sqlite")
LOG = "state/state.sqlite-wal"
WAITS = "the crawl waits until there is space"
DISK_BYTES = 4_000_000


async def faulted(found: Campaign, folder: Path, file: str, inject: str) -> tuple[int, str]:
    """Crawl while calls about a file fail; return the exit code and what was said."""
    need(shutil.which("strace") is not None, "strace")
    call = inject.partition(":")[0]
    under = under_strace(folder, folder.with_name("log"), call, [file], inject)
    async with found.crawl(folder, under) as crawl:
        _, said = await crawl.process.communicate()
    assert "INJECTED" in folder.with_name("log").read_text()
    return crawl.process.returncode or 0, said.decode()


# A full disk, or one that is over its quota, has room again after a while.
PASSING = {
    "the state": (LOG, "pwrite64:error=ENOSPC:when=50..51"),  # those before are of its making
    "lines": ("items.jsonl", "write:error=ENOSPC:when=2..3"),
    "lines, over the quota": ("items.jsonl", "write:error=EDQUOT:when=2"),
    "rows": ("items.csv", "write:error=ENOSPC:when=2"),
    "an output that is a database": ("items.sqlite-wal", "pwrite64:error=ENOSPC:when=8..9"),
    "lines, when they are cut back": ("items.jsonl", "ftruncate:error=EINTR:when=1"),
    "lines, interrupted": ("items.jsonl", "write:error=EINTR:when=1..2"),
    "the state, interrupted": (LOG, "pwrite64:error=EINTR:when=5..6"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_what_passes_is_waited_for(name: str, tmp_path: Path) -> None:
    run, folder = Run(), tmp_path / "crawl"
    async with campaign("tiny", *OPTIONS, sinks=SINKS) as found:
        code, said = await faulted(found, folder, *PASSING[name])
        assert code == 0, said
        assert said.count(WAITS) == ("INTR" not in PASSING[name][1]), said
        await found.check(folder, run)
    assert run.problems == []


LASTING = {
    "the state": (LOG, "pwrite64:error=EIO:when=50", "StateError"),
    "the state while it is made": (LOG, "pwrite64:error=EIO:when=1", "StateError"),
    "a state for which there is no room": (LOG, "pwrite64:error=ENOSPC:when=1", "StateError"),
    "a sync of the state": (LOG, "fdatasync:error=EIO:when=2", "StateError"),
    "lines": ("items.jsonl", "write:error=EIO:when=2", "SinkError"),
    "rows": ("items.csv", "write:error=EIO:when=2", "SinkError"),
    "an output that is a database": ("items.sqlite-wal", "pwrite64:error=EIO:when=9", "SinkError"),
}


@pytest.mark.parametrize("name", LASTING)
async def test_what_does_not_pass_ends_the_crawl_which_goes_on_when_it_is_over(name: str, tmp_path: Path) -> None:
    run, folder = Run(), tmp_path / "crawl"
    *fault, error = LASTING[name]
    async with campaign("tiny", *OPTIONS, "--durability=power", sinks=SINKS) as found:
        code, said = await faulted(found, folder, *fault)
        assert (code, f"crawler.errors.{error}: " in said, "damaged" in said) == (1, True, False), said
        await found.finished(folder, run)
    assert run.problems == []


async def test_a_state_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    run, folder = Run(), tmp_path / "crawl"
    async with campaign("tiny", *OPTIONS, sinks=SINKS) as found:
        await faulted(found, folder, LOG, "pwrite64:error=EIO:when=50")
        before = (folder / "items.jsonl").read_bytes()
        code, said = await faulted(found, folder, "state/state.sqlite", "pread64:error=EIO:when=3")
        assert (code, "crawler.errors.StateError: " in said) == (1, True), said
        assert (folder / "items.jsonl").read_bytes() == before
        await found.finished(folder, run)
    assert run.problems == []


async def said_of(crawl: Started, text: str) -> str:
    """Return what a crawl says, up to the first line that has a ``text``, or to its end."""
    assert crawl.process.stderr is not None
    said = ""
    while text not in said and (line := await crawl.process.stderr.readline()):
        said += line.decode()
    return said


async def test_somebody_who_holds_the_state_is_waited_for(tmp_path: Path) -> None:
    run, folder = Run(), tmp_path / "crawl"
    async with campaign("small", "--workers=1", "--fetchers=4", sinks=SINKS) as found:
        async with found.crawl(folder) as crawl:
            while (await found.server.statistics()).requests < 10:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.01)
            with closing(sqlite3.connect(folder / "state" / "state.sqlite", isolation_level=None, timeout=5)) as other:
                other.execute("BEGIN IMMEDIATE")
                said = await said_of(crawl, WAITS)
                other.execute("ROLLBACK")
            _, more = await crawl.process.communicate()
        assert (crawl.process.returncode, (said + more.decode()).count(WAITS)) == (0, 1)
        await found.finished(folder, run)
    assert run.problems == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("nobody but root may mount a disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def until_nobody_asks(found: Campaign) -> None:
    """Wait until the server has told us its counts many times, and has answered nobody else in between."""
    before, same = -1, 0
    while same < 300:
        now = (await found.server.statistics()).requests
        same = same + 1 if now == before else 0
        before = now


async def test_a_full_disk_pauses_the_crawl_until_there_is_room(small_disk: Path) -> None:
    run, folder, ballast = Run(), small_disk / "crawl", small_disk / "ballast"
    async with campaign("small", "--workers=1", "--fetchers=8", sinks=SINKS) as found:
        ballast.write_bytes(bytes(DISK_BYTES - 350_000))
        async with found.crawl(folder) as crawl:
            said = await said_of(crawl, WAITS)
            assert WAITS in said
            await until_nobody_asks(found)
            assert sum((await found.asked()).values()) < found.site.size, "it fetches on though the disk is full"
            ballast.unlink()
            _, more = await crawl.process.communicate()
        assert (crawl.process.returncode, more.decode().count(WAITS)) == (0, 0), more.decode()
        await found.finished(folder, run)
    assert run.problems == []
