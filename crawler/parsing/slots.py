"""The kinds of slots: a worker process of the crawler, or a share of an executor."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from crawler.document.page import Page
from crawler.errors import ConfigurationError, WorkerLostError
from crawler.parsing.cpu import Cpu
from crawler.parsing.inprocess import Initializer, InlineExecutor
from crawler.parsing.packing import pack
from crawler.parsing.parser import check_main_guard, pickle_plan
from crawler.parsing.process import Death, WorkerDiedError, WorkerProcess
from crawler.parsing.process_start import preload
from crawler.parsing.router import Parser
from crawler.parsing.slot import Progress, Slot
from crawler.parsing.worker import (
    DEFAULT_LINK_DIRECTIVES,
    Batch,
    Encoders,
    LinkDirectives,
    Plan,
    call,
    call_here,
    hello,
    parse_here,
    parse_remotely,
)

T = TypeVar("T")
_START_ATTEMPTS = 3  # to start a worker that replaces another one; arbitrary
logger = logging.getLogger("crawler")


class ProcessSlot:
    """A slot with one worker process at a time."""

    def __init__(self, cpu: Cpu, parser: Parser) -> None:
        self.pid = 0
        self.restarts = 0
        self._cpu = cpu
        self._parser = parser
        self._plan = pickle_plan(Plan(parser))
        self._initializer = _pickle_initializer(cpu)
        self._worker: WorkerProcess | None = None
        self._busy_before = 0.0
        self._parsing: dict[int, Sequence[Any]] = {}  # pages by the number of the call that parses them

    def __repr__(self) -> str:
        return f"<ProcessSlot pid={self.pid} restarts={self.restarts}>"

    @property
    def busy_seconds(self) -> float:  # noqa: D102  # see Slot
        return self._busy_before + (self._worker.busy_seconds if self._worker else 0.0)

    @property
    def progress(self) -> Progress | None:  # noqa: D102  # see Slot
        if self._worker is None:
            return None
        number, index, seconds = self._worker.progress
        pages = self._parsing.get(number)
        return None if pages is None else Progress(pages, index, seconds)

    async def open(self) -> None:
        """Start a process and load the parser in it; end the process before it.

        Raises:
            ParseError: The process cannot import the parser.
            WorkerLostError: The process died at once.
        """
        worker, before = WorkerProcess(self._cpu), self._worker
        self._worker = worker
        try:
            await worker.open(self._plan, self._initializer)
        finally:
            if before is not None:
                self._busy_before += before.busy_seconds
                await before.close()
        self.pid = worker.pid

    def use(self, encoders: Encoders, link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES) -> None:  # noqa: D102  # see Slot
        self._plan = pickle_plan(Plan(self._parser, encoders, link_directives))

    def pack(self, page: Page) -> bytes:  # noqa: D102  # see Slot
        return pack(page)

    async def parse(self, pages: Sequence[Any]) -> Batch:  # noqa: D102  # see Slot
        worker = self._opened
        number = worker.calls + 1  # the number of the call below
        self._parsing[number] = pages
        try:
            batch: Batch = await worker.call(parse_remotely, self._plan, pages)
        finally:
            del self._parsing[number]
        return batch

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: D102  # see Slot
        return _answer(await self._opened.call(call, _pickle_call(function, args)))

    async def replace(self, died: WorkerDiedError) -> None:  # noqa: D102  # see Slot
        if died.worker is self._worker:
            self.restarts += 1
            await self._reopen()

    async def recycle(self) -> bool:  # noqa: D102  # see Slot
        await self._reopen()
        return True

    async def _reopen(self) -> None:
        """Open the slot again, in several attempts: what kills workers from outside may also kill one that starts."""
        for attempts_left in reversed(range(_START_ATTEMPTS)):
            try:
                await self.open()
            except WorkerLostError:
                if not attempts_left:
                    raise
            else:
                return

    async def close(self) -> None:
        """End the process; kill it after the grace time."""
        if self._worker is not None:
            await self._worker.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._worker is not None:
            self._worker.kill()

    @property
    def _opened(self) -> WorkerProcess:
        if self._worker is None:
            raise RuntimeError(f"{self!r} is not open")
        return self._worker


class SharedSlot:
    """A slot in an executor that all slots share: threads, the event loop's own thread, or the user's executor."""

    def __init__(self, executor: Executor, parser: Parser, *, remote: bool) -> None:
        self.pid = 0 if remote else os.getpid()
        self.restarts = 0
        self.busy_seconds = 0.0
        self.progress = None
        self._executor = executor
        self._plan = Plan(parser, remote=remote)
        self._pickled = pickle_plan(self._plan) if remote else b""

    def __repr__(self) -> str:
        return f"<SharedSlot of {self._executor!r}>"

    async def open(self) -> None:
        """Check that the executor's workers can load the parser.

        Raises:
            ParseError: They cannot load it.
        """
        if self._plan.remote:
            self.pid, error = await self._run(hello, 0, self._pickled)
            if error is not None:
                raise error

    def use(self, encoders: Encoders, link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES) -> None:  # noqa: D102  # see Slot
        self._plan = replace(self._plan, encoders=encoders, link_directives=link_directives)
        self._pickled = pickle_plan(self._plan) if self._plan.remote else b""

    def pack(self, page: Page) -> Any:  # noqa: D102  # see Slot
        return pack(page) if self._plan.remote else page

    async def parse(self, pages: Sequence[Any]) -> Batch:  # noqa: D102  # see Slot
        if self._plan.remote:
            batch = await self._run(parse_remotely, 0, self._pickled, pages)
        else:
            batch = await self._run(parse_here, self._plan, pages)
        self.busy_seconds += sum(result.seconds for result in batch.results)
        return batch

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: D102  # see Slot
        if self._plan.remote:
            return _answer(await self._run(call, 0, _pickle_call(function, args)))
        return await self._run(call_here, function, args)

    async def replace(self, died: WorkerDiedError) -> None:  # noqa: D102  # see Slot
        text = f"{self._executor!r} is broken and is not the crawler's to replace: a worker of it died"
        raise WorkerLostError(text) from died

    async def recycle(self) -> bool:
        """Do nothing: the crawler cannot replace workers of this executor."""
        return False

    async def _run(self, function: Callable[..., T], *args: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
        except BrokenExecutor as broken:
            death = Death(str(broken), output="", exceeded_deadline=False, call=0, page=0)
            raise WorkerDiedError(None, death, None) from broken


@asynccontextmanager
async def open_slots(cpu: Cpu, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    """Open the slots of ``cpu``, each with the parser loaded. Close them at the end, except for the user's executor.

    Raises:
        ConfigurationError: The parser cannot be sent to the workers.
        ParseError: A worker cannot import the parser.
        WorkerLostError: A worker process died while it started.
    """
    match cpu.executor:
        case "process":
            opened = _process_slots(cpu, parser)
        case "thread":
            initializer = Initializer(cpu.initializer)
            threads = ThreadPoolExecutor(cpu.workers, "parse", initializer)
            opened = _own_slots(threads, cpu.workers, parser, initializer)
        case "inline":
            opened = _own_slots(InlineExecutor(), 1, parser, Initializer(cpu.initializer, at_once=True))
        case executor:
            opened = _foreign_slots(executor, cpu.workers, parser)
    if cpu.executor != "process":
        without = "deadline, memory_bytes, niceness and recycling have no effect"
        if isinstance(cpu.executor, Executor) and cpu.initializer is not None:
            without += ", nor has initializer: give it to the executor"
        logger.info("executor %s: its workers cannot be killed, so %s", cpu.executor, without)
    async with opened as slots:
        yield slots


@asynccontextmanager
async def _process_slots(cpu: Cpu, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    check_main_guard()
    preload(cpu.preload)
    slots = [ProcessSlot(cpu, parser) for _ in range(cpu.workers)]
    try:
        await _all(slot.open() for slot in slots)
        yield slots
    finally:
        await _close(slots)


async def _close(slots: Sequence[ProcessSlot]) -> None:
    """Close ``slots``. If this is cancelled, kill their processes, and still wait for them."""
    closing = [asyncio.ensure_future(slot.close()) for slot in slots]
    try:
        await asyncio.wait(closing)
    except asyncio.CancelledError:
        for slot in slots:
            slot.kill()
        await asyncio.wait(closing)
        raise


@asynccontextmanager
async def _own_slots(
    executor: Executor, count: int, parser: Parser, initializer: Initializer
) -> AsyncIterator[Sequence[Slot]]:
    """Yield slots in an ``executor`` of this process that the crawler has made."""
    try:
        await initializer.check(executor)
        yield [SharedSlot(executor, parser, remote=False) for _ in range(count)]
    finally:
        # Without waiting: a thread cannot be killed, and a parser that hangs must not hang the end of the crawler, too.
        executor.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _foreign_slots(executor: Executor, count: int, parser: Parser) -> AsyncIterator[Sequence[Slot]]:
    # Only threads are sure to share the memory of this process. Not `isinstance`: the pool of interpreters in Python
    # 3.14 is a subclass of the pool of threads.
    remote = type(executor) is not ThreadPoolExecutor
    slots = [SharedSlot(executor, parser, remote=remote) for _ in range(count)]
    await slots[0].open()
    yield slots


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Await all ``calls`` to their end, then raise the first error, if there is one."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _pickle_call(function: Callable[..., Any], args: Sequence[Any]) -> bytes:
    return pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)


def _answer(answer: bytes) -> Any:
    succeeded, value = pickle.loads(answer)  # noqa: S301  # made by our own worker
    if not succeeded:
        raise value
    return value


def _pickle_initializer(cpu: Cpu) -> bytes:
    if cpu.initializer is None:
        return b""
    try:
        return pickle.dumps(cpu.initializer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        remedy = "define it with def at the top level of a module"
        text = f"initializer {cpu.initializer!r} cannot be sent to a worker process ({error}); {remedy}"
        raise ConfigurationError(text) from error
