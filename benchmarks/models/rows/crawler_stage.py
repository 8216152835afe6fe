"""The crawler's CPU stage by itself: what handing a page to the workers and back costs, without a fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from crawler import Cpu, Page
from crawler.parsing.stage import open_stage


def number_of(page: Page) -> int:
    """Return the number that the address of a page ends in."""
    return int(page.url.rpartition("/")[2])


class Model:
    """The stage, with a parser that does nothing."""

    async def open(self, width: int) -> None:  # noqa: ARG002  # workers are as many as cores
        """Open it."""
        self.resources = AsyncExitStack()
        self.stage = await self.resources.enter_async_context(open_stage(Cpu(), number_of))

    async def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:  # noqa: ARG002
        """Return the number of a page for each of ``items``."""
        answers: list[Any] = []
        done = asyncio.Event()

        async def settle(results: Sequence[tuple[Page, Any]]) -> None:
            for _, parsed in results:
                answers.extend(parsed.items_for(0))
            if len(answers) >= len(items):
                done.set()

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self.stage.run((None,), settle))
            await asyncio.sleep(0)
            for item in items:
                await self.stage.put(Page(f"http://127.0.0.1/{item}", b"", headers=(("Content-Type", "text/html"),)))
            await done.wait()
            serving.cancel()
        return answers

    async def close(self) -> None:
        """Close it."""
        await self.resources.aclose()
