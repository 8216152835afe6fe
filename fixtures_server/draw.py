"""Where every random thing of the synthetic web comes from: a hash, so that nothing needs to be stored."""

import hashlib
import struct
from statistics import NormalDist

_TWO_64 = 2.0**64
_NORMAL = NormalDist()


def draw(key: str, count: int) -> tuple[int, ...]:
    """Give `count` integers below 2**64 that depend on `key` alone: the same on every machine and Python version.

    SHAKE-128 rather than `random.Random(key)`: seeding a Mersenne twister costs ten times as much, and the methods of
    `random` other than `random()` may change from one Python to the next.
    """
    return struct.unpack(f"<{count}Q", hashlib.shake_128(key.encode()).digest(8 * count))


def share(value: int) -> float:
    """Scale an integer from `draw` to [0, 1)."""
    return (value >> 11) / 2.0**53


def normal(value: int, *, limit: float) -> float:
    """Turn an integer from `draw` into a draw from the standard normal distribution, cut off at ±`limit`."""
    return max(-limit, min(limit, _NORMAL.inv_cdf((value + 0.5) / (_TWO_64 + 1))))
