"""The sink behind `Crawler.stream`: a bounded buffer between the crawl and an ``async for``."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Buffer:
    """At most ``size`` items that wait for their consumer; a slow consumer makes `write` wait, and so the crawl."""

    encode = None

    def __init__(self, size: int, *, until_read: bool = False) -> None:
        """Create an empty buffer.

        Args:
            size: Items at most.
            until_read: Whether `write` waits until its items have been read and the reader has come back for more. Only
                then are they safe, if the crawl is to be resumed after a kill.
        """
        self._size = size
        self._until_read = until_read
        self._taken = 0
        self._given = 0
        self._items: deque[Any] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._writers: deque[asyncio.Future[None]] = deque()
        self._ended = False

    def __repr__(self) -> str:
        return f"<Buffer {len(self._items)} of {self._size} items>"

    def __len__(self) -> int:
        return len(self._items)

    async def open(self) -> None:
        """Do nothing."""

    async def write(self, items: list[Any]) -> None:
        """Add ``items``, as many at a time as fit."""
        written = 0
        while written < len(items):
            while len(self._items) >= self._size:
                await _wait_in(self._writers)
            space = self._size - len(self._items)
            self._items.extend(items[written : written + space])
            written += space
            _wake(self._readers)
        self._taken += len(items)
        last = self._taken
        while self._until_read and self._given < last:
            await _wait_in(self._writers)

    async def close(self) -> None:
        """Do nothing; `end` ends the reading."""

    def end(self) -> None:
        """Tell readers that no more items will come."""
        self._ended = True
        _wake(self._readers)

    async def read(self) -> Any:
        """Take the next item.

        Raises:
            StopAsyncIteration: No items are left, and none will come.
        """
        if self._until_read and not self._items:
            self._given = self._taken  # a reader that comes back has processed its previous items
            _wake(self._writers)
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            await _wait_in(self._readers)
        item = self._items.popleft()
        if len(self._items) <= self._size // 2:  # not at each item: one wake-up refills half of the buffer
            _wake(self._writers)
        return item


async def _wait_in(queue: deque[asyncio.Future[None]]) -> None:
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    queue.append(waiting)
    await waiting


def _wake(queue: deque[asyncio.Future[None]]) -> None:
    """Wake all; each checks again whether it can continue."""
    while queue:
        waiting = queue.popleft()
        if not waiting.done():
            waiting.set_result(None)
