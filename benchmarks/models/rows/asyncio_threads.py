"""asyncio, with the arithmetic in threads: as `asyncio_loop`, and what would hold the loop goes to an executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from os import cpu_count
from typing import Any

from benchmarks.models.aio import get
from benchmarks.models.pages import Visit, examine
from benchmarks.models.rows import asyncio_loop


class Model(asyncio_loop.Model):
    """A session and an executor."""

    def executor(self) -> Executor:
        """Make the executor: a thread for each core, as more would only take turns."""
        return ThreadPoolExecutor(cpu_count())

    async def open(self, width: int) -> None:
        """Open both."""
        await super().open(width)
        self.pool, self.loop = self.executor(), asyncio.get_running_loop()

    async def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, a call each."""
        return await asyncio.gather(*(self.loop.run_in_executor(self.pool, function, item) for item in items))

    async def visit(self, url: str) -> Visit:
        """Fetch a page here, and have its work done there."""
        body = await get(self.http, url)
        return await self.loop.run_in_executor(self.pool, examine, url, body)

    async def close(self) -> None:
        """Close both."""
        await super().close()
        self.pool.shutdown()
