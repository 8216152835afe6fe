"""What the figures say: whether the crawler keeps what it promises, and where another model is the better choice."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.models.catalogue import ROWS
from benchmarks.models.reasons import OURS, judge
from benchmarks.models.results import Results
from benchmarks.models.summary import Line, lines_of

_THREADED = ("thread-queue", "thread-pool", "thread-executor")
_NO_REASON = 0.95  # of the best row's rate: closer than that is no reason to choose another


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that the crawler should reach.

    Attributes:
        what: What.
        measured: What was measured.
        is_kept: Whether that is enough.
    """

    what: str
    measured: str
    is_kept: bool


def promises(results: Results) -> list[Promise]:
    """Return what became of each promise whose workload was measured."""
    tables = {each.name: {line.row: line for line in lines_of(each, results.cores)} for each in results.outcomes}
    kept = []
    if lines := _lines(tables, "hybrid", OURS, *_THREADED):
        kept += _of_hybrid(*lines)
    if lines := _lines(tables, "io-200", OURS, *_THREADED):
        kept += _of_waiting(results.idle_bytes, *lines)
    if lines := _lines(tables, "dispatch", "crawler-stage", "process-executor"):
        kept += _of_dispatch(*lines)
    return kept


def _lines(tables: dict[str, dict[str, Line]], workload: str, *rows: str) -> list[Line]:
    """Return the lines of the rows; none where the first, or all of the others, are missing."""
    table = tables.get(workload, {})
    found = [table[row] for row in rows if row in table]
    return found if rows[0] in table and len(found) > 1 else []


def _of_hybrid(ours: Line, *threaded: Line) -> list[Promise]:
    reached, best = ours.efficiency or 0.0, max(threaded, key=lambda line: line.rate)
    ratio = ours.rate / best.rate
    return [
        Promise("hybrid: efficiency of 0.92 or more", f"{reached:.3f}", reached >= 0.92),
        Promise("hybrid: 1.7 × each threaded row", f"{ratio:.2f} × {ROWS[best.row].title}", ratio >= 1.7),
    ]


def _of_waiting(idle: int, ours: Line, *threaded: Line) -> list[Promise]:
    best = max(threaded, key=lambda line: line.rate)
    rate, memory = ours.rate / best.rate, ours.memory_bytes / best.memory_bytes
    above = (ours.memory_bytes - idle) / max(1, best.memory_bytes - idle)
    return [
        Promise("200 ms, nothing to compute: level with the best threaded row", f"{rate:.2f} ×", rate >= 0.97),
        Promise(
            "200 ms, nothing to compute: a tenth of its memory",
            f"{memory:.2f} × in all, {above:.2f} × above an interpreter that does nothing "
            f"({ours.memory_bytes / 1e6:.0f} and {best.memory_bytes / 1e6:.0f} MB; {idle / 1e6:.0f} MB)",
            memory <= 0.1,
        ),
    ]


def _of_dispatch(ours: Line, theirs: Line) -> list[Promise]:
    wall = ours.rate / theirs.rate
    main = theirs.main_cpu_a_job / ours.main_cpu_a_job
    measured = (
        f"{main:.1f} × ({ours.main_cpu_a_job * 1e6:.1f} and {theirs.main_cpu_a_job * 1e6:.1f} µs); "
        f"{wall:.1f} × by the clock ({1e6 / ours.rate:.1f} and {1e6 / theirs.rate:.1f} µs)"
    )
    return [Promise("dispatch: a tenth of what ProcessPoolExecutor costs its process", measured, main >= 10)]


def better_choices(results: Results) -> list[str]:
    """Return where another model is faster than the crawler, or does as much in less memory, and by how much."""
    found = []
    for outcome in results.outcomes:
        table = lines_of(outcome, results.cores)
        others = [line for line in table if not line.row.startswith((OURS, "sequential"))]
        ours = next((line for line in table if line.row in {OURS, "crawler-stage"}), None)
        if ours is None or not others:
            continue
        title, best = outcome.title.partition(":")[0], others[0]
        if ours.rate < _NO_REASON * best.rate:
            found.append(f"{title}: {ROWS[best.row].title}, {best.rate / ours.rate:.1f} × the rate")
        light = min(others, key=lambda line: line.memory_bytes)
        if light.rate >= _NO_REASON * ours.rate and light.memory_bytes < ours.memory_bytes / 2 and light is not best:
            sizes = f"{light.memory_bytes / 1e6:.0f} MB where the crawler needs {ours.memory_bytes / 1e6:.0f}"
            found.append(f"{title}: {ROWS[light.row].title} is no slower, with {sizes}")
    verdicts = [(cell, judge(cell, results.cores)) for cell in results.cells]
    found += [
        f"{cell.latency * 1000:g} ms, {cell.nominal_cpu * 1000:g} ms of CPU, {cell.concurrency} in flight: "
        f"{ROWS[verdict.winner].title}, {1 / verdict.ours:.2f} × the rate: {verdict.reason}"
        for cell, verdict in verdicts
        if verdict and verdict.reason
    ]
    return found
