"""A process that has an event loop of its own: the other half of `rows.loops_in_processes`."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from benchmarks.models.rows import asyncio_loop


def work(pipe: Any, width: int) -> None:
    """Do the jobs that come through the ``pipe``, until this process is terminated."""
    model = asyncio_loop.Model()

    async def serve(name: str, *arguments: Any) -> None:
        pipe.send(await getattr(model, name)(*arguments))

    async def main() -> None:
        await model.open(width)
        async with asyncio.TaskGroup() as group:
            loop = asyncio.get_running_loop()
            loop.add_reader(pipe.fileno(), lambda: group.create_task(serve(*pipe.recv())))
            await loop.create_future()

    uvloop.run(main())
