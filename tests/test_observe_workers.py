"""The table of workers."""

from __future__ import annotations

import pytest

from crawler.observe.workers import table
from crawler.parsing.lane import WorkerStatistics


def worker(pid: int, busy: float = 5.0, restarts: int = 0, recycled: int = 0) -> WorkerStatistics:
    return WorkerStatistics(
        pid,
        pages=1234,
        batches=100,
        busy_seconds=busy,
        restarts=restarts,
        recycled=recycled,
        resident_bytes=61_000_000,
        queue_wait_p50=0.0004,
        queue_wait_p99=12.3456,
        service_p50=0.0098,
        service_p99=0.0123,
    )


def test_each_worker_has_a_row_the_busiest_first() -> None:
    assert table([worker(7), worker(12345, busy=10.0)], seconds=10.0) == [
        "  pid  pages   busy  batch  parse ms     wait ms   memory",
        "12345  1,234  100 %   12.3    9.8/12  0.4/12,346  61.0 MB",
        "    7  1,234   50 %   12.3    9.8/12  0.4/12,346  61.0 MB",
        "batch: mean pages; ms a page: median/99th percentile",
    ]


def test_replacements_have_a_column_where_there_were_any() -> None:
    rows = table([worker(1, restarts=2, recycled=1), worker(2)], seconds=10.0)

    assert [row.split()[-1] for row in rows[:3]] == ["replaced", "3", "0"]


@pytest.mark.parametrize("columns", [20, 30, 68])
def test_what_does_not_fit_is_left_out_from_the_end(columns: int) -> None:
    rows = table([worker(4_194_304, restarts=1000)], seconds=10.0, columns=columns)

    assert all(len(row) <= columns for row in rows[:2])
    assert rows[0].split()[:2] == ["pid", "pages"]


def test_a_large_table_fits_beside_its_label_on_eighty_columns() -> None:
    [header, *_] = table([worker(4_194_304, restarts=1000)], seconds=10.0, columns=68)

    assert header.endswith("replaced")


def test_of_many_workers_the_busiest_are_shown() -> None:
    rows = table([worker(pid, busy=pid / 10) for pid in range(64)], seconds=10.0)

    assert [row.split()[0] for row in rows[1:9]] == [str(pid) for pid in range(63, 55, -1)]
    assert rows[9] == "and 56 more, less busy"


def test_workers_that_did_nothing_have_no_table() -> None:
    assert table([WorkerStatistics(1, 0, 0, 0.0, 0)], seconds=0.0) == []
