"""The guard in a worker process: it limits the damage that a page can do, and records what explains a death.

The main process reads from shared memory which page the worker is at, and from a pipe what it prints. So even a worker
that dies a microsecond later has told what killed it.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

if sys.platform != "win32":
    import fcntl
    import resource

_DEEPEST = 20_000  # calls in C; above Py_C_RECURSION_LIMIT of 3.12 and 3.13
TOLERANCE = 0.05  # of the deadline, by which a page may be late: arming the watchdog for each page would take 30 µs


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """The limits of a worker process; for their meanings, see `Cpu`."""

    niceness: int
    deadline: float | None
    memory_bytes: int | None


class Guard:
    """Records the progress of this worker process, and ends it at the deadline of a page."""

    def __init__(self, options: GuardOptions, output: Connection, progress: Any) -> None:
        """Create a guard.

        Args:
            options: The limits.
            output: Gets the traceback at a deadline. A parser may have replaced or closed standard error.
            progress: Shared memory for five numbers: the number of the call, the index of its page, when the call
                began, the time worked before, and when the page began. Times are in nanoseconds of the monotonic clock,
                which is the same in all processes.
        """
        self._output = output
        self._deadline = options.deadline
        self._progress = progress
        self._armed_at: float | None = None

    @contextmanager
    def call(self, number: int) -> Iterator[None]:
        """Guard one call of the main process."""
        began = time.monotonic_ns()
        # The time of the page comes first: the old one, of an earlier call, must not seem to be overdue in this call.
        self._progress[4] = began
        self._progress[:3] = number, 0, began
        try:
            yield
        finally:
            self._disarm()
            self._progress[0] = 0
            self._progress[3] += time.monotonic_ns() - began

    def begin(self, index: int) -> None:
        """Record that the page at ``index`` of the batch begins, and start its deadline."""
        self._progress[1] = index
        self._progress[4] = time.monotonic_ns()
        if self._deadline is None:
            return
        now = time.monotonic()
        # The watchdog is a thread in C that needs no interpreter lock. So it prints the traceback and ends the process
        # even inside C code that never returns.
        if self._armed_at is None or now - self._armed_at > self._deadline * TOLERANCE:
            faulthandler.dump_traceback_later(self._deadline * (1 + TOLERANCE), exit=True, file=self._output.fileno())
            self._armed_at = now

    def _disarm(self) -> None:
        if self._armed_at is not None:
            faulthandler.cancel_dump_traceback_later()
            self._armed_at = None


def protect(options: GuardOptions, output: Connection) -> None:
    """Prepare this process to be a worker, and send its standard output and error to ``output``."""
    # Ctrl-C goes to all processes of the terminal; the main process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # not on Windows; blocked while it was started, see `WorkerProcess`
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with_parent()
    _redirect(output)
    faulthandler.enable(output.fileno())
    if hasattr(os, "nice"):  # not on Windows
        os.nice(options.niceness)
    if options.memory_bytes is not None and sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = options.memory_bytes if hard == resource.RLIM_INFINITY else min(options.memory_bytes, hard)
        _grow_stack()
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    gc.freeze()  # imported modules never become garbage: collections can skip them


def _grow_stack() -> None:
    """Grow the stack now: later, without free memory, it could not grow, and the process would crash.

    Freeing nested objects needs a deep stack: from Python 3.12 on as deep as that of `repr`.
    """
    nested: list[object] = []
    for _ in range(_DEEPEST):
        nested = [nested]
    with suppress(RecursionError):
        repr(nested)


def _redirect(output: Connection) -> None:
    """Send the prints of parsers to the main process: the terminal is its own, and standard output may be for items."""
    if sys.stdout is not None:  # in a daemon it may be closed, and so None
        sys.stdout.flush()
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    sys.stdout, sys.stderr = (open(fd, "w", buffering=1, errors="replace", closefd=False) for fd in (1, 2))  # noqa: SIM115


def _end_with_parent() -> None:
    """End this process when the main process is gone. A killed one closes no queue, and workers would wait for ever."""
    parent = parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        # The kernel kills this process when the other end of the pipe is closed, even while C code holds the
        # interpreter lock. Not PR_SET_PDEATHSIG: the parent is the fork server, which lives as long as its last worker.
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def resident_bytes() -> int:
    """Return the bytes of memory that this process holds; 0 if that is unknown."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # a tenth of the time that Path takes
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
