"""What a power cut may leave of a crawl's folder: without what was not synced, with all of it, and with some of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from crash_tests.campaign import Campaign, Run
from crash_tests.crash_points import under_strace
from crash_tests.disk import CALLS, Disk, Operation, lay_out, operations
from crash_tests.examined import Left, examine

_LONGEST = 120.0  # seconds of a crawl under strace, on a machine that may be busy
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
    # strace looks at all files: which names there will be differs from crawl to crawl.
    async with found.crawl(folder, under_strace(folder, log, CALLS, shown=_ALL)) as crawl, asyncio.timeout(_LONGEST):
        await crawl.process.communicate()
    done = [done for done in operations(log.read_text(), folder) if not done.path.endswith("-shm")]
    _check(done, folder)
    return done


def _check(done: list[Operation], folder: Path) -> None:
    """Raise an error if what was recorded does not lead to what is in the folder: then strace has missed something."""
    disk = Disk()
    for operation in done:
        disk.do(operation)
    expected = {path: content for path, content in disk.extremes()[1].items() if content is not None}
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    differing = expected.keys() ^ {name for name in there if not name.endswith("-shm")}
    differing |= {name for name in expected.keys() & there.keys() if there[name].read_bytes() != expected[name]}
    if differing:
        raise RuntimeError(f"strace has not recorded all that was done to {', '.join(sorted(differing))}")


async def cuts(done: list[Operation], home: Path, rng: random.Random, every: int) -> AsyncIterator[Cut]:
    """Yield what power cuts leave after each of ``every`` so many operations."""
    disk, committed = Disk(), frozenset[str]()
    folder = home / "cut"
    for moment, operation in enumerate(done, 1):
        disk.do(operation)
        if operation.call == "fdatasync" and operation.path == _LOG:
            committed = (await _laid_out(disk.extremes()[1], folder)).closed
        if moment % every:
            continue
        kinds = dict(zip(("nothing", "all"), disk.extremes(), strict=True)) | {"some": disk.survivor(rng)}
        for kind, files in kinds.items():
            left = await _laid_out(files, folder)
            lost = committed - left.closed
            text = (f"{len(lost)} URLs that were done are not any more",) if lost else ()
            yield Cut(moment, kind, folder, (*left.problems, *text))


async def _laid_out(files: dict[str, bytes | None], folder: Path) -> Left:
    lay_out(files, folder)
    return await examine(folder)


async def end(found: Campaign, folder: Path) -> list[str]:
    """Let a crawl go on to its end; return what went wrong."""
    run = Run()
    await found.finished(folder, run)
    return run.problems
