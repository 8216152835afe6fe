"""Runs in a worker process: what keeps it from hurting the crawl, and lets its death be explained.

The main process reads from shared memory which page is being worked on, and from a pipe what the worker prints, so a
worker that is gone a microsecond later has still said what killed it.
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
TOLERANCE = 0.05  # of the deadline, by which a page may be stopped late: arming the watchdog takes 30 µs


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """How a worker process is guarded; see `Cpu` for the meanings."""

    niceness: int
    deadline: float | None
    memory_bytes: int | None


class Guard:
    """The guard of this worker process."""

    def __init__(self, options: GuardOptions, output: Connection, progress: Any) -> None:
        """Create a guard that notes in ``progress`` what is worked on.

        That is: the number of the call, the index of its page, when the call began, the time worked before, when the
        page began. Times are in nanoseconds of the monotonic clock, which all processes share. What the watchdog has to
        say goes to ``output``, not to standard error, which a parser may have replaced or closed.
        """
        self._output = output
        self._deadline = options.deadline
        self._progress = progress
        self._armed_at: float | None = None

    @contextmanager
    def call(self, number: int) -> Iterator[None]:
        """Guard one call of the main process."""
        began = time.monotonic_ns()
        # First when the page began: one that began in a call long ago must not seem to be overdue in this one.
        self._progress[4] = began
        self._progress[:3] = number, 0, began
        try:
            yield
        finally:
            self._disarm()
            self._progress[0] = 0
            self._progress[3] += time.monotonic_ns() - began

    def begin(self, index: int) -> None:
        """Note that the page at ``index`` of the batch begins, and has its whole deadline before it."""
        self._progress[1] = index
        self._progress[4] = time.monotonic_ns()
        if self._deadline is None:
            return
        now = time.monotonic()
        # The watchdog is a thread of C that needs no interpreter lock: it ends the process even inside C code that
        # never returns, and says before where that was.
        if self._armed_at is None or now - self._armed_at > self._deadline * TOLERANCE:
            faulthandler.dump_traceback_later(self._deadline * (1 + TOLERANCE), exit=True, file=self._output.fileno())
            self._armed_at = now

    def _disarm(self) -> None:
        if self._armed_at is not None:
            faulthandler.cancel_dump_traceback_later()
            self._armed_at = None


def protect(options: GuardOptions, output: Connection) -> None:
    """Prepare this process to be a worker, whose standard output and error go to ``output``."""
    # Ctrl-C goes to the whole terminal group; the main process decides what it means.
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
    gc.freeze()  # what was imported will not become garbage; collections need not look at it


def _grow_stack() -> None:
    """Have the stack take its memory now: where none is left, it could not grow, and the process would crash.

    What needs a deep stack then is to free nested objects: from 3.12 on as deep as `repr` may go.
    """
    nested: list[object] = []
    for _ in range(_DEEPEST):
        nested = [nested]
    with suppress(RecursionError):
        repr(nested)


def _redirect(output: Connection) -> None:
    """Send what parsers print to the main process, which owns the terminal and, maybe, standard output for items."""
    if sys.stdout is not None:  # as it is in a daemon that has closed it
        sys.stdout.flush()
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    sys.stdout, sys.stderr = (open(fd, "w", buffering=1, errors="replace", closefd=False) for fd in (1, 2))  # noqa: SIM115


def _end_with_parent() -> None:
    """End this process when the main process is gone: a killed parent closes no queue, and workers would wait on."""
    parent = parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        # The kernel kills this process when the other end of that pipe is closed, also while C code holds the
        # interpreter. Not PR_SET_PDEATHSIG: the parent is the fork server, which lives as long as its last worker.
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def resident_bytes() -> int:
    """Return the bytes of memory that this process holds; 0 where that cannot be known."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # a tenth of the time that Path takes
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
