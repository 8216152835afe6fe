from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler.errors import ConfigurationError, ParseError
from crawler.parsing.cpu import Cpu
from crawler.parsing.process import WorkerDiedError
from crawler.parsing.slot import Slot
from crawler.parsing.slots import ProcessSlot, open_slots
from tests import harmful
from tests.harmful import assert_gone, page, read_pid
from tests.hostile import until

MAIN = """
import asyncio, logging, sys
from crawler.parsing.cpu import Cpu
from crawler.parsing.slots import open_slots
from tests import harmful

async def main(harm):
    async with open_slots(Cpu(workers=2, deadline=None), harmful.parse) as slots:
        print(*(slot.pid for slot in slots), flush=True)
        pages = [slots[0].pack(harmful.page(f"{harm}/1", fifo=sys.argv[2]))] if harm != "idle" else []
        await asyncio.gather(*(slot.parse(pages) for slot in slots[: 1 if harm == "hang" else 2]))
        print("done", flush=True)
        await asyncio.sleep(1000)

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
"""
SOCKETS = """
import asyncio, os, socket
from crawler.parsing.cpu import Cpu
from crawler.parsing.slots import open_slots
from tests import harmful, test_process

async def main():
    server = await asyncio.start_server(print, "127.0.0.1", 0)
    mine = socket.socket()
    file = open("mine.txt", "w")
    for opened in (*server.sockets, mine, file):
        os.set_inheritable(opened.fileno(), True)
    async with open_slots(Cpu(workers=2), harmful.parse) as slots:
        for slot in slots:
            print(await slot.call(test_process.inherited, ()), flush=True)

if __name__ == "__main__":
    asyncio.run(main())
"""


def inherited() -> list[str]:
    """Return what this process has open and pipes and devices are not; and which TCP sockets."""
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing itself
            links.append(str(path.readlink()))
    return [link for link in links if link.startswith(("socket:", "/")) and not link.startswith("/dev/")] + [
        str(each.laddr) for each in psutil.Process().net_connections("inet")
    ]


def note(folder: str) -> None:
    """Leave a trace of this process."""
    with (Path(folder) / str(os.getpid())).open("a", encoding="ascii") as file:
        file.write("x")


def traces(folder: Path) -> dict[int, int]:
    """Return which processes left how many traces."""
    return {int(path.name): path.stat().st_size for path in folder.iterdir()}


def refuse() -> None:
    raise ConnectionError("no database")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@asynccontextmanager
async def open_slot(**options: Any) -> AsyncIterator[Slot]:
    async with open_slots(Cpu(workers=1, **options), harmful.parse) as [slot]:
        yield slot


async def died(slot: Slot, *calls: list[str]) -> list[Any]:
    """Return what becomes of batches of pages that are in flight at once: results, or how the worker died."""
    parsing = [slot.parse([slot.pack(page(path)) for path in paths]) for paths in calls]
    return await asyncio.gather(*parsing, return_exceptions=True)


# ── deaths ──


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("segfault", "the process was ended by SIGSEGV"),
        ("kill", "the process was ended by SIGKILL"),
        ("leave", "the process ended itself with exit code 7"),
    ],
)
async def test_a_death_says_how_and_on_which_page_of_which_call(harm: str, reason: str) -> None:
    async with open_slot() as slot:
        first, second, third = await died(slot, ["fine/1"], ["fine/2", "fine/3", f"{harm}/1", "fine/4"], ["fine/5"])
        assert [parsed.error for parsed in first.results] == [None]
        assert isinstance(second, WorkerDiedError)
        assert isinstance(third, WorkerDiedError)
        assert (str(second), second.page, third.page) == (reason, 2, None)
        assert second.death == third.death
        await slot.replace(second)
        await slot.replace(third)
        assert slot.restarts == 1
        [again] = await died(slot, ["fine/6"])
        assert again.results[0].error is None


async def test_a_death_says_how_while_others_look_for_processes_that_have_ended() -> None:
    """As `multiprocessing` does whenever a process is started: of two that ask, one gets a wrong answer."""
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            multiprocessing.active_children()

    looks = asyncio.ensure_future(asyncio.to_thread(look))
    async with open_slot() as slot:
        try:
            for _ in range(8):
                [death] = await died(slot, ["kill/1"])
                assert str(death) == "the process was ended by SIGKILL"
                await slot.replace(death)
        finally:
            is_over.set()
            await looks


async def test_the_last_words_come_with_the_death() -> None:
    async with open_slot() as slot:
        [death] = await died(slot, ["segfault/1"])
        assert "Fatal Python error: Segmentation fault" in death.death.output
        assert "in segfault" in death.death.output


async def test_a_result_that_cannot_leave_the_worker_is_the_end_of_that_worker_and_not_of_the_crawl() -> None:
    async with open_slot() as slot:
        [death] = await died(slot, ["fine/1", "odd_request/1"])
        assert isinstance(death, WorkerDiedError)
        assert death.page is None
        await slot.replace(death)
        [again] = await died(slot, ["fine/1"])
        assert again.results[0].error is None


async def test_busy_seconds_are_those_of_all_its_workers() -> None:
    async with open_slot() as slot:
        await slot.call(harmful.burn_for, (0.1,))
        first = slot.busy_seconds
        assert first >= 0.1
        await slot.recycle()
        assert slot.busy_seconds >= first
        await slot.call(harmful.burn_for, (0.1,))
        assert slot.busy_seconds >= first + 0.1


async def test_the_time_of_a_call_that_does_not_end_counts_as_busy_until_the_death(fifo: Path) -> None:
    async with open_slot() as slot:
        hanging = asyncio.ensure_future(slot.parse([slot.pack(page("hang/1", fifo=str(fifo)))]))
        process = await read_pid(fifo)
        before = slot.busy_seconds
        await until(lambda: slot.busy_seconds > before)
        process.kill()
        with pytest.raises(WorkerDiedError):
            await hanging
        busy = slot.busy_seconds
        assert busy > before
        assert slot.busy_seconds == busy


async def test_a_worker_may_be_closed_while_its_death_is_looked_into() -> None:
    """Two that shut its executor down at once would close its pipes twice, which once in a while fails loudly."""
    for _ in range(20):
        async with open_slot() as slot:
            dying = asyncio.ensure_future(died(slot, ["kill/1"]))
            await asyncio.sleep(0)
            psutil.Process(slot.pid).kill()
        await dying


# ── recycling ──


async def test_a_recycled_slot_has_another_process_and_the_old_one_is_gone() -> None:
    async with open_slot() as slot:
        before = psutil.Process(slot.pid)
        assert await slot.recycle()
        assert slot.pid != before.pid
        assert_gone(before)
        assert await slot.call(os.getpid, ()) == slot.pid
        assert slot.restarts == 0


# ── the user's initializer ──


async def test_an_initializer_runs_once_in_each_worker_and_in_each_that_takes_its_place(tmp_path: Path) -> None:
    async with open_slots(Cpu(workers=2, initializer=partial(note, str(tmp_path))), harmful.parse) as slots:
        pids = {slot.pid for slot in slots}
        for slot in slots:
            await slot.parse([slot.pack(page("fine/1"))])
        assert traces(tmp_path) == dict.fromkeys(pids, 1)
        await slots[0].recycle()
        pids.add(slots[0].pid)
    assert traces(tmp_path) == dict.fromkeys(pids, 1)


@pytest.mark.parametrize("kind", ["thread", "inline"])
async def test_an_initializer_runs_in_workers_that_are_threads(kind: Any, tmp_path: Path) -> None:
    async with open_slots(Cpu(kind, workers=1, initializer=partial(note, str(tmp_path))), harmful.parse) as [slot]:
        for number in range(3):
            await slot.parse([slot.pack(page(f"fine/{number}"))])
    assert traces(tmp_path) == {os.getpid(): 1}


@pytest.mark.parametrize("kind", ["process", "thread", "inline"])
async def test_an_initializer_that_raises_is_an_error_of_the_opening(kind: Any) -> None:
    with pytest.raises(ParseError, match=r"ConnectionError: no database \(.*test_process\.py:") as caught:
        async with open_slots(Cpu(kind, workers=2, initializer=refuse), harmful.parse):
            raise AssertionError("it cannot have been opened")
    assert "in refuse" in caught.value.traceback


async def test_an_initializer_that_cannot_travel_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        ConfigurationError, match=r"initializer .* cannot be sent to a worker process .* define it with"
    ):
        async with open_slots(Cpu(workers=1, initializer=lambda: None), harmful.parse):
            raise AssertionError("it cannot have been opened")


# ── its end ──


async def test_a_worker_that_hangs_in_c_is_killed_when_the_slot_closes(fifo: Path) -> None:
    async with open_slot(grace=0.05, deadline=None) as slot:
        hanging = asyncio.ensure_future(slot.parse([slot.pack(page("hang/1", fifo=str(fifo)))]))
        process = await read_pid(fifo)
    assert_gone(process)
    with pytest.raises((WorkerDiedError, asyncio.CancelledError)):
        await hanging


async def test_a_slot_closed_before_it_was_opened_leaves_nothing() -> None:
    slot = ProcessSlot(Cpu(workers=1), harmful.parse)
    slot.kill()
    await slot.close()


@pytest.mark.parametrize("rounds", [0, 1, 3, 30])
async def test_a_slot_closed_while_it_opens_leaves_no_process(rounds: int) -> None:
    before = harmful.descendants()
    slot = ProcessSlot(Cpu(workers=1), harmful.parse)
    opening = asyncio.ensure_future(slot.open())
    for _ in range(rounds):
        await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait((opening,))
    await slot.close()
    assert_gone(*harmful.workers_since(before))


@pytest.mark.parametrize("harm", ["idle", "loop", "regex", "deaf", "hang"])
def test_workers_end_when_their_main_process_is_killed(harm: str, tmp_path: Path, fifo: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(MAIN, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(file), harm, str(fifo)], stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in main.stdout.readline().split()]
        others = psutil.Process(main.pid).children()  # the fork server and the resource tracker
        if harm == "idle":
            assert main.stdout.readline() == "done\n"
        elif harm == "hang":
            assert int(fifo.read_text(encoding="ascii")) in {worker.pid for worker in workers}
        else:
            for worker in workers:
                wait_for_work(worker)
        main.kill()
    assert len(workers) == 2
    assert_gone(*workers, *others)


def wait_for_work(process: psutil.Process) -> None:
    """Wait until ``process`` has used CPU time, which it does when it parses."""
    before = process.cpu_times().user
    while process.cpu_times().user <= before:
        os.sched_yield()


def test_workers_inherit_neither_sockets_nor_files(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(SOCKETS, encoding="utf-8")
    ended = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.stdout, ended.stderr) == ("[]\n[]\n", "")


async def test_workers_of_a_server_that_runs_have_none_of_its_sockets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()):
        async with open_slot() as slot:
            assert psutil.Process(slot.pid).net_connections("inet") == []
            await slot.recycle()
            assert psutil.Process(slot.pid).net_connections("inet") == []


def test_a_crawl_leaves_no_shared_memory_or_semaphore_behind(tmp_path: Path) -> None:
    """What leaked, the resource tracker would say on standard error."""
    script = tmp_path / "main.py"
    script.write_text(MAIN.replace("await asyncio.sleep(1000)", "pass"), encoding="utf-8")
    command = [sys.executable, "-W", "error", str(script), "kill", ""]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "WorkerDiedError: the process was ended by SIGKILL" in ended.stderr
    assert "leaked" not in ended.stderr
