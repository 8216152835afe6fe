"""An event loop that knows when all has run that can run without anything from outside."""

from __future__ import annotations

import asyncio
from typing import Any


class QuietLoop(asyncio.SelectorEventLoop):
    """Counts what is scheduled; tests marked ``quiet_loop`` run on it."""

    _calls = 0

    def call_soon(self, *args: Any, **options: Any) -> asyncio.Handle:  # type: ignore[override]  # the same
        self._calls += 1
        return super().call_soon(*args, **options)

    async def until_quiet(self) -> None:
        calls = -1
        while self._calls != calls + 1:  # since we looked last, something else was scheduled than ourselves
            calls = self._calls
            await asyncio.sleep(0)


async def quiet() -> None:
    """Let everything run that can run without anything from outside."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, QuietLoop)
    await loop.until_quiet()
