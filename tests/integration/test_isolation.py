"""What user code may do to its worker, and what it costs: that page, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import psutil
import pytest

from crawler.errors import MemoryLimitError, ParseError, ResultError, WorkerLostError
from crawler.parsing.quarantine import load
from tests import harmful
from tests.harmful import Outcome, assert_gone, descendants, page, parsed, read_pid, workers_since, working

DEADLINE = 0.4  # seconds
MEMORY = 2**28  # bytes


def killed(name: str) -> str:
    return rf"^the worker was lost on this page: the process was ended by {name}$"


LATE = rf"^the worker was lost on this page: it took longer than the deadline of {DEADLINE} s$"
HUNGRY = "^the page needs more memory than allowed: MemoryError: "
NEIGHBOURS = ["fine/1", "fine/2", "fine/3"]


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


# ── one page ──


@pytest.mark.parametrize(
    ("harm", "kind", "reason", "traceback"),
    [
        ("regex", WorkerLostError, LATE, "in regex"),
        ("loop", WorkerLostError, LATE, "in loop"),
        ("stubborn", WorkerLostError, LATE, "in stubborn"),
        ("deaf", WorkerLostError, LATE, "in deaf"),
        ("silenced", WorkerLostError, LATE, "in silenced"),
        ("flood", WorkerLostError, LATE, ""),
        ("segfault", WorkerLostError, killed("SIGSEGV"), "in segfault"),
        ("overflow", WorkerLostError, killed("SIGSEGV"), "in overflow"),
        ("kill", WorkerLostError, killed("SIGKILL"), ""),
        ("leave", WorkerLostError, "^the worker was lost on this page: the process ended itself with exit code 7$", ""),
        ("allocate", MemoryLimitError, HUNGRY, "in allocate"),
        ("allocate_small", MemoryLimitError, HUNGRY, "in parse"),
        ("allocate_at_once", MemoryLimitError, HUNGRY, "in allocate_at_once"),
        ("undecodable", ParseError, r"^Undecodable: 1 what it said \(", "in undecodable"),
        (
            "unpicklable_item",
            ResultError,
            "^the items of this page do not pickle.*yield plain data: not this one",
            "Tr",
        ),
        ("undecodable_item", ResultError, "^the items cannot be loaded in the other process: TypeError: ", "Tr"),
        ("unpicklable_request", ResultError, "^the metadata of a request does not pickle.*use plain data", "Tr"),
        ("undecodable_request", ResultError, "^the metadata of a request does not pickle.*use plain data", "Tr"),
        ("odd_request", WorkerLostError, "^the worker was lost on this page: ", ""),
    ],
)
async def test_what_a_page_does_costs_that_page_alone_and_is_explained(
    harm: str, kind: type[Exception], reason: str, traceback: str
) -> None:
    paths = ["fine/1", f"{harm}/1", "fine/2", "fine/3"]
    deadline = DEADLINE if reason is LATE else 9.0
    outcome, statistics = await parsed(paths, deadline=deadline, memory_bytes=MEMORY)
    assert outcome.fine == {*NEIGHBOURS}
    error = outcome.errors[f"{harm}/1"]
    assert type(error) is kind
    with pytest.raises(kind, match=reason):
        raise error
    assert isinstance(error, ParseError | WorkerLostError | MemoryLimitError | ResultError)
    assert traceback in error.traceback
    [worker] = statistics.workers
    assert (worker.pages, statistics.held_bytes > 0) == (4, False)
    assert (worker.restarts > 0) == (kind is WorkerLostError)


async def test_a_page_nested_a_million_deep_is_survived() -> None:
    paths = ["fine/1", "nest/1", "fine/2", "fine/3"]
    outcome, _ = await parsed(paths, deadline=1.0)
    assert outcome.fine >= {*NEIGHBOURS}
    assert len(outcome.results) == 4


# ── its neighbours ──


@pytest.mark.parametrize("harm", ["regex", "segfault"])
async def test_neighbours_in_its_batch_and_in_the_second_batch_in_flight_are_delivered(harm: str, fifo: Path) -> None:
    outcome = Outcome()
    warm = [f"fine/warm{number}" for number in range(50)]
    async with working(outcome, batch_seconds=1.0, batch_pages=4, deadline=DEADLINE) as stage:
        for path in warm:  # the stage learns that pages take no time, so that batches get large
            await stage.put(page(path))
            await outcome.of(len(outcome.results) + 1)
        await stage.put(page("wait/1", fifo=str(fifo)))
        await stage.put(page("fine/second"))
        await read_pid(fifo)
        paths = ["fine/a", "fine/b", f"{harm}/1", "fine/c", "fine/d", "fine/e", "fine/f", "fine/g"]
        for path in paths:
            await stage.put(page(path))
        await asyncio.to_thread(fifo.write_text, "go on", encoding="ascii")
        await outcome.of(60)
        assert list(outcome.errors) == [f"{harm}/1"]
        assert outcome.fine == {*warm, *paths, "wait/1", "fine/second"} - {f"{harm}/1"}
        assert stage.statistics().workers[0].pages == 60


async def test_a_worker_killed_from_outside_costs_no_page(fifo: Path) -> None:
    outcome = Outcome()
    async with working(outcome) as stage:
        await stage.put(page("once/1", fifo=str(fifo)))
        await stage.put(page("fine/1"))
        process = await read_pid(fifo)
        assert stage.statistics().workers[0].pid == process.pid
        process.kill()
        await outcome.of(2)
        assert outcome.fine == {"once/1", "fine/1"}
        [worker] = stage.statistics().workers
        assert worker.restarts == 1
        assert worker.pid != process.pid


async def test_an_idle_worker_killed_from_outside_costs_nothing() -> None:
    outcome = Outcome()
    async with working(outcome) as stage:
        process = psutil.Process(stage.statistics().workers[0].pid)
        process.kill()
        await stage.put(page("fine/1"))
        await outcome.of(1)
        assert outcome.fine == {"fine/1"}
        assert_gone(process)


async def test_pages_that_leak_cost_nothing_but_new_workers() -> None:
    paths = [f"leak/{number}" for number in range(20)]  # of 30 MiB each
    outcome, statistics = await parsed(paths, memory_bytes=MEMORY, deadline=9.0)
    assert outcome.errors == {}
    [worker] = statistics.workers
    assert worker.recycled >= 2
    assert worker.restarts == 0


async def test_a_process_that_a_dead_worker_leaves_behind_does_not_hold_up_the_crawl(fifo: Path) -> None:
    outcome = Outcome()
    async with working(outcome) as stage:
        await stage.put(page("leave_child/1", fifo=str(fifo)))
        children = [await read_pid(fifo), await read_pid(fifo)]  # the page is given a second chance
        await stage.put(page("fine/1"))
        await outcome.of(2)
        assert list(outcome.errors) == ["leave_child/1"]
    for child in children:
        child.kill()


# ── what it prints ──


async def test_a_worker_that_prints_100_megabytes_disturbs_neither_results_nor_memory_nor_the_screen(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    before = psutil.Process().memory_info().rss
    with caplog.at_level(logging.INFO, "crawler.worker"):
        outcome, statistics = await parsed(["fine/1", "shout/1", "fine/2"])
    assert outcome.fine == {"fine/1", "shout/1", "fine/2"}
    assert psutil.Process().memory_info().rss - before < 50 * 2**20
    logged = [record.getMessage() for record in caplog.records if record.name == "crawler.worker"]
    dropped = [int(line.split()[2]) for line in logged if line.endswith("more lines of its output were dropped")]
    lines = [line for line in logged if line.endswith("…")]
    assert len(lines) + len(dropped) == len(logged)
    assert len(lines) + sum(dropped) == 1000
    assert 50 <= len(lines) < 1000
    assert max(map(len, lines)) < 1100
    assert lines[0][:30] == f"worker {statistics.workers[0].pid}: 0 {'x' * 30}"[:30]
    screen = capfd.readouterr()
    assert screen.out.count("x") + screen.err.count("x") < 1000


# ── computations ──


async def test_a_computation_has_the_same_guards() -> None:
    nothing = page("compute")
    async with working(Outcome(), deadline=DEADLINE, memory_bytes=MEMORY) as stage:
        with pytest.raises(WorkerLostError, match=rf"it took longer than the deadline of {DEADLINE} s") as late:
            await stage.compute(harmful.regex, (nothing,))
        assert "in regex" in late.value.traceback
        with pytest.raises(WorkerLostError, match="ended by SIGSEGV"):
            await stage.compute(harmful.segfault, (nothing,))
        with pytest.raises(MemoryError):
            await stage.compute(harmful.allocate, (nothing,))
        with pytest.raises(ParseError, match="does not pickle"):
            await stage.compute(harmful.unpicklable_item, (nothing,))
        assert await stage.compute(divmod, (7, 2)) == (3, 1)


async def test_a_computation_whose_worker_is_killed_from_outside_is_done_again(fifo: Path) -> None:
    async with working(Outcome()) as stage:
        computing = asyncio.ensure_future(stage.compute(harmful.once, (page("compute", fifo=str(fifo)),)))
        (await read_pid(fifo)).kill()
        assert await computing is None


async def test_each_computation_has_its_whole_deadline() -> None:
    async with working(Outcome(), deadline=1.0) as stage:
        for _ in range(3):  # together they take longer
            await stage.compute(harmful.nap, (0.4,))


# ── recycling ──


async def test_a_worker_is_replaced_after_so_many_pages_and_nothing_is_lost() -> None:
    paths = [f"pid/{number}" for number in range(60)]
    outcome, statistics = await parsed(paths, recycle_pages=15, batch_pages=5, workers=2)
    pids = {parsed.items_for(0)[0] for parsed in outcome.results.values()}
    assert outcome.errors == {}
    assert len(outcome.results) == 60
    assert len(pids) >= 3
    assert sum(worker.recycled for worker in statistics.workers) >= len(pids) - 2
    assert sum(worker.restarts for worker in statistics.workers) == 0


async def test_a_worker_that_has_grown_is_replaced_and_nothing_is_lost() -> None:
    outcome, statistics = await parsed(
        [f"leak/{number}" for number in range(16)], recycle_bytes=100 * 2**20, batch_pages=1
    )
    assert outcome.errors == {}
    [worker] = statistics.workers
    assert worker.recycled >= 2
    assert worker.restarts == 0


async def test_while_one_worker_is_replaced_the_other_works_on(fifo: Path) -> None:
    """The worker that is to be replaced waits for its second batch, which waits for us; meanwhile all else is done."""
    outcome = Outcome()
    async with working(outcome, workers=2, recycle_pages=1, batch_pages=1) as stage:
        await stage.put(page("wait/1", fifo=str(fifo)))
        for number in range(20):
            await stage.put(page(f"fine/{number}"))
        await read_pid(fifo)
        await outcome.of(19)  # all but those that wait with or behind it
        await asyncio.to_thread(fifo.write_text, "go on", encoding="ascii")
        await outcome.of(21)
        assert outcome.errors == {}


# ── its end ──


@pytest.mark.parametrize("harm", ["regex", "deaf", "stubborn"])
async def test_closing_does_not_wait_for_a_worker_that_hangs(harm: str) -> None:
    outcome = Outcome()
    before = descendants()
    async with working(outcome, workers=2, grace=0.05, deadline=None) as stage:
        for number in range(4):
            await stage.put(page(f"{harm}/{number}"))
        processes = [psutil.Process(worker.pid) for worker in stage.statistics().workers]
        await asyncio.sleep(0)
    assert_gone(*processes, *workers_since(before))


@pytest.mark.parametrize("rounds", [1, 2, 5, 20, 100])
@pytest.mark.parametrize("harm", ["kill", "pid"])  # recovering from a death, replacing an old worker
async def test_cancelled_in_the_middle_of_a_replacement_it_leaves_no_process(harm: str, rounds: int) -> None:
    before = descendants()

    async def crawl() -> None:
        outcome = Outcome()
        async with working(outcome, workers=2, recycle_pages=1) as stage:
            for number in range(40):
                await stage.put(page(f"{harm}/{number}"))
                started.set()
                await asyncio.sleep(0)
            await outcome.of(40)

    started = asyncio.Event()
    crawling = asyncio.ensure_future(crawl())
    await started.wait()
    for _ in range(rounds):
        await asyncio.sleep(0)
    crawling.cancel()
    await asyncio.wait((crawling,))
    assert crawling.cancelled()
    assert_gone(*workers_since(before))


# ── what is kept ──


async def test_the_body_of_a_page_in_quarantine_is_kept_with_the_reason_and_the_line(tmp_path: Path) -> None:
    paths = ["segfault/1", "undecodable_item/1", "undecodable/1", "fine/1"]
    outcome, _ = await parsed(paths, quarantine=tmp_path / "kept")
    saved = {path: parsed.saved for path, parsed in outcome.results.items()}
    assert [bool(saved[path]) for path in paths] == [True, True, False, False]
    kept = load(saved["segfault/1"])
    assert kept.page.body == page("segfault/1").body
    assert (kept.url, kept.parser) == ("http://a.example/segfault/1", "tests.harmful:parse")
    assert kept.reason.endswith("the process was ended by SIGSEGV")
    line = harmful.segfault.__code__.co_firstlineno + 1
    assert f'File "{harmful.__file__}", line {line} in segfault' in kept.traceback
    assert load(saved["undecodable_item/1"]).error == "ResultError"
    assert len([*(tmp_path / "kept").iterdir()]) == 2


async def test_a_page_that_cannot_be_kept_is_in_quarantine_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    outcome, _ = await parsed(["leave/1", "fine/1"], quarantine=tmp_path / "file")
    assert list(outcome.errors) == ["leave/1"]
    assert outcome.results["leave/1"].saved == ""
    assert "the body of http://a.example/leave/1 cannot be saved in quarantine" in caplog.text
