"""A worker process, as the main process sees it. Only this module starts workers.

Each worker has a `ProcessPoolExecutor` of its own, so that a death breaks one worker and not all of them.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any

from crawler.errors import ClosedError, WorkerLostError
from crawler.parsing.cpu import Cpu
from crawler.parsing.process_start import explained, start_context, start_process, start_servers
from crawler.parsing.worker import hello, start
from crawler.parsing.worker_guard import TOLERANCE, GuardOptions
from crawler.parsing.worker_output import Output

_WATCHDOG = b"Timeout ("  # the beginning of faulthandler's report of an exceeded deadline
_MARGIN = 1.0  # seconds after the deadline for the worker's own watchdog, which ends it with a traceback
_EXIT_PATIENCE = 1.0  # seconds to wait for the exit status of a dead process


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended.

    Attributes:
        reason: The signal, exit code or exceeded deadline, in words.
        output: The end of its output, including faulthandler's traceback.
        exceeded_deadline: Whether its own watchdog ended it.
        call: The number of the call that it worked on; 0 for none.
        page: The index of the page in that call.
    """

    reason: str
    output: str
    exceeded_deadline: bool
    call: int
    page: int


class WorkerDiedError(Exception):
    """A worker died during a call.

    ``page`` is the index of the page at which it died; ``None`` if it died at another call.
    """

    def __init__(self, worker: WorkerProcess | None, death: Death, page: int | None) -> None:
        super().__init__(death.reason)
        self.worker = worker
        self.death = death
        self.page = page


class WorkerProcess:
    """A worker process with the parser loaded in it."""

    def __init__(self, cpu: Cpu) -> None:
        self.pid = 0
        self.calls = 0
        self._cpu = cpu
        self._death: Death | None = None
        self._examining = asyncio.Lock()
        self._closing = threading.Event()
        start_servers()  # a pool starts the resource tracker when it is made
        context = start_context()
        receiver, self._sender = context.Pipe(duplex=False)
        with explained():
            self._progress: Any = RawArray(ctypes.c_int64, 5)  # as `Guard` fills it
        self._ended_at = 0
        self._is_overdue = False
        self._output = Output(receiver)
        guard = GuardOptions(cpu.niceness, cpu.deadline, cpu.memory_bytes)
        worker = partial(start, guard, self._sender, self._progress)
        with explained():
            self._executor = ProcessPoolExecutor(1, context, worker)
        self._process: BaseProcess | None = None
        self._making = threading.Lock()

    def __repr__(self) -> str:
        return f"<WorkerProcess pid={self.pid} calls={self.calls}>"

    @property
    def busy_seconds(self) -> float:
        """Seconds that it has worked, including the present call, or the one in which it died."""
        call, _, began, worked, _ = map(int, self._progress)
        working = (self._ended_at or time.monotonic_ns()) - began if call else 0
        return max(0, worked + working) / 1e9

    @property
    def progress(self) -> tuple[int, int, float]:
        """The number of the present call, 0 for none; the index of its page; the seconds since that page began."""
        call, index, _, _, began = map(int, self._progress)
        return call, index, max(0, time.monotonic_ns() - began) / 1e9

    @property
    def _seconds_at_page(self) -> float:
        """Seconds from the beginning of the page that it worked on to its end; 0 where it worked on none."""
        call, _, _, _, began = map(int, self._progress)
        return (self._ended_at - began) / 1e9 if call else 0.0

    async def open(self, plan: bytes, initializer: bytes) -> None:
        """Start the process, run the user's initializer, and load the parser.

        Raises:
            ParseError: The process cannot import the parser, or the initializer raised.
            WorkerLostError: The process died at once.
        """
        try:
            self.pid, error = await (await self._start(hello, 0, plan, initializer))
        except BrokenExecutor as broken:
            death = await self._autopsy()
            text = f"a worker process died while it started: {death.reason}"
            raise WorkerLostError(text, death.output) from broken
        except (OSError, EOFError) as broken:  # the fork server is gone, or was killed while it forked
            raise WorkerLostError(f"a worker process could not be started: {broken!r}") from broken
        self._output.worker = f"worker {self.pid}"
        if error is not None:
            raise error

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call ``function(number, *args)`` in the process, with the number of the call, and return its result.

        Raises:
            WorkerDiedError: The process died.
        """
        self.calls += 1
        number = self.calls
        try:
            with self._backstop(number):
                return await self._submit(function, number, *args)
        except BrokenExecutor:
            death = await self._autopsy()
            raise WorkerDiedError(self, death, death.page if death.call == number else None) from None
        except (ClosedError, asyncio.CancelledError):
            raise
        except Exception as error:
            # The code in the worker returns its errors. So its memory is used up, or the result cannot be sent.
            death = self._give_up(f"the worker cannot send its result: {type(error).__name__}: {error}")
            raise WorkerDiedError(self, death, None) from error

    @contextmanager
    def _backstop(self, number: int) -> Iterator[None]:
        """Kill the process from here if its own watchdog does not, because it was stopped or disarmed."""
        deadline, loop = self._cpu.deadline, asyncio.get_running_loop()
        if deadline is None:
            yield
            return

        timer: asyncio.TimerHandle

        def check() -> None:
            nonlocal timer
            call, _, _, _, began = map(int, self._progress)
            if call == number and time.monotonic_ns() - began > (deadline * (1 + TOLERANCE) + _MARGIN) * 1e9:
                self._is_overdue = True
                if self._process is not None:
                    self._process.kill()
            else:
                timer = loop.call_later(deadline, check)

        timer = loop.call_later(deadline + _MARGIN, check)
        try:
            yield
        finally:
            timer.cancel()

    async def close(self) -> None:
        """End the process when it has finished its calls; kill it after the grace time."""
        self._closing.set()
        ended = asyncio.get_running_loop().run_in_executor(None, self._shutdown)
        try:
            await asyncio.wait((ended,), timeout=self._cpu.grace)
        finally:
            # Also if this wait is cancelled: a worker that still computes must not outlive its crawler.
            if not ended.done():
                self.kill()
            self._output.close()
            self._sender.close()
        await ended

    def kill(self) -> None:
        """End the process at once."""
        self._closing.set()
        process = self._process or self._find_process()
        if process is not None:
            process.kill()

    def _shutdown(self) -> None:
        # A process that is being started can neither be ended nor killed. And if two threads shut down one executor at
        # the same time, both close its pipes, and the second one may close reused file descriptors.
        with self._making:
            self._executor.shutdown(wait=True, cancel_futures=True)

    async def _start(self, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Submit the first call, at which the executor starts its process.

        This runs in a thread, because the first of all processes waits 0.2 s for the fork server.
        """
        future = await asyncio.get_running_loop().run_in_executor(None, partial(self._make, function, *args))
        self._sender.close()  # the process has a copy, and the pipe ends when all are closed
        return asyncio.wrap_future(future)

    def _make(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        with self._making:
            if self._closing.is_set():
                raise ClosedError(f"{self!r} is not open")
            future: Future[Any] = start_process(self._executor.submit, function, *args)
            self._process = self._find_process()
            _hide(self._process)
        if self._closing.is_set():  # meanwhile: `close` may have found no process to kill
            self.kill()
        return future

    def _find_process(self) -> BaseProcess | None:
        # Python 3.14 has a public method for this.
        return next(iter((self._executor._processes or {}).values()), None)  # noqa: SLF001

    def _submit(self, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        if self._closing.is_set() or self._process is None:
            raise ClosedError(f"{self!r} is not open")
        return asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    async def _autopsy(self) -> Death:
        """Find out how the process died, from its exit status, its progress and the end of its output."""
        async with self._examining:  # several calls in flight may need this
            if self._death is None:
                exitcode = await asyncio.to_thread(self._exit_status)
                self._death = self._examine(exitcode)
        return self._death

    def _give_up(self, reason: str) -> Death:
        if self._death is None:
            self._death = Death(reason, output="", exceeded_deadline=False, call=0, page=0)
        if self._process is not None:
            self._process.kill()
        return self._death

    def _examine(self, exitcode: int | None) -> Death:
        self._output.drain()
        tail = self._output.tail
        self._ended_at = time.monotonic_ns()
        # What else the parser has started may have flooded the output after the watchdog's report.
        has_report = _WATCHDOG in tail or self._seconds_at_page >= (self._cpu.deadline or float("inf"))
        exceeded = self._is_overdue or (exitcode == 1 and has_report)
        call, page = self._progress[:2]
        return Death(_in_words(exitcode, self._cpu, exceeded), tail.decode("utf-8", "replace"), exceeded, call, page)

    def _exit_status(self) -> int | None:
        if self._process is None:
            return None
        # The executor's own thread must be done with the process first: if two threads ask for the status of a process
        # at the same time, both may miss it.
        self._shutdown()
        self._process.join(_EXIT_PATIENCE)
        return self._process.exitcode


def _hide(process: BaseProcess | None) -> None:
    """Hide ``process`` from multiprocessing, which looks for ended processes whenever it starts another one.

    A fork server tells the exit status of a process only once. If two threads ask at the same time, one gets it, and
    the other records 255 for both (seen with CPython 3.11). The executor asks, and no one else needs to.
    """
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]  # noqa: SLF001


def _in_words(exitcode: int | None, cpu: Cpu, exceeded_deadline: bool) -> str:
    if exceeded_deadline:
        return f"it took longer than the deadline of {cpu.deadline:g} s"
    if exitcode is None:
        return "the process is gone"
    if exitcode >= 0:
        return f"the process ended itself with exit code {exitcode}"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    return f"the process was ended by {name}"
