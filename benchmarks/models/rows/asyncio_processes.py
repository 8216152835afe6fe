"""asyncio, with the arithmetic in processes, a call a page: as `asyncio_threads` with another executor."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor
from os import cpu_count

from benchmarks.models.rows import asyncio_threads


class Model(asyncio_threads.Model):
    """A session and an executor."""

    def executor(self) -> Executor:
        """Make the executor: a process for each core."""
        return ProcessPoolExecutor(cpu_count())
