"""The share of the event loop that decoding takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

SECONDS = 0.002
"""Of decoding in a turn of the loop; arbitrary: ten steps of gzip, and not felt by who waits for the network."""

# The first step on what has arrived goes ahead of further steps, so that large bodies do not hold up all small pages.
# Not without limit: a few bytes of br can make a step of 33 ms, as it fills its window (up to 16 MiB) in one go.
_FIRST = 5


class LoopShare:
    """Bounds the time that decoding holds the loop in one of its turns, for all bodies of a crawl together.

    Without it, a step of each of a thousand large bodies would be done before a timer is looked at. It belongs to one
    loop.

    Args:
        seconds: Of decoding in a turn.
        clock: Tells the seconds.
    """

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._spent = 0.0
        self._is_renewing = False
        self._is_in_debt = False
        self.turns = 0

    def __repr__(self) -> str:
        return f"<LoopShare {self._seconds * 1000:g} ms a turn, waited for {self.turns} turns>"

    def timed(self, steps: Iterable[bytes]) -> Iterator[bytes]:
        """Do ``steps``, and take the time of each, also of one that fails."""
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
        """Wait until a step may be done, at once or in a later turn; ``is_first``: the first on what has arrived."""
        while self._spent >= (self._seconds * _FIRST if is_first and not self._is_in_debt else self._seconds):
            self.turns += 1
            await asyncio.sleep(0)

    def _spend(self, seconds: float) -> None:
        self._spent += seconds
        if self._spent >= self._seconds and not self._is_renewing:
            self._is_renewing = True
            asyncio.get_running_loop().call_soon(self._renew)

    def _renew(self) -> None:
        # A step that took very long is paid for in several turns: a timer needs two, to fire and to wake who waits.
        self._spent = max(0.0, self._spent - self._seconds * _FIRST)
        self._is_in_debt = self._is_renewing = self._spent >= self._seconds
        if self._is_in_debt:
            asyncio.get_running_loop().call_soon(self._renew)
