"""A gate through which many pass at once, or one alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SharedLock:
    """Readers and writers, by other names: `shared` for the many, `alone` for the one; first come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._passing = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def __repr__(self) -> str:
        return f"<SharedLock {self._passing} passing{', closed' if self._lock.locked() else ''}>"

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Pass beside others, but not beside one that is alone."""
        async with self._lock:
            self._passing += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._passing -= 1
            if not self._passing:
                self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nobody passes, and let nobody pass until the block ends."""
        async with self._lock:
            await self._empty.wait()
            yield
