"""A table of the workers of a crawl, for people."""

from __future__ import annotations

from collections.abc import Sequence

from crawler.observe.figures import count, percent, size
from crawler.parsing.lane import WorkerStatistics

_MOST = 8  # rows; a machine with more cores shows its busiest workers

_COLUMNS = ("pid", "pages", "busy", "batch", "parse ms", "wait ms", "memory", "replaced")
"""The most important first: on a narrow terminal the last ones are left out."""
_LEGEND = "batch: mean pages; ms a page: median/99th percentile"


def table(workers: Sequence[WorkerStatistics], seconds: float, columns: int | None = None) -> list[str]:
    """Return the lines of a table of ``workers``, the busiest first.

    Args:
        workers: The workers of a crawl. If none has parsed a page, there are no lines.
        seconds: The duration of the crawl.
        columns: The width of the lines at most. Columns of the table that do not fit are left out.
    """
    if not any(worker.pages or worker.restarts for worker in workers):
        return []
    busiest = sorted(workers, key=lambda worker: -worker.busy_seconds)[:_MOST]
    cells = [_COLUMNS, *(_cells(worker, seconds) for worker in busiest)]
    if not any(worker.restarts or worker.recycled for worker in workers):
        cells = [row[:-1] for row in cells]
    lines = _aligned(cells)
    while columns is not None and len(lines[0]) > columns and len(cells[0]) > 1:
        cells = [row[:-1] for row in cells]
        lines = _aligned(cells)
    more = len(workers) - len(busiest)
    return [*lines, *([f"and {count(more)} more, less busy"] if more else []), _LEGEND]


def _cells(worker: WorkerStatistics, seconds: float) -> tuple[str, ...]:
    return (
        str(worker.pid or "?"),
        count(worker.pages),
        percent(min(1.0, worker.busy_seconds / (seconds or 1.0))),
        f"{worker.pages_per_batch:.1f}",
        f"{_milliseconds(worker.service_p50)}/{_milliseconds(worker.service_p99)}",
        f"{_milliseconds(worker.queue_wait_p50)}/{_milliseconds(worker.queue_wait_p99)}",
        size(worker.resident_bytes) if worker.resident_bytes else "?",
        count(worker.restarts + worker.recycled),
    )


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]


def _milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
