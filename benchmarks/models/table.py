"""The table: for each workload its rows are tuned, opened, warmed up, and take turns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from benchmarks.models.available import Interpreters
from benchmarks.models.catalogue import ROWS, Row, Workload
from benchmarks.models.contestant import Contestant, RowError, close_all
from benchmarks.models.entry import Entry
from benchmarks.models.results import Measured, Outcome
from benchmarks.models.stand import Calibration, Stand, stand_for

_TRIED = {"threads": "thread-executor", "greenlets": "gevent", "processes": "pool"}  # for the others of their family
_TUNING_PAGES = 48  # of a crawl to tune a width by
_WARMING_PAGES = 24  # of a crawl to warm a row up


class Say(Protocol):
    """Tells somebody what goes on."""

    def __call__(self, what: str, turns: int = 1) -> None:
        """Say ``what`` begins; ``turns`` of all there are have come with it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how is measured: cores, interleaved runs, interpreters, and who is told what goes on.

    Without ``tunes`` a family takes the last of its widths.
    """

    cores: int
    runs: int
    interpreters: Interpreters
    say: Say
    tunes: bool = True

    def turns(self, workloads: Sequence[Workload]) -> int:
        """Return how many times ``say`` will be called for these workloads."""
        return sum((self.runs + 1) * len(self.rows_of(workload)) for workload in workloads)

    def rows_of(self, workload: Workload) -> list[Row]:
        """Return the rows that can take part."""
        rows = (ROWS[key] for key in workload.rows)
        return [row for row in rows if self.interpreters.reason_against(row) is None]


async def measure(workload: Workload, setting: Setting) -> Outcome:
    """Measure one workload."""
    async with AsyncExitStack() as stack:
        session = Session(workload, setting, stack)
        await session.open()
        for turn in range(setting.runs):
            await session.round(turn)
        return session.outcome


class Session:
    """A workload while it is measured; what it opens is closed by ``stack``."""

    def __init__(self, workload: Workload, setting: Setting, stack: AsyncExitStack) -> None:
        self.outcome = Outcome(workload.name, workload.title, workload.unit, workload.concurrency)
        self._workload = workload
        self._setting = setting
        self._stack = stack
        self._stands: dict[int, Stand] = {}
        self._entries: list[Entry] = []
        self._contestants: list[Contestant] = []
        stack.push_async_callback(close_all, self._contestants)

    async def open(self) -> None:
        """Open the server and the rows, each with the width that suits its family best, and warm them up."""
        work, outcome = self._workload, self.outcome
        stand = await self._stand(work.count)
        outcome.latency = stand.site.latency(work.count) / work.count if work.web else 0.0
        self._calibration = Calibration(work, stand, self._setting.cores)
        await self._calibration.open(self._stack)
        outcome.missing = {
            key: reason for key in work.rows if (reason := self._setting.interpreters.reason_against(ROWS[key]))
        }
        rows = self._setting.rows_of(work)
        outcome.elsewhere = {row.key: name for row in rows if (name := self._setting.interpreters.name_for(row))}
        widths = {family: await self._best_width(family) for family in work.widths}
        for row in rows:
            self._setting.say(f"{work.name}: opening {row.title}")
            alone = row.family == "one"
            await self._enter(row, 1 if alone else widths.get(row.family, work.concurrency or 1))

    async def round(self, turn: int) -> None:
        """Let each row run once, in an order of its own, so that no row always follows the same other."""
        if not self._calibration.is_quick:  # what is quick comes before each run
            await self._calibrate()
        start = turn * len(self._entries) // self._setting.runs
        for entry in self._entries[start:] + self._entries[:start]:
            self._setting.say(f"{self._workload.name}: run {turn + 1}, {entry.contestant.row.title}")
            if self._calibration.is_quick:
                await self._calibrate()
            await entry.turn(self.outcome.runs, self.outcome.void, self._calibration.latest)

    async def _calibrate(self) -> None:
        await self._calibration.measure()
        self.outcome.cpu = self._calibration.cpu

    async def _best_width(self, family: str) -> int:
        """Try the widths of a family with one of its rows; return the one with the highest rate."""
        widths = self._workload.widths[family]
        row = ROWS[_TRIED[family]]
        if len(widths) == 1 or not self._setting.tunes or self._setting.interpreters.reason_against(row):
            return widths[-1]
        rates = {}
        for width in widths:
            contestant = Contestant(row, width, self._setting.interpreters.for_row(row))
            try:
                await contestant.open()
                runs: list[Measured] = []
                small = await self._small_entry(contestant, _TUNING_PAGES)
                for _ in range(2):  # the first opens connections
                    await small.turn(runs, {})
            except RowError:
                continue
            finally:
                await contestant.close()
            rates[width] = max((run.rate for run in runs), default=0.0)
            self.outcome.tuning.append((family, width, rates[width]))
        return max(rates, key=rates.__getitem__, default=widths[-1])

    async def _enter(self, row: Row, width: int) -> None:
        contestant = Contestant(row, width, self._setting.interpreters.for_row(row))
        self._contestants.append(contestant)
        try:
            await contestant.open()
        except RowError as error:
            self.outcome.void[row.key] = str(error)
            return
        self.outcome.open_seconds[row.key] = contestant.open_seconds
        small = await self._small_entry(contestant, _WARMING_PAGES)
        await small.turn([], self.outcome.void)
        self._entries.append(await self._entry(contestant, self._share(row)))

    def _share(self, row: Row) -> int:
        """Return how many of the jobs a row does."""
        return max(1, round(self._workload.count * self._workload.shares.get(row.key, 1.0)))

    async def _small_entry(self, contestant: Contestant, pages: int) -> Entry:
        """Return an entry that is enough to open connections and to start processes; a crawl has so many ``pages``."""
        jobs = self._share(contestant.row)
        if self._workload.job == "crawl":
            return await self._entry(contestant, min(jobs, pages))
        return await self._entry(contestant, min(jobs, max(self._workload.concurrency, jobs // 10)))

    async def _entry(self, contestant: Contestant, jobs: int) -> Entry:
        work = self._workload
        stand = await self._stand(jobs)
        return Entry(contestant, stand, work.job, stand.items(work.job, jobs, work.concurrency), jobs)

    async def _stand(self, count: int) -> Stand:
        """Return where ``count`` jobs can be done: a crawl does all pages of its web, so fewer pages need another."""
        web = self._workload.web
        key = count if web is not None and self._workload.job == "crawl" else 0
        if key not in self._stands:
            if web is not None and key:
                web = replace(web, pages=key)
            self._stands[key] = await self._stack.enter_async_context(stand_for(web))
        return self._stands[key]
