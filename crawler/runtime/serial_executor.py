"""An executor that runs calls in threads, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class SerialExecutor:
    """Runs functions in threads, one after the other.

    A cancelled call continues in its thread, as nothing can stop it; the next call waits for its end.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._last: asyncio.Future[Any] | None = None

    async def run(self, function: Callable[..., Result], *args: object) -> Result:
        """Return ``function(*args)``."""
        async with self._lock:
            if self._last is not None:
                await asyncio.wait((self._last,))
            calling = asyncio.ensure_future(asyncio.to_thread(function, *args))
            self._last = calling
            return await asyncio.shield(calling)
