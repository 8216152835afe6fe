"""What `Crawler.stream` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from crawler.sinks.stream import Buffer


class ItemStream:
    """The items of a running crawl, as an asynchronous iterator; ``async with`` ends the crawl when the block ends."""

    def __init__(self, buffer: Buffer, running: asyncio.Task[None]) -> None:
        self._buffer = buffer
        self._running = running

    def __repr__(self) -> str:
        return f"<ItemStream {self._buffer!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> Any:
        try:
            return await self._buffer.read()
        except StopAsyncIteration:
            await asyncio.wait((self._running,))
            if not self._running.cancelled():
                self._running.result()
            raise

    async def aclose(self) -> None:
        """End the crawl at once; what was in flight stays pending."""
        self._running.cancel()
        await asyncio.wait((self._running,))
        self._buffer.end()  # which a task that was cancelled before it began did not do


async def run_into(buffer: Buffer, crawl: Callable[[], Awaitable[None]]) -> None:
    """Await ``crawl()``, which fills ``buffer``, and end the buffer when it is over."""
    try:
        await crawl()
    finally:
        buffer.end()
