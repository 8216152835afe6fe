"""The arithmetic of the tables: plain numbers in, plain numbers out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Quartiles(NamedTuple):
    """The middle of several runs, and how far they lie apart."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Return the quartiles of ``values``; of a single value that value, three times."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


def ideal_seconds(cpu_seconds: float, cores: int, latency_seconds: float, concurrency: int) -> float:
    """Return the seconds below which nobody can be.

    Args:
        cpu_seconds: Of all jobs together, as one core takes them while the other cores do the same.
        cores: How many share them.
        latency_seconds: What the server lets pass before it answers, over all requests.
        concurrency: Requests in flight at most.
    """
    return max(cpu_seconds / cores, latency_seconds / concurrency)


def efficiency(ideal: float, seconds: float) -> float | None:
    """Return the share of the time that was needed; ``None`` where nothing was to be done."""
    return ideal / seconds if ideal > 0 and seconds > 0 else None


def utilisation(cpu_seconds: float, seconds: float, cores: int) -> float:
    """Return the share of the cores' time that was used."""
    return cpu_seconds / (seconds * cores) if seconds else 0.0


def lead(rates: Sequence[float], others: Sequence[float]) -> float:
    """Return how many times the one median rate is the other."""
    return statistics.median(rates) / statistics.median(others)


def is_level(rates: Sequence[float], others: Sequence[float]) -> bool:
    """Tell whether two sets of runs cannot be told apart: medians within 3 %, or quartiles that overlap."""
    one, other = Quartiles.of(rates), Quartiles.of(others)
    return abs(one.median / other.median - 1) < 0.03 or (one.low <= other.high and other.low <= one.high)


def pages_for(latency: float, cpu: float, concurrency: int, cores: int, seconds: float) -> int:
    """Return how many pages make an ideal crawl of about ``seconds``: 48 at least, 1,500 at most."""
    a_page = max(latency / concurrency, cpu / cores, 0.0004)  # what a page costs the fastest client of all, about
    return max(48, min(1500, round(seconds / a_page)))
