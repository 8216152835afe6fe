"""The clock of a crawl: whoever must know the time asks it, so that a simulation can bring one of its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What a crawl asks for the time. All values are seconds; only differences between two of a kind mean something."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def thread_seconds(self) -> float:
        """Return the CPU seconds that the calling thread has used."""
        ...

    def process_seconds(self) -> float:
        """Return the CPU seconds that this process has used, all its threads together."""
        ...


class SystemClock:
    """The clock of the operating system."""

    __slots__ = ()
    now = staticmethod(time.monotonic)
    thread_seconds = staticmethod(time.thread_time)
    process_seconds = staticmethod(time.process_time)

    def __repr__(self) -> str:
        return "<SystemClock>"


SYSTEM_CLOCK: Clock = SystemClock()
