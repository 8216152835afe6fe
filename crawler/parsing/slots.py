"""Where parsers run: one slot a worker. The only file that makes processes and executors.

A worker process is a `ProcessPoolExecutor` of its own, so that one death breaks one slot and not the pool.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.context import BaseContext
from typing import Any, Protocol, TypeVar

from crawler.errors import ClosedError, ParseError, WorkerLostError
from crawler.page import Page
from crawler.parsing.cpu import Cpu
from crawler.parsing.parser import check_main_guard, pickle_plan
from crawler.parsing.router import Parser
from crawler.parsing.worker import Encoders, Parsed, Plan, call, call_here, hello, parse_here, parse_remotely, start

T = TypeVar("T")


class Slot(Protocol):
    """A place where one call after another is worked on."""

    pid: int
    restarts: int

    def use(self, encoders: Encoders) -> None:
        """Encode items this way from now on.

        Raises:
            ConfigurationError: The encoders do not pickle.
        """

    def pack(self, page: Page) -> Any:
        """Return ``page`` in the form in which it travels.

        Raises:
            ParseError: The metadata of its request does not pickle.
        """

    async def parse(self, pages: Sequence[Any]) -> list[Parsed]:
        """Parse packed pages.

        Raises:
            BrokenExecutor: The worker died.
        """

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call a function of the user's; raise what it raises.

        Raises:
            BrokenExecutor: The worker died.
        """

    async def replace(self) -> None:
        """Put a new worker in the place of one that died.

        Raises:
            WorkerLostError: That cannot be done.
        """


class ProcessSlot:
    """One worker process."""

    def __init__(self, cpu: Cpu, parser: Parser) -> None:
        self.pid = 0
        self.restarts = 0
        self._cpu = cpu
        self._parser = parser
        self._plan = pickle_plan(Plan(parser))
        self._executor: ProcessPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"<ProcessSlot pid={self.pid} restarts={self.restarts}>"

    async def open(self) -> None:
        """Start the process and load the parser in it.

        Raises:
            ParseError: The process cannot import the parser.
            WorkerLostError: The process died at once.
        """
        self._executor = ProcessPoolExecutor(1, _context(self._cpu), start, (self._cpu.niceness,))
        try:
            self.pid, error = await _run(self._executor, hello, self._plan)
        except BrokenExecutor as broken:
            raise WorkerLostError("a worker process died while it started; what it printed says why") from broken
        if error is not None:
            raise error

    def use(self, encoders: Encoders) -> None:  # noqa: D102  # see Slot
        self._plan = pickle_plan(Plan(self._parser, encoders))

    def pack(self, page: Page) -> bytes:  # noqa: D102  # see Slot
        return _pickle_page(page)

    async def parse(self, pages: Sequence[Any]) -> list[Parsed]:  # noqa: D102  # see Slot
        return await _run(self._executor, parse_remotely, self._plan, pages)

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: D102  # see Slot
        return await _call_pickled(self._executor, function, args)

    async def replace(self) -> None:  # noqa: D102  # see Slot
        await self.close()
        self.restarts += 1
        await self.open()

    async def close(self) -> None:
        """End the process; kill it after the grace time."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        # Not by `pid`, which is unknown until a worker has said hello: it may hang before that, in the user's import.
        processes = list((executor._processes or {}).values())  # noqa: SLF001  # kill_workers comes with Python 3.14
        shutdown = partial(executor.shutdown, wait=True, cancel_futures=True)
        ended = asyncio.get_running_loop().run_in_executor(None, shutdown)
        try:
            await asyncio.wait((ended,), timeout=self._cpu.grace)
        finally:
            # Also when this wait is cancelled: a worker that computes on must not outlive its crawler.
            if not ended.done():
                for process in processes:
                    process.kill()
        await ended


class SharedSlot:
    """A share in an executor that serves all slots: threads, the loop's own thread, or what the user passed in."""

    def __init__(self, executor: Executor, parser: Parser, *, remote: bool) -> None:
        self.pid = 0 if remote else os.getpid()
        self.restarts = 0
        self._executor = executor
        self._plan = Plan(parser, remote=remote)
        self._pickled = pickle_plan(self._plan) if remote else b""

    def __repr__(self) -> str:
        return f"<SharedSlot of {self._executor!r}>"

    async def open(self) -> None:
        """Find out whether the executor's workers can load the parser.

        Raises:
            ParseError: They cannot.
        """
        if self._plan.remote:
            self.pid, error = await _run(self._executor, hello, self._pickled)
            if error is not None:
                raise error

    def use(self, encoders: Encoders) -> None:  # noqa: D102  # see Slot
        self._plan = replace(self._plan, encoders=encoders)
        self._pickled = pickle_plan(self._plan) if self._plan.remote else b""

    def pack(self, page: Page) -> Any:  # noqa: D102  # see Slot
        return _pickle_page(page) if self._plan.remote else page

    async def parse(self, pages: Sequence[Any]) -> list[Parsed]:  # noqa: D102  # see Slot
        if self._plan.remote:
            return await _run(self._executor, parse_remotely, self._pickled, pages)
        return await _run(self._executor, parse_here, self._plan, pages)

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: D102  # see Slot
        if self._plan.remote:
            return await _call_pickled(self._executor, function, args)
        return await _run(self._executor, call_here, function, args)

    async def replace(self) -> None:  # noqa: D102  # see Slot
        raise WorkerLostError(f"{self._executor!r} is broken and is not the crawler's to replace: a worker of it died")


class InlineExecutor(Executor):
    """Runs each call at once, in the caller's thread: parsing on the event loop, for debugging and comparison."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # it is the caller's, as with any executor
            future.set_exception(error)
        return future


@asynccontextmanager
async def open_slots(cpu: Cpu, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    """Open the slots that ``cpu`` asks for, each with the parser loaded; close what was made here at the end.

    Raises:
        ConfigurationError: The parser cannot travel to where ``cpu`` wants it to run.
        ParseError: A worker cannot import the parser.
        WorkerLostError: A worker process died while it started.
    """
    match cpu.executor:
        case "process":
            opened = _process_slots(cpu, parser)
        case "thread":
            opened = _own_slots(ThreadPoolExecutor(cpu.workers, "parse"), cpu.workers, parser)
        case "inline":
            opened = _own_slots(InlineExecutor(), 1, parser)
        case executor:
            opened = _foreign_slots(executor, cpu.workers, parser)
    async with opened as slots:
        yield slots


@asynccontextmanager
async def _process_slots(cpu: Cpu, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    check_main_guard()
    slots = [ProcessSlot(cpu, parser) for _ in range(cpu.workers)]
    try:
        await _all(slot.open() for slot in slots)
        yield slots
    finally:
        await _all(slot.close() for slot in slots)


@asynccontextmanager
async def _own_slots(executor: Executor, count: int, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    """Slots in an executor of this process that is ours."""
    try:
        yield [SharedSlot(executor, parser, remote=False) for _ in range(count)]
    finally:
        # Not waited for: a thread cannot be killed, and a parser that hangs must not hang the crawler's end.
        executor.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _foreign_slots(executor: Executor, count: int, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    # Threads share our memory; of any other executor that we know nothing of, it is taken that it does not.
    remote = not isinstance(executor, ThreadPoolExecutor)
    slots = [SharedSlot(executor, parser, remote=remote) for _ in range(count)]
    await slots[0].open()
    yield slots


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Await all ``calls`` to their end, then raise the first error, if there was one."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _run(executor: Executor | None, function: Callable[..., T], *args: Any) -> T:
    if executor is None:  # which to the loop would mean its own threads
        raise ClosedError("the CPU stage is closed")
    return await asyncio.get_running_loop().run_in_executor(executor, function, *args)


async def _call_pickled(executor: Executor | None, function: Callable[..., Any], args: Sequence[Any]) -> Any:
    answer: bytes = await _run(executor, call, pickle.dumps((function, args)))
    succeeded, value = pickle.loads(answer)  # noqa: S301  # made by our own worker
    if not succeeded:
        raise value
    return value


def _pickle_page(page: Page) -> bytes:
    try:
        return pickle.dumps(page, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = f"the metadata of the request for {page.url} does not pickle; use plain data: {error}"
        raise ParseError(text) from error


def _context(cpu: Cpu) -> BaseContext:
    """Return forkserver, which forks from a small single-threaded process; spawn where there is none."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crawler.parsing.worker", *cpu.preload])
    return context
