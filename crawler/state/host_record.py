"""What a crawl remembers of a host, as its record keeps it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from crawler.policy.pace import PaceRecord


class HostRecord(msgspec.Struct, frozen=True, array_like=True):
    """What of a host outlives a crawl. Times are monotonic, in seconds, and 0 where there is nothing to say.

    Attributes:
        free_at: When it may be asked again; 0 where there is no pause but the delay.
        paused_at: When its last pause for failures began.
        pace: What is known of its pace.
    """

    free_at: float = 0.0
    paused_at: float = 0.0
    pace: PaceRecord = PaceRecord()

    def moved(self, shift: float) -> HostRecord:
        """Return the same by a clock that is ``shift`` seconds ahead."""
        free_at, paused_at = (time + shift if time else 0.0 for time in (self.free_at, self.paused_at))
        return HostRecord(free_at, paused_at, self.pace)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(HostRecord)


def moved(data: bytes, shift: float) -> bytes:
    """Return an encoded record by a clock that is ``shift`` seconds ahead."""
    return _ENCODER.encode(_DECODER.decode(data).moved(shift))


def host_key(name: str) -> int:
    """Return the number by which the disk knows the host ``name``: 63 bits of its digest."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) >> 1
