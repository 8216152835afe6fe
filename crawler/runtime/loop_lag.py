"""The lag of the event loop: how late it runs its timers. A callback runs at each measurement."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crawler.runtime.histogram import Histogram
from crawler.runtime.ticker import Ticker

_LATE = 0.001  # seconds of average lag; arbitrary, about what an idle machine shows
_WEIGHT = 0.4  # weight of the latest measurement in the average; arbitrary
INTERVAL = 0.025  # seconds; short compared with any lag that matters, and 40 timers a second take only 4 ms


class LoopLag:
    """Measures, while it is entered, how much later than planned a timer runs: the loop served nobody in that time."""

    def __init__(self, look: Callable[[], None], now: Callable[[], float] = time.perf_counter) -> None:
        """Create a measurement that also calls ``look``, about forty times a second; ``now`` tells the seconds.

        That is not the loop's own clock: uvloop's does not advance during an iteration, and so would hide the lag.
        """
        self.lag = Histogram()
        self._now = now
        self._look = look
        self._ticker = Ticker(INTERVAL, self._measure)
        self._due = 0.0
        self._recent = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the loop has recently had more work than time."""
        return self._recent > _LATE

    def __repr__(self) -> str:
        return f"<LoopLag lag={self.lag!r}>"

    def __enter__(self) -> Self:
        self._expect()
        self._ticker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ticker.__exit__(kind, error, traceback)

    def _expect(self) -> None:
        self._due = self._now() + INTERVAL

    def _measure(self) -> None:
        lag = max(0.0, self._now() - self._due)
        self._recent += (lag - self._recent) * _WEIGHT
        self.lag.add(lag)
        self._look()
        self._expect()  # last, as the ticker sets its timer next
