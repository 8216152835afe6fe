"""Periodic calls of a function on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Ticker:
    """A context manager that calls ``tick`` every ``interval`` seconds, counted from the end of the call before."""

    def __init__(self, interval: float, tick: Callable[[], None]) -> None:
        self._interval = interval
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Ticker every {self._interval} s>"

    def __enter__(self) -> Self:
        self._schedule()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._on_time)

    def _on_time(self) -> None:
        self._tick()
        if self._timer is not None:  # else the function itself has left the block
            self._schedule()
