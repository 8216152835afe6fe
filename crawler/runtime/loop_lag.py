"""The lag of the event loop: how late it runs its timers. A callback runs at each measurement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crawler.runtime.histogram import Histogram

_LATE = 0.001  # seconds of average lag; arbitrary, about what an idle machine shows
_WEIGHT = 0.4  # weight of the latest measurement in the average; arbitrary
INTERVAL = 0.025  # seconds; short compared with any lag that matters, and 40 timers a second take only 4 ms


class LoopLag:
    """Measures, while it is entered, how much later than planned a timer runs: the loop served nobody in that time."""

    def __init__(self, measured: Callable[[], None]) -> None:
        """Create a meter that calls ``measured`` after each measurement, about forty times a second."""
        self.lag = Histogram()
        self._measured = measured
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._recent = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the loop has recently had more work than time."""
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
        # Not the loop's own clock: uvloop's does not advance during an iteration, and so would hide the lag.
        self._due = time.perf_counter() + INTERVAL
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._on_time)

    def _on_time(self) -> None:
        lag = max(0.0, time.perf_counter() - self._due)
        self._recent += (lag - self._recent) * _WEIGHT
        self.lag.add(lag)
        self._measured()
        self._schedule()
