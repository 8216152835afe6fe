"""Room for pages, in bytes: who has none waits for its turn."""

from __future__ import annotations

import asyncio
from collections import deque


class ByteSemaphore:
    """A bound on bytes that are held at once. First come, first served."""

    def __init__(self, most: int) -> None:
        """Create room for ``most`` bytes; what is larger still has room when it is alone."""
        self.held = 0
        self._most = most
        self._blocked: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"<ByteSemaphore {self.held} of {self._most} bytes held, {self.blocked} wait>"

    @property
    def blocked(self) -> int:
        """How many wait for room."""
        return len(self._blocked)

    def take_now(self, size: int) -> bool:
        """Hold ``size`` bytes if there is room for them, and nobody waits for some; tell whether."""
        if self._blocked or not self._has(size):
            return False
        self.held += size
        return True

    async def take(self, size: int) -> None:
        """Hold ``size`` bytes, as soon as there is room for them."""
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
        """Hold ``size`` bytes no longer, and let those in who wait for as much."""
        self.held -= size
        while self._blocked and (self._blocked[0][1].done() or self._has(self._blocked[0][0])):
            wanted, granted = self._blocked.popleft()
            if not granted.done():
                self.held += wanted
                granted.set_result(None)

    def _has(self, size: int) -> bool:
        return not self.held or self.held + size <= self._most
