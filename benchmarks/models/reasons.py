"""Why a model wins a place on the map, in words, from what was measured there."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.models.arithmetic import Quartiles, ideal_seconds, is_level, lead
from benchmarks.models.catalogue import ROWS
from benchmarks.models.results import SERVER_LIMIT, Cell, Measured

OURS = "crawler"
_LITTLE = 0.001  # seconds of CPU a page below which there is next to nothing to take off the loop; arbitrary


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who wins a cell.

    Attributes:
        winner: Key of the row with the highest median rate.
        lead: How many times the rate of the second it has.
        second: Key of that row.
        ours: The rate of the crawler beside that of the best other row.
        is_level: Whether the crawler and the best other row cannot be told apart.
        efficiency: Of the winner.
        is_server_bound: Whether the server may have held somebody up.
        reason: Why, where the crawler does not win.
    """

    winner: str
    lead: float
    second: str
    ours: float
    is_level: bool
    efficiency: float
    is_server_bound: bool
    reason: str


def judge(cell: Cell, cores: int) -> Verdict | None:
    """Return who wins ``cell``; ``None`` where fewer than two rows, or not the crawler, have figures."""
    rates = {key: [run.rate for run in cell.of(key)] for key in cell.rows}
    if OURS not in rates or len(rates) < 2:
        return None
    order = sorted(rates, key=lambda key: statistics.median(rates[key]), reverse=True)
    rival = next(key for key in order if key != OURS)
    ours, level = lead(rates[OURS], rates[rival]), is_level(rates[OURS], rates[rival])
    ideal = ideal_seconds(cell.cpu * cell.pages, cores, cell.latency * cell.pages, cell.concurrency)
    best = Quartiles.of([run.seconds for run in cell.of(order[0])]).median
    return Verdict(
        winner=order[0],
        lead=lead(rates[order[0]], rates[order[1]]),
        second=order[1],
        ours=ours,
        is_level=level,
        efficiency=ideal / best,
        is_server_bound=any(run.server_share > SERVER_LIMIT for run in cell.runs),
        reason=reason_for(cell, rival) if ours < 1 and not level else "",
    )


def reason_for(cell: Cell, rival: str) -> str:
    """Say why ``rival`` is faster than the crawler."""
    ours, theirs = _typical(cell.of(OURS)), _typical(cell.of(rival))
    main, other = ours.main_cpu_seconds / ours.jobs * 1e6, theirs.main_cpu_seconds / theirs.jobs * 1e6
    title, loop = ROWS[rival].title, f"the crawler's loop takes {main:,.0f} µs a page"
    if cell.cpu < _LITTLE and rival == "loops":
        return f"no arithmetic to take off the loop: {loop} and is alone, the other model has a loop on each core"
    if cell.cpu < _LITTLE:
        return f"no arithmetic to take off the loop: {loop}, the other model {other:,.0f} µs"
    if rival == "loops":
        return f"a loop on each core needs no loop to feed the cores, and no body crosses over: {loop}"
    if rival == "pool":
        sizes = f"{theirs.memory_bytes / 1e6:,.0f} MB (crawler: {ours.memory_bytes / 1e6:,.0f})"
        return f"{theirs.width} processes that wait and compute need no hand-over of bodies, and {sizes}; {loop}"
    cpu, its = ours.cpu_seconds / ours.jobs * 1e3, theirs.cpu_seconds / theirs.jobs * 1e3
    return f"all processes together: {cpu:.2f} ms of CPU a page, {title} {its:.2f} ms"


def _typical(runs: list[Measured]) -> Measured:
    """Return the run in the middle."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
