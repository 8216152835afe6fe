"""Long work on the event loop, cut into slices between which other tasks run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SECONDS = 0.005
"""Of an iteration of the loop; arbitrary: network I/O may wait for two such slices without being late."""

_BETWEEN_LOOKS = 20  # steps from one look at the clock to the next; the longest, of a new host, takes 0.1 ms


class Slices:
    """The slices of one piece of work: ask `are_used_up` before each step, and await `pause` where it is so."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin the first slice.

        Args:
            seconds: How long a slice is.
            clock: Returns seconds.
        """
        self._seconds = seconds
        self._clock = clock
        self._steps = 0
        self._ends_at = clock() + seconds

    def __repr__(self) -> str:
        return f"<Slices of {self._seconds * 1000:g} ms>"

    def are_used_up(self) -> bool:
        """Tell whether others have waited long enough; each call counts a step."""
        self._steps += 1
        return not self._steps % _BETWEEN_LOOKS and self._clock() >= self._ends_at

    async def pause(self) -> None:
        """Let others run, and begin the next slice."""
        await asyncio.sleep(0)
        self._ends_at = self._clock() + self._seconds
