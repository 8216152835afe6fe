"""A semaphore that counts bytes: it bounds the memory that waiting pages take."""

from __future__ import annotations

import asyncio
from collections import deque


class ByteSemaphore:
    """A bound on the bytes that are held at once. First come, first served."""

    def __init__(self, most: int) -> None:
        """Create a semaphore of ``most`` bytes. A larger request is granted when nothing else is held."""
        self.held = 0
        self._most = most
        self._blocked: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"<ByteSemaphore {self.held} of {self._most} bytes held, {self.blocked} wait>"

    @property
    def blocked(self) -> int:
        """How many tasks wait for bytes."""
        return len(self._blocked)

    def take_now(self, size: int) -> bool:
        """Take ``size`` bytes if they are free and no task waits for some; tell whether they were taken."""
        if self._blocked or not self._has_free(size):
            return False
        self.held += size
        return True

    async def take(self, size: int) -> None:
        """Wait until ``size`` bytes are free, and take them."""
        if self.take_now(size):
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._blocked.append((size, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.free(size)
            raise

    def free(self, size: int) -> None:
        """Give back ``size`` bytes, and wake the first of the tasks that wait, as far as their bytes are free."""
        self.held -= size
        while self._blocked and (self._blocked[0][1].done() or self._has_free(self._blocked[0][0])):
            wanted, granted = self._blocked.popleft()
            if not granted.done():
                self.held += wanted
                granted.set_result(None)

    def _has_free(self, size: int) -> bool:
        return not self.held or self.held + size <= self._most
