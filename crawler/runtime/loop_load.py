"""How much of a core the event loop uses: where that is all of it, the loop itself is the bottleneck."""

from __future__ import annotations

from crawler.runtime.clock import SYSTEM_CLOCK, Clock

_INTERVAL = 0.25  # seconds that a measurement takes; arbitrary, ten looks of the loop's lag
_BUSY_THREAD = 0.8  # share of a core that the loop's thread uses when it is saturated; arbitrary
_BUSY_PROCESS = 0.95  # the same for all threads of the process, which share one interpreter lock; arbitrary


class LoopLoad:
    """Measures the CPU time of the loop's thread and of its process; `look` at it regularly on that thread."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._since = clock.now()
        self._thread = clock.thread_seconds()
        self._process = clock.process_seconds()
        self.thread_share = 0.0
        self.process_share = 0.0

    def __repr__(self) -> str:
        return f"<LoopLoad thread {self.thread_share:.0%}, process {self.process_share:.0%} of a core>"

    def look(self) -> None:
        """Take a new measurement where the last one is long enough ago."""
        now = self._clock.now()
        seconds = now - self._since
        if seconds < _INTERVAL:
            return
        thread, process = self._clock.thread_seconds(), self._clock.process_seconds()
        self.thread_share = (thread - self._thread) / seconds
        self.process_share = (process - self._process) / seconds
        self._since, self._thread, self._process = now, thread, process

    def is_saturated(self, *, is_late: bool) -> bool:
        """Tell whether the loop had no time left in the last measurement.

        Args:
            is_late: Whether the loop runs its timers late. Other threads of the process may hold the interpreter lock,
                in C as well as in Python: then the process uses a whole core, and its loop is late.
        """
        return self.thread_share >= _BUSY_THREAD or (is_late and self.process_share >= _BUSY_PROCESS)
