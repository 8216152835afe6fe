"""The options of the CPU stage."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, get_args

from crawler.errors import ConfigurationError
from crawler.policy.checks import at_least, whole

_MOST_WORKERS = 1024  # arbitrary; a number with one digit too many would fill the memory before it failed

ExecutorKind = Literal["process", "thread", "inline"]


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Cpu:
    """Where parsers run, and how pages are handed to them.

    Attributes:
        executor: ``"process"`` (worker processes), ``"thread"`` (one interpreter: for parsers that release the GIL),
            ``"inline"`` (on the event loop: for debugging and comparison), or any `concurrent.futures.Executor`, which
            the crawler does not shut down.
        workers: The number of workers; by default one for each core.
        batch_pages: Pages in a batch at most.
        batch_bytes: Bytes of bodies in a batch at most. A single larger page is a batch of its own.
        batch_seconds: Seconds of work in a batch, estimated from recent pages.
        max_waiting_bytes: Bytes of bodies that may wait for a worker, or for their items to be written. Beyond that,
            fetching pauses.
        niceness: The POSIX niceness of worker processes, 0 to 19, above that of the event loop. It keeps the latency of
            the loop low on a busy machine.
        preload: Modules that are imported once and shared by all workers, if these are forked from a server: name those
            that your parser needs and that take long to import. They must start no threads.
        initializer: Called once in each worker before its first page; a function at the top level of a module, or a
            `functools.partial` of one. Open database connections and log files there: workers do not share those of the
            main process.
        deadline: Seconds that a page may take. Then its worker is killed, even inside C code that never returns, and
            the page goes to quarantine. ``None`` for no limit.
        memory_bytes: Bytes of address space that a worker may have (POSIX). A page that needs more goes to quarantine.
            ``None`` for no limit, which libraries need that reserve much (some for machine learning).
        recycle_pages: Pages after which a worker is replaced, for parsers that leak memory; ``None`` for never.
        recycle_bytes: Bytes of resident memory above which a worker is replaced; ``None`` for never.
        quarantine: Folder for the bodies of quarantined pages, made when there is one; ``None`` saves none.
        grace: Seconds that workers have to end when the crawler closes; then they are killed.
    """

    executor: ExecutorKind | Executor = "process"
    workers: int = field(default_factory=available_cores)
    batch_pages: int = 256
    batch_bytes: int = 2 * 2**20
    batch_seconds: float = 0.1
    max_waiting_bytes: int = 64 * 2**20
    niceness: int = 10
    preload: tuple[str, ...] = ()
    initializer: Callable[[], object] | None = None
    deadline: float | None = 30.0
    memory_bytes: int | None = 2 * 2**30
    recycle_pages: int | None = None
    recycle_bytes: int | None = None
    quarantine: str | os.PathLike[str] | None = "quarantine"
    grace: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.executor, Executor) and self.executor not in get_args(ExecutorKind):
            kinds = ", ".join(repr(kind) for kind in get_args(ExecutorKind))
            raise ConfigurationError.of("executor", self.executor, f"{kinds} or a concurrent.futures.Executor")
        whole("workers", self.workers, 1, unit="workers")
        if self.workers > _MOST_WORKERS:
            raise ConfigurationError.of("workers", self.workers, f"at most {_MOST_WORKERS}")
        whole("batch_pages", self.batch_pages, 1, unit="pages")
        whole("batch_bytes", self.batch_bytes, 1, unit="bytes")
        at_least("batch_seconds", self.batch_seconds, 0, unit="seconds")
        whole("max_waiting_bytes", self.max_waiting_bytes, 1, unit="bytes")
        whole("niceness", self.niceness, 0)
        at_least("deadline", self.deadline, 0.01, unit="seconds", optional=True)
        whole("memory_bytes", self.memory_bytes, 2**27, unit="bytes", optional=True)
        whole("recycle_pages", self.recycle_pages, 1, unit="pages", optional=True)
        whole("recycle_bytes", self.recycle_bytes, 2**20, unit="bytes", optional=True)
        at_least("grace", self.grace, 0, unit="seconds")
