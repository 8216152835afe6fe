"""Crawls that strace kills at one system call that changes a file of their folder."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from crash_tests.campaign import Campaign, Run
from crash_tests.examined import examine

WRITES = "openat,mkdir,write,writev,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,rename,renameat2,unlink"
READS = f"{WRITES},flock,pread64,read,lseek"
# One thread makes all calls, so that they have one order, and one number each.
OPTIONS = ("--fetchers=8", "--workers=1", "--threads=1")
_CALL = re.compile(r"^\d+ +(\w+)\((?:AT_FDCWD[^,]*, )?(?:\d+<([^>]*)>|\"([^\"]*)\")", re.MULTILINE)
_LONGEST = 120.0  # seconds of a crawl under strace, on a machine that may be busy


class Point(NamedTuple):
    """A system call: its name, how many calls of that name come before it, and the file that it is about."""

    call: str
    number: int
    file: str

    def __str__(self) -> str:
        return f"{self.call} {self.number} ({self.file})"


def under_strace(
    folder: Path, log: Path, calls: str, names: Iterable[str] = (), inject: str = "", shown: int = 0
) -> tuple[str, ...]:
    """Return what comes before the command line of a crawl, so that strace looks at its ``calls`` about its files.

    Args:
        folder: Of the crawl.
        log: Where strace writes to.
        calls: What is looked at.
        names: Files in the folder; without any, all files everywhere are looked at.
        inject: What is done to calls, as strace has it.
        shown: Bytes of each text that are logged in hexadecimal; 0 logs a few as they are.
    """
    paths = [f"--trace-path={folder / name}" for name in sorted(names)]
    injected = [f"--inject={inject}"] if inject else []
    if ":signal=" not in inject:  # with --seccomp-bpf, which makes it fast, strace 6.1 injects no signals
        injected.append("--seccomp-bpf")
    quiet = ("-f", "-qq", "-y", *(("-xx", "-s", str(shown)) if shown else ("-s", "16")), "-e", "signal=none")
    return ("strace", *quiet, f"--output={log}", f"--trace={calls}", *injected, *paths)


def points_in(log: Path, folder: Path) -> list[Point]:
    """Return the calls in a ``log`` that were about files in ``folder``; those of shared memory are left out."""
    counts: Counter[str] = Counter()
    points = []
    for call, path, name in _CALL.findall(log.read_text("utf-8", "replace")):
        file = (path or name).removeprefix(f"{folder}/")
        if file != (path or name) and not file.endswith("-shm"):
            counts[call] += 1
            points.append(Point(call, counts[call], file))
    return points


class Crashes:
    """Crawls that are killed at one point each, from the beginning or from what an earlier kill has left."""

    def __init__(self, campaign: Campaign, home: Path) -> None:
        """Create the crashes of crawls of ``campaign``, whose options are to be `OPTIONS`; ``home`` is for files."""
        self.start: Path | None = None
        self._campaign = campaign
        self._folder, self._log = home / "crawl", home / "log"
        self._names: frozenset[str] = frozenset()

    async def points(self, calls: str = WRITES) -> list[Point]:
        """Crawl without harm; return all calls about the files of the crawl, in their order."""
        self._begin()
        await self._crawl(under_strace(self._folder, self._log, calls))
        points = points_in(self._log, self._folder)
        self._names |= {point.file for point in points}
        return points

    async def crash(self, point: Point, run: Run) -> Point | None:
        """Kill a crawl at a ``point``; return which that was in this crawl, or ``None`` where it ended before."""
        self._begin()
        left, before = await examine(self._folder), await self._campaign.asked()
        inject = f"{point.call}:signal=KILL:when={point.number}"
        code = await self._crawl(under_strace(self._folder, self._log, point.call, self._names, inject))
        await self._campaign.compare(left, before, run)
        run.problems += (await examine(self._folder)).problems
        points = points_in(self._log, self._folder)
        return points[-1] if code and points else None

    async def finish(self, run: Run) -> None:
        """Let the crawl come to its end."""
        await self._campaign.finished(self._folder, run)

    def keep(self) -> None:
        """Let all later crawls begin with what the last one has left."""
        self.start = self._folder.with_name("start")
        shutil.rmtree(self.start, ignore_errors=True)
        shutil.copytree(self._folder, self.start)

    def _begin(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self.start is not None:
            shutil.copytree(self.start, self._folder)

    async def _crawl(self, under: tuple[str, ...]) -> int:
        async with self._campaign.crawl(self._folder, under) as crawl, asyncio.timeout(_LONGEST):
            await crawl.process.communicate()
        return crawl.process.returncode or 0
