"""How late things run: a task, a thread or a greenlet that wants to wake every twenty milliseconds."""

from __future__ import annotations

import asyncio
import threading
import time

_EVERY = 0.02  # seconds; each waking takes time from the row, about 0.1 ms of it


class Lag:
    """Notes by how many seconds each waking was late. Its thread is a greenlet where a monkey patch says so."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._is_over = False

    async def watch_loop(self) -> None:
        """Watch the running event loop until cancelled."""
        while True:
            due = time.perf_counter() + _EVERY
            await asyncio.sleep(_EVERY)
            self.seconds.append(time.perf_counter() - due)

    def watch_threads(self) -> None:
        """Watch until `stop`."""
        while not self._is_over:
            due = time.perf_counter() + _EVERY
            time.sleep(_EVERY)
            self.seconds.append(time.perf_counter() - due)

    def start(self) -> threading.Thread:
        """Watch from another thread."""
        thread = threading.Thread(target=self.watch_threads)
        thread.start()
        return thread

    def stop(self) -> None:
        """Have the other thread end."""
        self._is_over = True

    def at(self, share: float) -> float:
        """Return the lag in seconds that ``share`` of the wakings did not exceed; 0 where there was none."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
