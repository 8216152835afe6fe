"""What `Crawler.stream` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from weakref import ref

from crawler.sinks.buffer import Buffer


class StreamedCrawl:
    """A crawl whose items go into a buffer. It lives on where whoever reads them has left their loop."""

    def __init__(self, buffer: Buffer, running: asyncio.Task[None]) -> None:
        self.buffer = buffer
        self._running = running
        self._is_delivered = False
        self._stream: ref[ItemStream] | None = None

    def __repr__(self) -> str:
        return f"<StreamedCrawl {self.buffer!r}>"

    def items(self) -> ItemStream:
        """Return the iterator of its items, to be asked for once."""
        stream = ItemStream(self)
        self._stream = ref(stream)
        return stream

    @property
    def is_running(self) -> bool:
        """Whether the crawl goes on."""
        return not self._running.done()

    @property
    def is_left(self) -> bool:
        """Whether nobody has its iterator any more, so that nobody will read its items."""
        return self._stream is not None and self._stream() is None

    async def end(self) -> None:
        """End the crawl at once; what was in flight stays pending."""
        self._running.cancel()
        await self.ended()
        self.buffer.end()  # which a task that was cancelled before it began did not do

    async def ended(self) -> None:
        """Wait for the end of the crawl."""
        await asyncio.wait((self._running,))

    def raise_undelivered(self) -> None:
        """Raise the error that ended the crawl, if one did and nobody has had it yet."""
        if self._running.cancelled() or self._is_delivered:
            return
        self._is_delivered = True
        self._running.result()


class ItemStream:
    """The items of a running crawl, as an asynchronous iterator; ``async with`` ends the crawl when the block ends."""

    def __init__(self, crawl: StreamedCrawl) -> None:
        self._crawl = crawl

    def __repr__(self) -> str:
        return f"<ItemStream {self._crawl.buffer!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
        if error is None:
            self._crawl.raise_undelivered()

    @property
    def is_running(self) -> bool:
        """Whether the crawl goes on."""
        return self._crawl.is_running

    async def __anext__(self) -> Any:
        try:
            return await self._crawl.buffer.read()
        except StopAsyncIteration:
            await self._crawl.ended()
            self._crawl.raise_undelivered()
            raise

    async def aclose(self) -> None:
        """End the crawl at once; what was in flight stays pending."""
        await self._crawl.end()

    def raise_undelivered(self) -> None:
        """Raise the error that ended the crawl, if one did and nobody has had it yet."""
        self._crawl.raise_undelivered()


async def run_into(buffer: Buffer, crawl: Callable[[], Awaitable[None]], former: StreamedCrawl | None = None) -> None:
    """Await ``crawl()``, which fills ``buffer``, and end the buffer when it is over; end a ``former`` crawl before."""
    try:
        if former is not None:
            ending = asyncio.ensure_future(former.end())
            try:
                await asyncio.shield(ending)
            finally:  # also where this is cancelled: two crawls must not write into the same outputs
                await ending
        await crawl()
    finally:
        buffer.end()
