"""A lock for asyncio that many tasks share, or one holds alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SharedLock:
    """A readers-writer lock: readers use `shared`, a writer uses `alone`. First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._sharing = 0
        self._unshared = asyncio.Event()
        self._unshared.set()

    def __repr__(self) -> str:
        return f"<SharedLock shared by {self._sharing}{', locked' if self._lock.locked() else ''}>"

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Hold the lock together with others, but not while one holds it alone."""
        async with self._lock:
            self._sharing += 1
            self._unshared.clear()
        try:
            yield
        finally:
            self._sharing -= 1
            if not self._sharing:
                self._unshared.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until no one else holds the lock, and hold it alone until the block ends."""
        async with self._lock:
            await self._unshared.wait()
            yield
