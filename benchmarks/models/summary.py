"""Several runs of a row as one line of a table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.models.arithmetic import Quartiles, efficiency, ideal_seconds, utilisation
from benchmarks.models.catalogue import ROWS
from benchmarks.models.results import SERVER_LIMIT, Measured, Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """What a row came to; medians of its runs.

    Attributes:
        row: Key of the row.
        width: Threads, processes, or requests in flight.
        jobs: Jobs of a run.
        seconds: Wall time with its quartiles.
        rate: Jobs a second.
        efficiency: Ideal time by the real one; ``None`` where there is no ideal, or the row does less work (C).
        cpu_seconds: Of all processes.
        main_cpu_a_job: CPU seconds of the process that hands out the work, for a job.
        utilisation: Share of the cores' time that was used.
        memory_bytes: At the most, in any run.
        processes: How many.
        lag_p50: By how many seconds the loop, or a sleeping thread, woke late in the median.
        lag_p99: The same for the 99th percentile.
        server_share: Share of a core that the server used, in the run where it used most.
        is_server_bound: Whether that is more than it should be.
    """

    row: str
    width: int
    jobs: int
    seconds: Quartiles
    rate: float
    efficiency: float | None
    cpu_seconds: float
    main_cpu_a_job: float
    utilisation: float
    memory_bytes: int
    processes: int
    lag_p50: float
    lag_p99: float
    server_share: float
    is_server_bound: bool


def line_of(outcome: Outcome, row: str, cores: int) -> Line | None:
    """Return the line of a row; ``None`` where it is void or missing."""
    runs = outcome.of(row)
    if row in outcome.void or not runs:
        return None
    jobs, seconds = runs[0].jobs, Quartiles.of([run.seconds for run in runs])
    reached = [each for run in runs if (each := _efficiency_of(run, outcome, cores)) is not None]
    cpu, share = statistics.median(run.cpu_seconds for run in runs), max(run.server_share for run in runs)
    return Line(
        row=row,
        width=runs[0].width,
        jobs=jobs,
        seconds=seconds,
        rate=jobs / seconds.median,
        efficiency=None if ROWS[row].kind == "cc" or not reached else statistics.median(reached),
        cpu_seconds=cpu,
        main_cpu_a_job=statistics.median(run.main_cpu_seconds for run in runs) / jobs,
        utilisation=utilisation(cpu, seconds.median, cores),
        memory_bytes=max(run.memory_bytes for run in runs),
        processes=max(run.processes for run in runs),
        lag_p50=statistics.median(run.lag_p50 for run in runs),
        lag_p99=statistics.median(run.lag_p99 for run in runs),
        server_share=share,
        is_server_bound=share > SERVER_LIMIT,
    )


def _efficiency_of(run: Measured, outcome: Outcome, cores: int) -> float | None:
    cpu, latency = (run.job_cpu or outcome.cpu) * run.jobs, outcome.latency * run.jobs
    return efficiency(ideal_seconds(cpu, cores, latency, outcome.concurrency or 1), run.seconds)


def lines_of(outcome: Outcome, cores: int) -> list[Line]:
    """Return all lines, the fastest first."""
    rows = dict.fromkeys(run.row for run in outcome.runs)
    lines = [line for row in rows if (line := line_of(outcome, row, cores)) is not None]
    return sorted(lines, key=lambda line: line.rate, reverse=True)
