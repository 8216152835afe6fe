"""The loop's pulse: how late it runs its timers, and a look at the crawl at each beat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crawler.runtime.histogram import Histogram

_LATE = 0.001  # seconds, on the average of the last beats; arbitrary, about what an idle machine shows
_WEIGHT = 0.4  # of the last beat in that average; arbitrary
INTERVAL = 0.025  # seconds; short beside a lag that anyone would mind, and to wake 40 times a second costs 4 ms of it


class LoopLag:
    """Beats while it is entered. The lag is by how much a beat was late: time in which the loop served nobody."""

    def __init__(self, beat: Callable[[], None]) -> None:
        """Create a pulse that calls ``beat`` about forty times a second."""
        self.lag = Histogram()
        self._beat = beat
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._recent = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the loop has had more to do of late than it had time for."""
        return self._recent > _LATE

    def __repr__(self) -> str:
        return f"<LoopLag lag={self.lag!r}>"

    def __enter__(self) -> Self:
        self._schedule()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        # Not the loop's own clock: uvloop's stands still during an iteration, and so would hide what is sought.
        self._due = time.perf_counter() + INTERVAL
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._on_time)

    def _on_time(self) -> None:
        lag = max(0.0, time.perf_counter() - self._due)
        self._recent += (lag - self._recent) * _WEIGHT
        self.lag.add(lag)
        self._beat()
        self._schedule()
