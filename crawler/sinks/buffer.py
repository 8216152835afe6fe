"""The sink behind `Crawler.stream`: a bounded buffer between the crawl and an ``async for``."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Buffer:
    """Items that wait for their consumer, at most ``size``; a slow consumer makes `write` wait, and so the crawl."""

    encode = None

    def __init__(self, size: int, *, until_read: bool = False) -> None:
        """Create an empty buffer.

        Args:
            size: Items at most.
            until_read: Whether `write` waits until its items were read, and the reader has come back for more: only
                then are they safe, where the crawl is to go on after a kill.
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
        """Add ``items``, as many at a time as there is room for."""
        written = 0
        while written < len(items):
            while len(self._items) >= self._size:
                await _wait_in(self._writers)
            room = self._size - len(self._items)
            self._items.extend(items[written : written + room])
            written += room
            _wake(self._readers)
        self._taken += len(items)
        last = self._taken
        while self._until_read and self._given < last:
            await _wait_in(self._writers)

    async def close(self) -> None:
        """Do nothing; `end` ends the reading."""

    def end(self) -> None:
        """Let readers know that nothing more will come."""
        self._ended = True
        _wake(self._readers)

    async def read(self) -> Any:
        """Take the next item.

        Raises:
            StopAsyncIteration: There is none left, and none will come.
        """
        if self._until_read and not self._items:
            self._given = self._taken  # whoever comes back has done with what he was given before
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
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    queue.append(turn)
    await turn


def _wake(queue: deque[asyncio.Future[None]]) -> None:
    """Wake all: each looks again whether it can go on."""
    while queue:
        turn = queue.popleft()
        if not turn.done():
            turn.set_result(None)
