"""Times that survive the process: those of the monotonic clock, which a change of the time of day does not touch.

All processes share that clock, as long as the machine runs. After a restart of the machine only the time of day is
left. A wait then ends when it would have ended, or earlier, never later.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux: a new one at each start of the machine


class Moment(msgspec.Struct, frozen=True):
    """One moment by both clocks, in seconds, and the start of the machine since which the monotonic one counts."""

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
    """Return the identifier of this start of the machine; empty where that is not known."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
