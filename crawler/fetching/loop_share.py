"""A bound on the time that decoding takes in each iteration of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

SECONDS = 0.002
"""Of decoding in an iteration of the loop; arbitrary: ten steps of gzip, and too short to delay network I/O."""

# The first step for newly arrived bytes goes ahead of further steps, so that large bodies do not delay all small pages.
# This has a limit, too: a few bytes of br can make a step of 33 ms, as it fills its window (up to 16 MiB) at once.
_FIRST = 5


class LoopShare:
    """Bounds the time that decoding holds the loop in one iteration, for all bodies of a crawl together.

    Without it, a thousand large bodies would each be decoded by a step before the loop looks at its timers. It belongs
    to one loop.

    Args:
        seconds: Seconds of decoding in an iteration.
        clock: Returns seconds.
    """

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._spent = 0.0
        self._is_renewing = False
        self._is_in_debt = False
        self.iterations = 0

    def __repr__(self) -> str:
        return f"<LoopShare {self._seconds * 1000:g} ms an iteration, waited for {self.iterations} of them>"

    def timed(self, steps: Iterable[bytes]) -> Iterator[bytes]:
        """Run ``steps``, and measure the time of each, even of one that fails."""
        steps = iter(steps)
        while True:
            begun = self._clock()
            try:
                piece = next(steps, None)
            finally:
                self._spend(self._clock() - begun)
            if piece is None:
                return
            yield piece

    async def wait(self, *, is_first: bool = False) -> None:
        """Wait until a step may run, in this or a later iteration; ``is_first``: the first for newly arrived bytes."""
        while self._spent >= (self._seconds * _FIRST if is_first and not self._is_in_debt else self._seconds):
            self.iterations += 1
            await asyncio.sleep(0)

    def _spend(self, seconds: float) -> None:
        self._spent += seconds
        if self._spent >= self._seconds and not self._is_renewing:
            self._is_renewing = True
            asyncio.get_running_loop().call_soon(self._renew)

    def _renew(self) -> None:
        # A very long step is spread over several iterations: a timer needs two, to fire and to wake its task.
        self._spent = max(0.0, self._spent - self._seconds * _FIRST)
        self._is_in_debt = self._is_renewing = self._spent >= self._seconds
        if self._is_in_debt:
            asyncio.get_running_loop().call_soon(self._renew)
