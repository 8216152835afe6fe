"""Times that survive the process: those of the monotonic clock, which a change of the time of day does not touch.

It goes on over processes as long as the machine runs. After a restart of the machine the time of day is all that is
left; a wait then ends at its time, or earlier, never later than it would have.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux: another one after each start of the machine


class Moment(msgspec.Struct, frozen=True):
    """One moment by both clocks, in seconds, and since which start of the machine the first one counts."""

    monotonic: float
    wall: float
    boot: str = ""

    @classmethod
    def now(cls) -> Moment:
        """Return this moment."""
        return cls(time.monotonic(), time.time(), boot_id())

    def shift_to(self, now: Moment) -> float:
        """Return what to add to monotonic times that were noted with this moment to compare them to ``now``."""
        if self.boot and self.boot == now.boot and now.monotonic >= self.monotonic:
            return 0.0
        elapsed = max(0.0, now.wall - self.wall)  # a clock that was set back says nothing
        return now.monotonic - elapsed - self.monotonic


def boot_id() -> str:
    """Return what tells one start of the machine from the others; empty where that is not known."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
