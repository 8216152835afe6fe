from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler.document.page import Page
from crawler.errors import ClosedError, ConfigurationError, ParseError, WorkerLostError
from crawler.models import Request
from crawler.parsing.cpu import Cpu, available_cores
from crawler.parsing.inprocess import InlineExecutor
from crawler.parsing.process import Death, WorkerDiedError
from crawler.parsing.slot import Slot
from crawler.parsing.slots import ProcessSlot, open_slots

pytestmark = pytest.mark.both_loops

URL = "http://a.example/"
DEATH = Death("of old age", output="", exceeded_deadline=False, call=0, page=0)
MAIN = """
import asyncio, logging, signal, sys
from crawler.document.page import Page
from crawler.parsing.cpu import Cpu
from crawler.parsing.process import Death, WorkerDiedError
from crawler.parsing.slots import open_slots

def parse(page):
    print("busy", flush=True)
    signal.pause()

async def main():
    async with open_slots(Cpu(workers=2), parse) as slots:
        print(*(slot.pid for slot in slots), flush=True)
        await slots[0].parse([slots[0].pack(Page("http://a.example/"))])

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, format="%(name)s %(message)s", level="INFO")
    asyncio.run(main())
"""
MODULE = """
import multiprocessing, os, signal
from pathlib import Path

if multiprocessing.parent_process() is not None:  # in a worker
    {action}

def parse(page):
    return page.title
"""


class Undecodable(Exception):  # noqa: N818  # its name is no matter
    """Pickles, and does not unpickle."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code} {detail}")


class Unpicklable:
    def __reduce__(self) -> str:
        raise TypeError("not this one")


class Eager(Executor):
    """An executor of the user's that is neither threads nor ours; counts what it was given."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_shut_down = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        del wait, cancel_futures
        self.is_shut_down = True


def parse(page: Page) -> Iterator[Any]:
    yield page.title
    yield from page.links()


def parse_pid(page: Page) -> int:
    return os.getpid()


def hang(page: Page) -> None:
    """Say that this worker is at work, then work forever."""
    Path(page.metadata["fifo"]).write_text(str(os.getpid()), encoding="ascii")
    signal.pause()


def die(page: Page) -> None:
    os._exit(1)


def raise_undecodable(*_args: object) -> None:
    raise Undecodable(1, "x")


def leave() -> None:
    sys.exit(3)


def niceness() -> int:
    return os.nice(0)


def interrupt_handler() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def encode(item: Any) -> bytes:
    return str(item).encode()


def page(title: str = "x", **metadata: Any) -> Page:
    return Page(URL, f"<title>{title}</title><a href=a>a</a>".encode(), request=Request(URL, metadata=metadata or None))


@asynccontextmanager
async def open_slot(parser: Callable[..., Any] = parse, **options: Any) -> AsyncIterator[Slot]:
    async with open_slots(Cpu(workers=1, **options), parser) as [slot]:
        yield slot


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


async def read_pid(fifo: Path) -> psutil.Process:
    """Wait for a worker that writes its process number."""
    return psutil.Process(int(await asyncio.to_thread(fifo.read_text, encoding="ascii")))


def assert_gone(*processes: psutil.Process) -> None:
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []


def module(folder: Path, name: str, action: str) -> Callable[..., Any]:
    """Import a parser from a module that does ``action`` when a worker imports it."""
    (folder / f"{name}.py").write_text(MODULE.format(action=action), encoding="utf-8")
    parser: Callable[..., Any] = __import__(name).parse
    return parser


# ── processes ──


async def test_a_slot_parses_in_a_process_of_its_own() -> None:
    async with open_slots(Cpu(workers=2), parse_pid) as slots:
        pids = set()
        for slot in slots:
            slot.use((None,))
            [parsed] = (await slot.parse([slot.pack(page())])).results
            assert parsed.items_for(0) == [slot.pid]
            pids.add(slot.pid)
    assert len(pids) == 2
    assert os.getpid() not in pids


async def test_the_processes_are_gone_when_the_slots_are_closed() -> None:
    async with open_slots(Cpu(workers=2), parse) as slots:
        processes = [psutil.Process(slot.pid) for slot in slots]
    assert_gone(*processes)


async def test_pages_of_a_batch_come_back_in_order_encoded_as_asked_for() -> None:
    async with open_slot() as slot:
        slot.use((encode, None))
        parsed = (await slot.parse([slot.pack(page(title)) for title in "abc"])).results
        assert [each.items_for(0) for each in parsed] == [[b"a"], [b"b"], [b"c"]]
        assert [each.items_for(1) for each in parsed] == [["a"], ["b"], ["c"]]
        assert {each.links for each in parsed} == {(f"{URL}a",)}
        slot.use(())
        assert [each.encoded for each in (await slot.parse([slot.pack(page())])).results] == [()]


async def test_a_page_whose_metadata_does_not_pickle_is_refused_before_it_travels() -> None:
    async with open_slot() as slot:
        with pytest.raises(ParseError, match=r"the metadata of the request for .* does not pickle; use plain data"):
            slot.pack(page(value=Unpicklable()))


async def test_encoders_that_do_not_pickle_are_refused() -> None:
    async with open_slot() as slot:
        with pytest.raises(ConfigurationError):
            slot.use((lambda _item: b"",))


async def test_workers_are_nicer_than_the_loop_and_leave_ctrl_c_to_it() -> None:
    async with open_slot(niceness=7) as slot:
        assert await slot.call(niceness, ()) == os.nice(0) + 7
        assert await slot.call(interrupt_handler, ())


async def test_a_computation_returns_or_raises_what_its_function_does() -> None:
    async with open_slot() as slot:
        assert await slot.call(divmod, (7, 2)) == (3, 1)
        with pytest.raises(ValueError, match="invalid literal"):
            await slot.call(int, ("x",))
        with pytest.raises(ParseError, match="Undecodable: 1 x"):
            await slot.call(raise_undecodable, ())
        with pytest.raises(ParseError, match="SystemExit: 3"):
            await slot.call(leave, ())
        with pytest.raises(ParseError, match="does not pickle"):
            await slot.call(Unpicklable, ())
        assert await slot.call(os.getpid, ()) == slot.pid  # it is the worker of the beginning
        assert slot.restarts == 0


async def test_a_worker_that_died_breaks_its_slot_until_it_is_replaced() -> None:
    async with open_slots(Cpu(workers=2), die) as [broken, whole]:
        before = broken.pid
        with pytest.raises(WorkerDiedError) as died:
            await broken.parse([broken.pack(page())])
        with pytest.raises(WorkerDiedError):
            await broken.call(niceness, ())
        assert await whole.call(os.getpid, ()) == whole.pid
        await broken.replace(died.value)
        await broken.replace(died.value)  # the second batch that was in flight reports the same death
        assert await broken.call(os.getpid, ()) == broken.pid != before
        assert (broken.restarts, whole.restarts) == (1, 0)


async def test_a_worker_that_hangs_is_killed_when_the_slots_close(fifo: Path) -> None:
    async with open_slot(hang, grace=0.05) as slot:
        hanging = asyncio.ensure_future(slot.parse([slot.pack(page(fifo=str(fifo)))]))
        process = await read_pid(fifo)
        assert process.pid == slot.pid
    assert_gone(process)
    with pytest.raises((WorkerDiedError, asyncio.CancelledError)):
        await hanging


async def test_a_worker_that_hangs_is_killed_when_closing_is_cancelled(fifo: Path) -> None:
    closing = asyncio.Event()

    async def hold() -> None:
        async with open_slot(hang, grace=1000.0) as slot:
            held.append(asyncio.ensure_future(slot.parse([slot.pack(page(fifo=str(fifo)))])))
            held.append(await read_pid(fifo))
            closing.set()

    held: list[Any] = []
    holding = asyncio.ensure_future(hold())
    await closing.wait()
    await asyncio.sleep(0)  # it waits for its worker now, and would for long
    holding.cancel()
    await asyncio.wait((holding,))
    assert holding.cancelled()
    assert_gone(held[1])
    with pytest.raises((WorkerDiedError, asyncio.CancelledError)):
        await held[0]


async def test_a_worker_whose_import_hangs_is_killed_when_opening_is_cancelled(
    tmp_path: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    action = f"Path({str(fifo)!r}).write_text(str(os.getpid())); signal.pause()"
    parser = module(tmp_path, f"hanging_{hash(request.node.name) & 0xFFFFFF}", action)

    async def hold() -> None:
        async with open_slot(parser, grace=0.05):
            raise AssertionError("it cannot have been opened")

    opening = asyncio.ensure_future(hold())
    process = await read_pid(fifo)
    opening.cancel()
    await asyncio.wait((opening,))
    assert opening.cancelled()
    assert_gone(process)


@pytest.mark.parametrize(
    ("action", "kind", "message"),
    [
        (
            "raise KeyError('config')",
            ParseError,
            "the parser cannot be loaded in the other process: KeyError: 'config'",
        ),
        ("raise SystemExit(3)", ParseError, "the parser cannot be loaded in the other process: SystemExit: 3"),
        ("os._exit(3)", WorkerLostError, "a worker process died while it started"),
    ],
)
async def test_a_parser_that_workers_cannot_import_is_an_error_of_the_opening(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    action: str,
    kind: type[Exception],
    message: str,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    parser = module(tmp_path, f"broken_{hash(request.node.name) & 0xFFFFFF}", action)
    with pytest.raises(kind) as caught:
        async with open_slots(Cpu(workers=2), parser):
            raise AssertionError("it cannot have been opened")
    assert message in str(caught.value)


async def test_a_parser_that_cannot_travel_is_refused_before_any_process_starts() -> None:
    with pytest.raises(ConfigurationError):
        async with open_slots(Cpu(workers=1), lambda page: page.title):
            raise AssertionError("it cannot have been opened")


async def test_a_slot_that_is_closed_says_so() -> None:
    async with open_slot() as slot:
        pass
    with pytest.raises(ClosedError):
        await slot.parse([slot.pack(page())])
    with pytest.raises(ClosedError):
        await slot.call(niceness, ())
    assert isinstance(slot, ProcessSlot)
    await slot.close()


async def test_an_error_in_the_block_closes_the_slots_and_passes() -> None:
    processes = []

    async def fail() -> None:
        async with open_slot() as slot:
            processes.append(psutil.Process(slot.pid))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert_gone(*processes)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(MAIN, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in main.stdout.readline().split()]
        servers = psutil.Process(main.pid).children()  # the fork server and the resource tracker
        assert main.stdout.readline() == f"crawler.worker worker {workers[0].pid}: busy\n"
        main.kill()
    assert len(workers) == 2
    assert_gone(*workers, *servers)


# ── threads, the loop's own thread, executors of the user's ──


@pytest.mark.parametrize("kind", ["thread", "inline"])
async def test_without_processes_pages_and_items_do_not_travel(kind: Any) -> None:
    item = Unpicklable()
    async with open_slot(lambda page: (page.metadata["item"], page.title), executor=kind) as slot:
        slot.use((None, lambda item: repr(type(item)).encode()))
        made = page(item=item)
        assert slot.pack(made) is made
        [parsed] = (await slot.parse([made])).results
        assert parsed.items_for(0)[0] is item
        assert parsed.items_for(0)[1] == "x"
        assert parsed.items_for(1)[1] == b"<class 'str'>"
        assert slot.pid == os.getpid()


@pytest.mark.parametrize("kind", ["thread", "inline"])
async def test_without_processes_a_computation_returns_or_raises_what_its_function_does(kind: Any) -> None:
    async with open_slot(executor=kind) as slot:
        assert await slot.call(divmod, (7, 2)) == (3, 1)
        with pytest.raises(Undecodable):
            await slot.call(raise_undecodable, ())
        with pytest.raises(ParseError, match="SystemExit: 3"):
            await slot.call(leave, ())


async def test_threads_are_as_many_as_workers() -> None:
    async with open_slots(Cpu("thread", workers=3), parse) as slots:
        assert len(slots) == 3


async def test_the_loop_has_one_thread_of_its_own() -> None:
    async with open_slots(Cpu("inline", workers=3), parse) as slots:
        assert len(slots) == 1


async def test_a_slot_that_is_not_a_process_of_ours_cannot_be_replaced() -> None:
    async with open_slot(executor="inline") as slot:
        with pytest.raises(WorkerLostError, match="not the crawler's to replace"):
            await slot.replace(WorkerDiedError(None, DEATH, None))


async def test_processes_of_the_user_are_used_and_left_open() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        for _ in range(2):
            async with open_slot(parse_pid, executor=pool) as slot:
                slot.use((None,))
                [parsed] = (await slot.parse([slot.pack(page())])).results
                assert parsed.items_for(0) == [slot.pid]
                assert slot.pid != os.getpid()
                assert await slot.call(divmod, (7, 2)) == (3, 1)
                with pytest.raises(ParseError, match="Undecodable"):
                    await slot.call(raise_undecodable, ())
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


async def test_threads_of_the_user_are_used_and_left_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        async with open_slot(lambda page: page.title, executor=pool) as slot:
            slot.use((None,))
            [parsed] = (await slot.parse([slot.pack(page())])).results
            assert parsed.items_for(0) == ["x"]
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


async def test_any_executor_may_be_passed_and_is_taken_to_be_elsewhere() -> None:
    executor = Eager()
    async with open_slot(executor=executor) as slot:
        slot.use((None,))
        packed = slot.pack(page())
        assert isinstance(packed, bytes)
        [parsed] = (await slot.parse([packed])).results
        assert parsed.items_for(0) == ["x"]
    assert executor.calls == 2  # one to greet, one to parse
    assert not executor.is_shut_down


async def test_a_parser_must_travel_to_an_executor_that_may_be_elsewhere() -> None:
    with pytest.raises(ConfigurationError):
        async with open_slot(lambda page: page.title, executor=Eager()):
            raise AssertionError("it cannot have been opened")


def test_the_inline_executor_is_an_executor() -> None:
    executor = InlineExecutor()
    assert executor.submit(divmod, 7, 2).result() == (3, 1)
    assert list(executor.map(str, [1, 2])) == ["1", "2"]
    with pytest.raises(Undecodable):
        executor.submit(raise_undecodable).result()


# ── options ──


@pytest.mark.parametrize(
    "options",
    [
        *({"executor": "processes"}, {"executor": None}, {"workers": 0}, {"workers": 1.5}, {"batch_pages": 0}),
        *({"batch_bytes": 0}, {"batch_seconds": -1}, {"max_waiting_bytes": 0}, {"niceness": -1}, {"grace": -1}),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Cpu(**options)


def test_there_are_as_many_workers_as_cores_that_this_process_may_use() -> None:
    assert Cpu().workers == available_cores() >= 1
