from __future__ import annotations

import ast
import asyncio
import importlib.util
import io
import json
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import psutil
import pytest
import pytest_asyncio
from rich.console import Console

from benchmarks.models import arithmetic, available, findings, processes, rows
from benchmarks.models.catalogue import NOTE, ROWS, workloads
from benchmarks.models.contestant import Contestant, RowError
from benchmarks.models.primality import is_prime
from benchmarks.models.reasons import judge
from benchmarks.models.report import show
from benchmarks.models.results import Cell, Measured, Outcome, Results
from benchmarks.models.stand import Stand, stand_for
from benchmarks.models.summary import line_of
from benchmarks.models.sweep import GRIDS, widths_of, worth_trying
from fixtures_server import Web, is_prime_by_trial_division
from tests.needs import need

HERE = [row for row in ROWS.values() if row.kind not in {"free-threaded", "interpreters"}]
TINY = Web(pages=12, numbers=4, bits=16, page_bytes=0, links=6, new_links=4)
MEASURED = Measured(
    row="crawler", jobs=100, width=8, seconds=1.0, cpu_seconds=1.8, main_cpu_seconds=0.1, memory_bytes=100_000_000,
    processes=5, lag_p50=0.001, lag_p99=0.01, lag_max=0.02, server_share=0.1, others_seconds=0.0, is_true=True,
)  # fmt: skip


# ── what is measured ──

_SWELLS = "print(flush=True); input(); x = b'x' * 2**26; del x; print(flush=True); input()"


def test_memory_that_a_process_has_given_back_counts_until_its_peak_is_forgotten() -> None:
    need(processes.KNOWS_PEAKS, "Linux, whose kernel keeps the most that a process had")
    with Popen([sys.executable, "-c", _SWELLS], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        small = processes.memory_of(processes.tree(process.pid))
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        swollen = processes.memory_of(processes.tree(process.pid))
        processes.forget_peaks(process.pid)
        forgotten = processes.memory_of(processes.tree(process.pid))
        process.communicate(b"\n")
    assert swollen - small > 0.9 * 2**26
    assert forgotten - small < 0.1 * 2**26


# ── the rows ──


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    async with stand_for(TINY) as opened:
        yield opened


def jobs_of(key: str) -> list[str]:
    if key == "crawler-stage":
        return ["nothing"]
    return ["fetch", "fetch_once", "crawl", *([] if key == "loops" else ["nothing", "prime_or_zero"])]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", HERE, ids=[row.key for row in HERE])
async def test_each_row_answers_each_job_with_the_truth(row: Any, stand: Stand) -> None:
    need(all(importlib.util.find_spec(name) for name in row.needs), f"{', '.join(row.needs)}")
    need(row.kind != "cc" or shutil.which("cc") is not None, "a C compiler")
    contestant = Contestant(row, 2)
    try:
        await contestant.open()
        for definition in jobs_of(row.key):
            items = list(range(-2, 60)) if definition == "prime_or_zero" else stand.items(definition, 12, 4)
            measured = await stand.measure(contestant, definition, items, len(items))
            assert measured.is_true, definition
            assert measured.memory_bytes > 2**20
    finally:
        await contestant.close()


def test_the_rows_are_short_enough_to_be_read_side_by_side() -> None:
    files = sorted(Path(rows.__path__[0]).glob("*.py"))
    assert len(files) > 15
    for file in files:
        assert len(file.read_text().splitlines()) <= 60, file.name


def test_each_row_of_the_catalogue_has_its_file_and_each_workload_its_rows() -> None:
    for row in ROWS.values():
        assert Path(rows.__path__[0], f"{row.module}.py").exists()
    for workload in workloads(2):
        assert set(workload.rows) | set(workload.shares) <= set(ROWS)
        assert (workload.web is None) == (workload.concurrency == 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_answer_is_seen(stand: Stand) -> None:
    contestant = Contestant(ROWS["sequential"], 1)
    await contestant.open()
    try:
        measured = await stand.measure(contestant, "fetch", stand.site.urls(12)[6:], 6)
        assert not measured.is_true  # six pages, but not the first six
    finally:
        await contestant.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_error_in_a_row_is_named_and_does_not_end_it(stand: Stand) -> None:
    contestant = Contestant(ROWS["sequential"], 1)
    await contestant.open()
    try:
        with pytest.raises(RowError, match="sequential: TypeError"):
            await contestant.run("prime_or_zero", ["seven"])
        assert (await contestant.run("prime_or_zero", [7])).answer == {"values": [7]}
    finally:
        await contestant.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_process_with_a_loop_that_has_died_is_an_error_and_not_waited_for(stand: Stand) -> None:
    contestant = Contestant(ROWS["loops"], 2)
    try:
        await contestant.open()
        for process in psutil.Process(contestant.pid).children():
            process.kill()
        with pytest.raises(RowError):
            await contestant.run("fetch", stand.items("fetch", 5, 2))
    finally:
        await contestant.close()


async def test_a_row_that_has_ended_between_two_runs_says_so() -> None:
    contestant = Contestant(ROWS["sequential"], 1)
    await contestant.open()
    process = psutil.Process(contestant.pid)
    process.kill()
    await asyncio.to_thread(process.wait)
    with pytest.raises(RowError, match="sequential has ended"):
        await contestant.run("prime_or_zero", [7])
    await contestant.close()


async def test_a_row_that_cannot_be_opened_says_why() -> None:
    contestant = Contestant(replace(ROWS["sequential"], module="no_such_row"), 1)
    with pytest.raises(RowError, match="No module named"):
        await contestant.open()
    await contestant.close()


def test_the_test_for_primality_is_that_of_the_server() -> None:
    numbers = [*range(-10, 2000), 2047, 25326001, 2**31 - 1, 65537**2]
    assert [is_prime(number) for number in numbers] == [is_prime_by_trial_division(number) for number in numbers]
    assert [number for number in set(NOTE) if number % 11 == 0] == []


def test_no_row_imports_the_server_whose_memory_it_would_be_charged_for() -> None:
    for file in (*Path(rows.__path__[0]).glob("*.py"), *map(Path, (available.__file__,))):
        for node in ast.walk(ast.parse(file.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fixtures_server"))


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    found = available.Interpreters(tmp_path / "no-python")
    assert found.reason_against(ROWS["crawler"]) is None
    lacking = replace(ROWS["gevent"], needs=("no_such_module",))
    assert found.reason_against(lacking) == "not installed: pip install no_such_module"


@pytest.mark.parametrize(
    ("lacks", "reason"), [([], None), (["urllib3"], "it lacks libraries: {path} -m pip install urllib3")]
)
def test_an_interpreter_that_is_named_runs_the_rows_that_need_it(
    tmp_path: Path, lacks: list[str], reason: str | None
) -> None:
    path = tmp_path / "python3.14t"  # answers as one does, which few machines have
    answer = {"name": "CPython 3.14.1, free-threaded", "free": True, "new": True, "lacks": lacks}
    path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    path.chmod(0o755)
    found = available.Interpreters(path)
    said = found.reason_against(ROWS["free-threaded"])
    assert said == (reason and reason.format(path=path))
    assert found.reason_against(ROWS["interpreters"]) is None
    assert found.for_row(ROWS["free-threaded"]) == str(path)
    assert found.name_for(ROWS["free-threaded"]) == "CPython 3.14.1, free-threaded"
    assert found.name_for(ROWS["crawler"]) == ""


# ── the arithmetic ──


@pytest.mark.parametrize(
    ("cpu", "cores", "latency", "concurrency", "ideal"),
    [(4.0, 2, 10.0, 64, 2.0), (4.0, 2, 640.0, 64, 10.0), (0.0, 2, 0.0, 1, 0.0), (1.0, 1, 1.0, 1, 1.0)],
)
def test_nobody_can_be_faster_than_the_processors_or_the_server_allow(
    cpu: float, cores: int, latency: float, concurrency: int, ideal: float
) -> None:
    assert arithmetic.ideal_seconds(cpu, cores, latency, concurrency) == ideal


@pytest.mark.parametrize(
    ("ideal", "seconds", "share"), [(2.0, 2.0, 1.0), (2.0, 4.0, 0.5), (0.0, 4.0, None), (1.0, 0.0, None)]
)
def test_efficiency_is_ideal_time_by_real_time(ideal: float, seconds: float, share: float | None) -> None:
    assert arithmetic.efficiency(ideal, seconds) == share


@pytest.mark.parametrize(
    ("values", "quartiles"),
    [([3.0], (3, 3, 3)), ([1.0, 2.0, 3.0, 4.0, 5.0], (2, 3, 4)), ([1.0, 2.0], (1.25, 1.5, 1.75))],
)
def test_quartiles_of_few_runs(values: list[float], quartiles: tuple[float, ...]) -> None:
    assert tuple(arithmetic.Quartiles.of(values)) == quartiles


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ([100.0], [102.0], True),
        ([100.0], [104.0], False),
        ([90.0, 100.0, 110.0], [95.0, 106.0, 120.0], True),
        ([90.0, 91.0, 92.0], [95.0, 96.0, 97.0], False),
    ],
)
def test_runs_that_overlap_are_level(one: list[float], other: list[float], level: bool) -> None:
    assert arithmetic.is_level(one, other) is level
    assert arithmetic.is_level(other, one) is level


@pytest.mark.parametrize(
    ("latency", "cpu", "concurrency", "pages"), [(0.0, 0.0, 64, 875), (0.2, 0.0, 16, 48), (0.0, 0.02, 64, 48)]
)
def test_a_cell_of_the_map_has_as_many_pages_as_fit_its_time(
    latency: float, cpu: float, concurrency: int, pages: int
) -> None:
    assert arithmetic.pages_for(latency, cpu, concurrency, 2, 0.35) == pages


@pytest.mark.parametrize(
    ("latency", "cpu", "tried"),
    [(0.0, 0.0, [2, 16, 64]), (0.05, 0.02, [16, 64]), (0.05, 0.0, [64]), (0.2, 0.0, [64]), (0.01, 0.02, [2, 16, 64])],
)
def test_no_time_is_spent_on_widths_that_latency_alone_keeps_from_winning(
    latency: float, cpu: float, tried: list[int]
) -> None:
    assert worth_trying([2, 16, 64], latency, cpu, 2) == tried


def test_no_row_of_the_map_is_wider_than_it_may_be() -> None:
    assert widths_of(ROWS["thread-executor"], 256, 2) == [8, 256]
    assert widths_of(ROWS["pool"], 16, 2) == [2, 16]
    assert widths_of(ROWS["crawler"], 16, 2) == [16]
    assert all(set(grid.cpus) <= {0.0, 0.002, 0.005, 0.02} for grid in GRIDS.values())


# ── the report ──


def runs_of(row: str, seconds: float, **fields: Any) -> list[Measured]:
    return [replace(MEASURED, row=row, seconds=seconds * factor, **fields) for factor in (0.99, 1.0, 1.01)]


def hand_made() -> Results:
    hybrid = Outcome("hybrid", "a crawl", "page", 64, latency=0.05, cpu=0.019)
    hybrid.runs = [
        *runs_of("crawler", 1.0), *runs_of("thread-executor", 1.9), *runs_of("gevent", 2.0), *runs_of("c-threads", 0.2)
    ]  # fmt: skip
    hybrid.void, hybrid.missing = {"gevent": "its answers are not the truth"}, {"eventlet": "not installed: pip"}
    hybrid.tuning = [("threads", 8, 50.0)]
    waiting = Outcome("io-200", "pages after 200 ms", "page", 1000, latency=0.2)
    waiting.runs = [*runs_of("crawler", 0.5), *runs_of("thread-executor", 1.0, memory_bytes=2_000_000_000)]
    dispatch = Outcome("dispatch", "empty jobs", "job", 0)
    dispatch.runs = [*runs_of("crawler-stage", 0.01), *runs_of("process-executor", 0.05)]
    here = Cell(0.05, 0.02, 0.02, 64, 100, [*runs_of("crawler", 1.0), *runs_of("thread-executor", 2.0)])
    there = Cell(0.0, 0.0002, 0.0, 64, 100, [*runs_of("crawler", 1.0), *runs_of("asyncio-loop", 0.5, server_share=0.9)])
    return Results(
        "CPython 3.13", "python -m benchmarks models", 2, 3, "by share", 10_000_000, 60.0,
        [hybrid, waiting, dispatch], [here, there],
    )  # fmt: skip


def test_a_line_is_the_median_of_its_runs_and_void_rows_have_none() -> None:
    outcome = hand_made().outcomes[0]
    line = line_of(outcome, "crawler", 2)
    assert line is not None
    assert line.efficiency == pytest.approx(0.95)
    assert line.rate == pytest.approx(100)
    assert line.utilisation == pytest.approx(0.9)
    assert line_of(outcome, "gevent", 2) is None
    in_c = line_of(outcome, "c-threads", 2)
    assert in_c is not None
    assert in_c.efficiency is None


def test_the_ideal_of_a_run_is_that_of_the_machine_as_it_was_just_before() -> None:
    outcome = hand_made().outcomes[0]
    slow = [replace(run, seconds=run.seconds * 1.5, job_cpu=outcome.cpu * 1.5) for run in outcome.of("crawler")]
    outcome.runs = [*slow, *outcome.of("thread-executor")]
    line = line_of(outcome, "crawler", 2)
    assert line is not None
    assert line.efficiency == pytest.approx(0.95)


def test_who_wins_a_cell_is_said_with_the_reason_where_the_crawler_does_not() -> None:
    here, there = (judge(cell, 2) for cell in hand_made().cells)
    assert here is not None
    assert (here.winner, here.reason) == ("crawler", "")
    assert here.ours == pytest.approx(2.0)
    assert there is not None
    assert (there.winner, there.is_server_bound) == ("asyncio-loop", True)
    assert there.ours == pytest.approx(0.5)
    assert "no arithmetic to take off the loop" in there.reason
    assert judge(Cell(0.0, 0.0, 0.0, 64, 10), 2) is None


def test_promises_are_kept_or_missed_by_what_was_measured() -> None:
    assert [promise.is_kept for promise in findings.promises(hand_made())] == [True, True, True, True, False]


def test_the_report_names_what_is_void_what_is_missing_and_what_is_better() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    results = hand_made()
    results.outcomes[0].runs = [replace(run, others_seconds=1.0) for run in results.outcomes[0].runs]
    results.outcomes[0].elsewhere["interpreters"] = "CPython 3.14.1"
    show(results, console)
    text = " ".join(console.export_text().split())
    for said in (
        "VOID hybrid, gevent: its answers are not the truth",
        "not available: eventlet pool: not installed: pip",
        "other work on this machine took",
        "threads, arithmetic in C (ctypes), 5.0 × the rate",
        "hybrid: efficiency of 0.92 or more 0.950 kept",
        "server busy",
        "InterpreterPoolExecutor: on CPython 3.14.1",
        "tried: 8 threads",
    ):
        assert said in text


def test_results_come_back_from_their_file_and_other_files_are_refused(tmp_path: Path) -> None:
    results, file = hand_made(), tmp_path / "models.json"
    results.write(file, lines={}, verdicts=[])
    assert Results.read(file) == results
    file.write_text('{"machine": 1}')
    with pytest.raises(ValueError, match="Expected `str`"):
        Results.read(file)


def test_an_earlier_run_can_be_shown_again_and_what_is_void_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need(all(map(importlib.util.find_spec, ("plotly", "matplotlib"))), "plotly and matplotlib")
    from benchmarks.models.__main__ import main  # noqa: PLC0415

    hand_made().write(tmp_path / "earlier.json")
    assert main(["--show", str(tmp_path / "earlier.json"), "--out", str(tmp_path / "out")]) == 1
    assert "written" in capsys.readouterr().out
    page = (tmp_path / "out" / "models.html").read_text()
    assert "Plotly.newPlot" in page
    assert '<script src="' not in page  # it works without a network
    for name in ("models-map.png", "models-table.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
