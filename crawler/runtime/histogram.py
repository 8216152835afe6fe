"""A histogram of durations that takes a few hundred bytes, however many it counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_SMALLEST = 1e-5  # seconds; shorter durations are counted as this
_STEPS = 4  # buckets for each doubling: a bucket's bounds differ by 19 %
_LAST = 22 * _STEPS  # the bucket up to 42 seconds; longer durations have one more bucket, without a bound
_BOUNDS = [_SMALLEST * 2 ** (bucket / _STEPS) for bucket in range(_LAST + 1)]


class Histogram:
    """Counts of durations in logarithmic buckets; quantiles are accurate to 19 %."""

    __slots__ = ("_counts", "count", "largest", "total")

    def __init__(self) -> None:
        self._counts = [0] * (_LAST + 2)
        self.count = 0
        self.total = 0.0
        self.largest = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {self.count}, median {self.quantile(0.5):.3g} s, largest {self.largest:.3g} s>"

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.add_all((seconds,))

    def add_all(self, durations: Sequence[float]) -> None:
        """Count several durations, in seconds."""
        if not durations:
            return
        counts = self._counts
        for seconds in durations:
            counts[bisect_left(_BOUNDS, seconds)] += 1
        self.count += len(durations)
        self.total += sum(durations)
        self.largest = max(self.largest, *durations)

    def quantile(self, fraction: float) -> float:
        """Return the upper bound in seconds of the shortest ``fraction`` of the durations; 0 if there are none."""
        remaining = fraction * self.count
        for bucket, count in enumerate(self._counts):
            remaining -= count
            if remaining <= 0 and self.count and bucket <= _LAST:
                return min(_BOUNDS[bucket], self.largest)
        return self.largest
