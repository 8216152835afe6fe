"""What a thread opens for a coroutine: it is closed where nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Opened = TypeVar("Opened")


async def open_in_thread(opener: Callable[[], Opened], close: Callable[[Opened], object]) -> Opened:
    """Return ``opener()``, called in a thread.

    A cancelled caller waits until the thread is done, and what that has opened is closed, in a thread, too: nothing can
    stop the thread, and a lock that it takes would be held for the life of the process.
    """
    opening = asyncio.ensure_future(asyncio.to_thread(opener))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        if not opening.cancelled():
            await _ended(asyncio.ensure_future(_close(opening, close)))
        raise


async def _close(opening: asyncio.Future[Opened], close: Callable[[Opened], object]) -> None:
    await asyncio.wait((opening,))
    if not opening.cancelled() and opening.exception() is None:
        await asyncio.to_thread(close, opening.result())


async def _ended(closing: asyncio.Task[None]) -> None:
    """Wait for the end of a task, however often the caller is cancelled."""
    while not closing.done():
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            continue
