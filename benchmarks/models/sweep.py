"""The map: who wins at which latency, which CPU time of a page, and which concurrency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product

from benchmarks.models.arithmetic import pages_for
from benchmarks.models.catalogue import ROWS, Row, Workload, web_of
from benchmarks.models.contestant import Contestant, RowError, close_all
from benchmarks.models.entry import Entry
from benchmarks.models.reasons import OURS
from benchmarks.models.results import Cell
from benchmarks.models.stand import Calibration, stand_for
from benchmarks.models.table import Setting

BITS = {0.0: 0, 0.002: 28, 0.005: 31, 0.02: 35}
"""Of the numbers on a page that takes so many CPU seconds, about; what it takes here is measured."""
_HOPELESS = 0.7  # of the rate of the fastest in a row's first run: whoever is slower runs no more; arbitrary
_FINALISTS = ("thread-executor", "pool", "asyncio-loop", "loops", "crawler")


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a map: latencies and CPU seconds a page, requests in flight, and seconds of an ideal crawl."""

    latencies: tuple[float, ...]
    cpus: tuple[float, ...]
    concurrencies: tuple[int, ...]
    seconds: float


GRIDS = {
    "quick": Grid((0.0, 0.2), (0.0, 0.02), (64,), 0.25),
    "standard": Grid((0.0, 0.05, 0.2), (0.0, 0.002, 0.02), (16, 256), 0.25),
    "fine": Grid((0.0, 0.001, 0.01, 0.05, 0.2, 1.0), (0.0, 0.002, 0.005, 0.02), (8, 64, 256), 1.0),
}


def widths_of(row: Row, concurrency: int, cores: int) -> list[int]:
    """Return the widths that a row has at a concurrency: its first turn in a cell is a race between them."""
    tried = {"threads": (8, concurrency), "processes": (cores, 16, 64)}.get(row.family, (concurrency,))
    return sorted({min(width, concurrency) for width in tried})


def worth_trying(widths: list[int], latency: float, cpu: float, cores: int) -> list[int]:
    """Return those of a row's ``widths`` that may win: the widest, and what latency alone does not keep from it."""
    widest = widths[-1]
    floor = max(latency / widest, cpu / cores, 0.001)  # seconds a page that the widest takes at least, about
    return [width for width in widths if width == widest or latency / width <= 2 * floor]


class Map:
    """Measures the cells of a grid."""

    def __init__(self, grid: Grid, setting: Setting) -> None:
        self.grid = grid
        self._setting = setting

    @property
    def turns(self) -> int:
        """How many runs there are at the most."""
        cells = len(self.grid.latencies) * len(self.grid.cpus)
        return cells * sum(self._turns_of_cell(concurrency) for concurrency in self.grid.concurrencies)

    def _turns_of_cell(self, concurrency: int) -> int:
        """Return how many runs a cell has at the most: all widths race, and the best of each row goes on."""
        widths = sum(len(widths_of(ROWS[key], concurrency, self._setting.cores)) for key in _FINALISTS)
        return widths + (self._setting.runs - 1) * len(_FINALISTS)

    async def measure(self) -> AsyncIterator[Cell]:
        """Measure one cell after the other."""
        for concurrency in self.grid.concurrencies:
            async with self._contestants(concurrency) as contestants:
                for latency, cpu in product(self.grid.latencies, self.grid.cpus):
                    yield await self._cell(contestants, latency, cpu, concurrency)

    @asynccontextmanager
    async def _contestants(self, concurrency: int) -> AsyncIterator[list[Contestant]]:
        """Open each finalist with each of its widths: they serve all cells of this concurrency."""
        async with AsyncExitStack() as stack:
            contestants: list[Contestant] = []
            stack.push_async_callback(close_all, contestants)
            for key in _FINALISTS:
                for width in widths_of(ROWS[key], concurrency, self._setting.cores):
                    contestant = Contestant(ROWS[key], width)
                    try:
                        await contestant.open()
                    except RowError:  # the table names it, and why
                        await contestant.close()
                    else:
                        contestants.append(contestant)
            yield contestants

    async def _cell(self, contestants: list[Contestant], latency: float, cpu: float, concurrency: int) -> Cell:
        cores = self._setting.cores
        pages = pages_for(latency, cpu, concurrency, cores, self.grid.seconds)
        web = web_of(latency, pages=pages, bits=BITS[cpu])
        work = Workload("map", "", "crawl", pages, (), concurrency, web)
        async with stand_for(web) as stand, AsyncExitStack() as stack:
            calibration = Calibration(work, stand, cores)
            await calibration.open(stack)
            await calibration.measure()
            items = stand.items("crawl", pages, concurrency)
            entries = [
                Entry(each, stand, "crawl", items, pages)
                for each in contestants
                if each.width in worth_trying(widths_of(each.row, concurrency, cores), latency, cpu, cores)
            ]
            cell = Cell(latency, calibration.cpu, cpu, concurrency, pages)
            where = f"map: {latency * 1000:g} ms, {cpu * 1000:g} ms of CPU, {concurrency} in flight"
            turns = 0
            for turn in range(self._setting.runs):
                start = turn * len(entries) // self._setting.runs
                for entry in entries[start:] + entries[:start]:
                    self._setting.say(where)
                    turns += 1
                    await entry.turn(cell.runs, cell.void)
                if turn == 0:
                    entries = _contenders(_fastest(entries, cell), cell)
            self._setting.say(where, self._turns_of_cell(concurrency) - turns)  # of those that had no chance
        return cell


def _fastest(entries: list[Entry], cell: Cell) -> list[Entry]:
    """Return of each row the entry with its best width, and drop the runs of the others."""
    best = {key: max(cell.of(key), key=lambda run: run.rate).width for key in cell.rows}
    cell.runs = [run for run in cell.runs if best.get(run.row) == run.width]
    return [each for each in entries if best.get(each.contestant.row.key) == each.contestant.width]


def _contenders(entries: list[Entry], cell: Cell) -> list[Entry]:
    """Return the entries that may still win, and the crawler's; the one run of the others stays in the results."""
    rates = {run.row: run.rate for run in cell.runs}
    best = max(rates.values(), default=0.0)
    keys = {key for key, rate in rates.items() if rate >= _HOPELESS * best} | {OURS}
    return [each for each in entries if each.contestant.row.key in keys]
