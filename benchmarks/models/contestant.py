"""A row that is open, in a process of its own, as the one who measures it sees it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import psutil

from benchmarks.models.catalogue import Row
from benchmarks.models.processes import KNOWS_PEAKS, Sample, forget_peaks, memory_of, sample, tree

_ANSWER_BYTES = 2**26  # of one line; arbitrary, the URLs of a hundred thousand pages are shorter
_PATIENCE = 60.0  # seconds for a job; the longest takes ten
_GRACE = 5.0  # seconds to end in; arbitrary
_LOOKS = 0.25  # seconds between two looks at memory
_ROOT = Path(__file__).parents[2]


class RowError(Exception):
    """A row died, or did not answer in time; says what it wrote."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one row.

    Attributes:
        seconds: Wall time, from the first hand-over to the last answer.
        cpu_seconds: Of all its processes.
        main_cpu_seconds: Of the process that hands out the work.
        memory_bytes: Of all its processes, at the most.
        processes: How many these were.
        lag_p50: By how many seconds its loop, or a thread of its main process that sleeps, woke late in the median.
        lag_p99: The same for the 99th percentile.
        lag_max: The same at the worst.
        answer: What it came to.
    """

    seconds: float
    cpu_seconds: float
    main_cpu_seconds: float
    memory_bytes: int
    processes: int
    lag_p50: float
    lag_p99: float
    lag_max: float
    answer: dict[str, Any]


class Contestant:
    """Opens a row with a width in ``async with``, and has it do jobs."""

    def __init__(self, row: Row, width: int, interpreter: str = sys.executable) -> None:
        self.row = row
        self.width = width
        self.open_seconds = 0.0
        self._interpreter = interpreter
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"<Contestant {self.row.key} of {self.width}>"

    @property
    def pid(self) -> int:
        """Its process; 0 while there is none."""
        return self._process.pid if self._process else 0

    async def open(self) -> None:
        """Start the process and wait until its model is open."""
        spec = {"module": self.row.module, "width": self.width, "options": dict(self.row.options)}
        command = (self._interpreter, "-W", "ignore", "-m", "benchmarks.models.child", json.dumps(spec))
        pipe, self._said = asyncio.subprocess.PIPE, TemporaryFile()  # noqa: SIM115  # `close` closes it
        begun = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=self._said, limit=_ANSWER_BYTES, cwd=_ROOT
        )
        await self._answer()
        self.open_seconds = time.perf_counter() - begun

    async def run(self, job: str, items: list[Any]) -> Run:
        """Have the job done, and say what it took.

        Raises:
            RowError: It was not done.
        """
        process = self._running()
        assert process.stdin is not None  # noqa: S101  # it was asked for
        line = json.dumps({"job": job, "items": items}).encode() + b"\n"
        forget_peaks(process.pid)
        before = self._sample(process.pid)
        process.stdin.write(line)
        async with _watched(process.pid) as peak:
            said = await self._answer()
        after = self._sample(process.pid)
        return _run_of(said, before, after, max(peak.bytes, after.memory_bytes))

    async def close(self) -> None:
        """End the process; kill it, and what it has started, where it does not."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        members: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):  # it may have ended by itself
            members = tree(process.pid)
        process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE):
                await process.communicate()
        except TimeoutError:
            for member in members:
                with suppress(psutil.Error):
                    member.kill()
            await process.wait()
        self._said.close()

    def _sample(self, pid: int) -> Sample:
        try:
            return sample(pid)
        except psutil.NoSuchProcess as error:
            raise RowError(f"{self.row.title} has ended") from error

    async def _answer(self) -> dict[str, Any]:
        process = self._running()
        assert process.stdout is not None  # noqa: S101  # it was asked for
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await process.stdout.readline()
        except TimeoutError:
            text = f"{self.row.title} did not answer within {_PATIENCE:g} s: {self._last_words()}"
            raise RowError(text) from None
        if not line:
            raise RowError(f"{self.row.title} ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RowError(f"{self.row.title}: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        """Return the last line that it, or a process that it started, wrote to standard error."""
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        return said.splitlines()[-1] if said else "it did not say why"

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RowError(f"{self.row.title} is not open")
        return self._process


async def close_all(contestants: Iterable[Contestant]) -> None:
    """Close all at once: most of the time each waits for its own processes."""
    await asyncio.gather(*(each.close() for each in contestants))


@dataclass(slots=True)
class _Peak:
    """The most memory that was seen, in bytes."""

    bytes: int = 0

    async def watch(self, pid: int) -> None:
        """Look until cancelled, so rarely that looking takes a twentieth of a core at most."""
        pause = _LOOKS
        while True:
            await asyncio.sleep(pause)
            begun = time.perf_counter()
            with suppress(psutil.Error):
                self.bytes = max(self.bytes, memory_of(tree(pid)))
            pause = max(_LOOKS, 20 * (time.perf_counter() - begun))


@asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[_Peak]:
    """Watch the memory of a process and its descendants where the kernel does not: looking takes time from them."""
    peak = _Peak()
    if KNOWS_PEAKS:
        yield peak
        return
    looking = asyncio.create_task(peak.watch(pid))
    try:
        yield peak
    finally:
        looking.cancel()


def _run_of(said: dict[str, Any], before: Sample, after: Sample, peak: int) -> Run:
    return Run(
        seconds=said["seconds"],
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
        main_cpu_seconds=said["cpu_seconds"],
        memory_bytes=peak,
        processes=after.processes,
        lag_p50=said["lag_p50"],
        lag_p99=said["lag_p99"],
        lag_max=said["lag_max"],
        answer=said["answer"],
    )
