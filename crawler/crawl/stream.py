"""What `Crawler.stream` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from crawler.sinks.buffer import Buffer


class ItemStream:
    """The items of a running crawl, as an asynchronous iterator; ``async with`` ends the crawl when the block ends."""

    def __init__(self, buffer: Buffer, running: asyncio.Task[None]) -> None:
        self._buffer = buffer
        self._running = running
        self._is_delivered = False

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
        if error is None:
            self.raise_undelivered()

    @property
    def is_running(self) -> bool:
        """Whether the crawl goes on."""
        return not self._running.done()

    async def __anext__(self) -> Any:
        try:
            return await self._buffer.read()
        except StopAsyncIteration:
            await asyncio.wait((self._running,))
            self.raise_undelivered()
            raise

    async def aclose(self) -> None:
        """End the crawl at once; what was in flight stays pending."""
        self._running.cancel()
        await asyncio.wait((self._running,))
        self._buffer.end()  # which a task that was cancelled before it began did not do

    def raise_undelivered(self) -> None:
        """Raise the error that ended the crawl, if one did and nobody has had it yet."""
        if self._running.cancelled() or self._is_delivered:
            return
        self._is_delivered = True
        self._running.result()


async def run_into(buffer: Buffer, crawl: Callable[[], Awaitable[None]]) -> None:
    """Await ``crawl()``, which fills ``buffer``, and end the buffer when it is over."""
    try:
        await crawl()
    finally:
        buffer.end()
