"""Clocks for tests: time passes when the test says so."""

from __future__ import annotations


class ManualClock:
    """A `Clock` whose values are attributes."""

    def __init__(self) -> None:
        self.seconds = self.thread = self.process = 0.0

    def now(self) -> float:
        return self.seconds

    def thread_seconds(self) -> float:
        return self.thread

    def process_seconds(self) -> float:
        return self.process

    def run(self, seconds: float, *, thread: float = 0.0, process: float | None = None) -> None:
        """Let time pass, in which the thread and its process use shares of a core."""
        self.seconds += seconds
        self.thread += seconds * thread
        self.process += seconds * (thread if process is None else process)
