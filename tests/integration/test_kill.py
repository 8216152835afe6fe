"""A crawl with a state folder is killed, again and again, and goes on: nothing is lost, nothing doubled, nothing torn.

`python -m benchmarks.kill` and `python -m benchmarks.crash_points` do the same as often as one likes.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from crash_tests.campaign import Run, campaign
from crash_tests.crash_points import OPTIONS, READS, Crashes, Point
from crash_tests.examined import examine
from crash_tests.outputs import present
from crash_tests.sites import POSTGRESQL, WAYS
from tests.needs import need

pytestmark = pytest.mark.timeout(300)  # several crawls each, some of them under strace
LIGHT = ("jsonl", "csv", "sqlite")  # of which none takes long to import
RUNS = {
    "one host": ("small", ("--fetchers=64",), tuple(present())),
    "a folder with a robots.txt": ("folder", ("--fetchers=64",), LIGHT),
    "newest first, with few in memory": ("small", ("--fetchers=64", "--order=depth", "--window=16"), LIGHT),
    "long ways to its pages first, then short ones": ("ways", ("--fetchers=2", *WAYS), LIGHT),
    "items that an output cannot hold": ("small", ("--fetchers=64", "--odd"), tuple(present())),
    "waiting for the disk": ("small", ("--fetchers=64", "--durability=power"), LIGHT),
}


async def killed(name: str, site: str, options: tuple[str, ...], sinks: tuple[str, ...]) -> Run:
    """Crawl once with one kill or two."""
    jitter = random.Random(name)
    async with campaign(site, "--workers=1", *options, sinks=sinks) as found:
        return await found.run(jitter, kills=jitter.randint(1, 2))


@pytest.mark.parametrize("name", RUNS)
async def test_kills_at_random_lose_nothing_and_double_nothing(name: str) -> None:
    runs = await asyncio.gather(*(killed(f"{name} {number}", *RUNS[name]) for number in range(2)))
    assert [run.problems for run in runs] == [[], []]


@pytest.mark.real_site
async def test_kills_at_random_do_no_harm_to_a_crawl_of_a_manual() -> None:
    need(POSTGRESQL.is_dir(), "the Debian package postgresql-doc-15")
    assert (await killed("manual 0", "postgresql", ("--fetchers=64",), LIGHT)).problems == []


def first(points: list[Point], call: str, file: str) -> Point:
    """Return the first of the calls on a file."""
    return next(point for point in points if (point.call, point.file) == (call, file))


def named(points: list[Point]) -> dict[str, Point]:
    """Return moments that are worth a name, as the calls that they are before."""
    log, output = "state/state.sqlite-wal", "items.jsonl"
    in_log = [point for point in points if point.file == log and point.call == "pwrite64"]
    followed = [(now, then) for now, then in pairwise(points) if now.call == "write" and now.file == output]
    written = points.index(followed[-1][1])
    merged = [point for point in points if point.file == "state/state.sqlite" and point.call == "pwrite64"]
    return {
        "while the database is made": merged[0],
        "before items are written": first(points, "write", output),
        "between two outputs": followed[-1][1],
        "between the items and the transaction": next(point for point in points[written:] if point in in_log),
        "within a transaction": in_log[-2],
        "within the output that is a database": first(points, "pwrite64", "items.sqlite-wal"),
        "while the log is merged into the database": merged[-1],
    }


async def test_a_kill_at_each_moment_that_has_a_name_does_no_harm(tmp_path: Path) -> None:
    need(shutil.which("strace") is not None, "strace")
    problems: dict[str, list[str]] = {}
    async with campaign("tiny", *OPTIONS, sinks=LIGHT) as found:
        crashes = Crashes(found, tmp_path)
        for name, point in named(await crashes.points()).items():
            run = Run()
            await crashes.crash(point, run)
            await crashes.finish(run)
            problems |= {f"{name}, {point}": run.problems} if run.problems else {}
    assert problems == {}


async def test_a_kill_does_no_harm_to_what_is_known_of_the_ways_to_pages(tmp_path: Path) -> None:
    need(shutil.which("strace") is not None, "strace")
    run = Run()
    async with campaign("ways", *OPTIONS, *WAYS, sinks=("jsonl",)) as found:
        crashes = Crashes(found, tmp_path)
        written = [point for point in await crashes.points() if point.file.startswith("state/state.sqlite")]
        for point in written[len(written) // 4 :: len(written) // 4]:
            await crashes.crash(point, run)
            await crashes.finish(run)
    assert run.problems == []


async def test_a_kill_while_a_crawl_comes_back_does_no_harm(tmp_path: Path) -> None:
    need(shutil.which("strace") is not None, "strace")
    async with campaign("tiny", *OPTIONS, sinks=LIGHT) as found:
        crashes, run = Crashes(found, tmp_path), Run()
        items = [point for point in await crashes.points() if (point.call, point.file) == ("write", "items.jsonl")]
        for point in items:  # calls are counted, and another crawl may make fewer: then it is not killed
            if await crashes.crash(point, run):
                break
        crashes.keep()
        again = await crashes.points(READS)
        restored = [point for point in again if point.call == "ftruncate" and point.file == "items.jsonl"]
        loaded = [point for point in again if point.call == "pread64" and again.index(point) < again.index(restored[0])]
        for point in (loaded[len(loaded) // 2], restored[0], first(again, "write", "items.jsonl")):
            await crashes.crash(point, run)
            await crashes.finish(run)
    assert run.problems == []


async def test_what_was_written_in_part_when_the_kill_came_is_cut_off(tmp_path: Path) -> None:
    folder, run = tmp_path / "crawl", Run()
    async with campaign("small", "--fetchers=8", "--workers=1", sinks=LIGHT) as found:
        before = sum((await found.asked()).values())
        async with found.crawl(folder) as crawl:
            while (await found.server.statistics()).requests < before + 60:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.01)
            await crawl.kill()
        for name in ("items.jsonl", "items.csv"):
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(data + data[-200:-90])  # the middle of a line
        log = folder / "state" / "state.sqlite-wal"
        log.write_bytes(log.read_bytes()[:-1000])  # of the page that was being written
        left, asked = await examine(folder), await found.asked()
        assert left.problems == ()
        await found.finished(folder, run)
        await found.compare(left, asked, run)
    assert run.problems == []


async def test_killed_workers_lose_no_page(tmp_path: Path) -> None:
    folder, run, kills = tmp_path / "crawl", Run(), 0
    async with campaign("small", "--fetchers=16", "--workers=2", sinks=LIGHT) as found:
        async with found.crawl(folder) as crawl:
            while kills < 3 and crawl.process.returncode is None:
                await asyncio.sleep(0.05)
                if (await found.server.statistics()).requests > 30 * (kills + 1):
                    kills += await asyncio.to_thread(kill_a_worker, crawl.process.pid)
            await crawl.process.communicate()
        assert crawl.process.returncode == 0
        await found.finished(folder, run)
    assert kills
    assert run.problems == []


def kill_a_worker(pid: int) -> bool:
    """Kill a process that a process of the crawl ``pid`` has forked; tell whether there was one."""
    with suppress(psutil.NoSuchProcess):  # any of them, and the crawl itself, may end meanwhile
        for child in psutil.Process(pid).children(recursive=True):
            if not child.children() and "forkserver" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                return True
    return False
