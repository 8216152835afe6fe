"""Does a power cut at some moment do harm? `python -m benchmarks.power --sink all --every 1 --finish 20`.

All that a crawl with ``durability="power"`` writes and syncs is recorded. For each moment in between its folder is made
as a power cut may have left it: without all that was not synced, with all of it, and with some of it. Each of them must
have a state that is sound, has all that was committed, and fits to its outputs; some crawls go on from there to their
end, and must find what there is, once.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crash_points import OPTIONS, under_strace
from benchmarks.disk import CALLS, Disk, Operation, lay_out, operations
from benchmarks.examined import MEMORY, Left, examine
from benchmarks.kill import Campaign, Run, campaign
from benchmarks.killed import run
from benchmarks.outputs import SINKS, present
from benchmarks.report import machine

_LONGEST = 60.0  # seconds of a crawl under strace
_LOG = "state/state.sqlite-wal"
_ALL = 100_000_000  # bytes of one write


@dataclass(frozen=True, slots=True)
class Cut:
    """What a power cut has left.

    Attributes:
        moment: After how many operations it came.
        kind: What of the unsynced has survived.
        folder: Where it is, until the next one.
        problems: What is wrong with it.
    """

    moment: int
    kind: str
    folder: Path
    problems: tuple[str, ...]


async def recorded(found: Campaign, home: Path) -> list[Operation]:
    """Crawl once, and return all that was done to the files."""
    folder, log = home / "recorded", home / "log"
    folder.mkdir()
    names: set[str] = set()
    for calls in ("openat,mkdir,unlink", CALLS):  # strace follows the files that it knows, so they are found out first
        shutil.rmtree(folder)
        folder.mkdir()
        under = under_strace(folder, log, calls, names, shown=_ALL)
        async with found.crawl(folder, under) as crawl, asyncio.timeout(_LONGEST):
            await crawl.process.communicate()
        done = list(operations(log.read_text(), folder))
        names |= {operation.path for operation in done if not operation.path.endswith("-shm")} | {""}
    return [operation for operation in done if operation.path in names]


async def cuts(done: list[Operation], home: Path, luck: random.Random, every: int) -> AsyncIterator[Cut]:
    """Yield what power cuts leave after each of ``every`` so many operations."""
    disk, committed = Disk(), frozenset[str]()
    folder = home / "cut"
    for moment, operation in enumerate(done, 1):
        disk.do(operation)
        if operation.call == "fdatasync" and operation.path == _LOG:
            committed = (await _laid_out(disk.extremes()[1], folder)).closed
        if moment % every:
            continue
        kinds = dict(zip(("nothing", "all"), disk.extremes(), strict=True)) | {"some": disk.survivor(luck)}
        for kind, files in kinds.items():
            left = await _laid_out(files, folder)
            lost = committed - left.closed
            text = (f"{len(lost)} URLs that were done are not any more",) if lost else ()
            yield Cut(moment, kind, folder, (*left.problems, *text))


async def _laid_out(files: dict[str, bytes | None], folder: Path) -> Left:
    lay_out(files, folder)
    return await examine(folder)


async def measure(options: argparse.Namespace) -> int:
    """Cut the power at many moments; return how often that did harm."""
    sinks = tuple(present() if options.sink == "all" else filter(None, options.sink.split(",")))
    luck, count, bad, finished = random.Random(options.seed), 0, 0, 0
    async with campaign("tiny", *OPTIONS, "--durability=power", sinks=sinks) as found:
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            done = await recorded(found, Path(name))
            print(f"{len(done)} operations, sinks {', '.join(sinks)}, seed {options.seed}", flush=True)
            chosen = set(luck.sample(range(3 * len(done)), min(options.finish, 3 * len(done))))
            async for cut in cuts(done, Path(name), luck, options.every):
                problems = list(cut.problems)
                if count in chosen:
                    finished += 1
                    problems += await end(found, cut.folder)
                count += 1
                bad += bool(problems)
                for problem in problems:
                    last = done[cut.moment - 1]
                    print(f"  after {cut.moment} operations, {last.call} of {last.path}, with {cut.kind} of what was "
                          f"not synced: {problem}", flush=True)  # fmt: skip
    print(f"{count} power cuts, {finished} of the crawls finished: {bad} came to harm")
    return bad


async def end(found: Campaign, folder: Path) -> list[str]:
    """Let a crawl go on to its end; return what went wrong."""
    run = Run()
    await found.finished(folder, run)
    return run.problems


def main() -> int:
    """Measure; return 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", default="all", help=f"all, or some of {', '.join(SINKS)}")
    parser.add_argument("--every", type=int, default=1, help="how many operations apart")
    parser.add_argument("--finish", type=int, default=20, help="how many crawls go on to their end")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    print(machine())
    return 1 if run(measure(parser.parse_args())) else 0


if __name__ == "__main__":
    sys.exit(main())
