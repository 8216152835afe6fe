"""The last few seconds of a crawl, from successive statistics."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from crawler.crawl.summary import Statistics


class Window:
    """A sliding window over the statistics of a crawl: they count from its beginning, the window from a moment ago."""

    def __init__(self, samples: int) -> None:
        """Create a window of at most so many ``samples`` of the statistics."""
        self._samples: deque[Statistics] = deque([Statistics()], maxlen=samples + 1)

    def __repr__(self) -> str:
        return f"<Window {self.seconds:.1f} s, {self.pages_per_second:.1f} pages/s>"

    def add(self, statistics: Statistics) -> None:
        """Add a sample; the oldest one leaves a full window."""
        self._samples.append(statistics)

    @property
    def now(self) -> Statistics:
        """The latest sample."""
        return self._samples[-1]

    @property
    def seconds(self) -> float:
        """Seconds between the first and the latest sample."""
        return self.now.seconds - self._samples[0].seconds

    @property
    def pages_per_second(self) -> float:
        """Pages fetched a second."""
        pages = self.now.fetched - self._samples[0].fetched
        return pages / self.seconds if self.seconds > 0 else 0.0

    @property
    def steps(self) -> list[float]:
        """Pages a second from each sample to the next."""
        return [
            (later.fetched - earlier.fetched) / max(later.seconds - earlier.seconds, 1e-9)
            for earlier, later in pairwise(self._samples)
        ]

    @property
    def busy(self) -> list[float]:
        """The share of the time that each worker was busy, 0 to 1."""
        before = {place: worker.busy_seconds for place, worker in enumerate(self._samples[0].stage.workers)}
        spent = (worker.busy_seconds - before.get(place, 0.0) for place, worker in enumerate(self.now.stage.workers))
        # A worker that was killed may have less than before: the time at its last page no longer counts.
        return [min(1.0, max(0.0, seconds) / self.seconds) if self.seconds > 0 else 0.0 for seconds in spent]

    @property
    def limited_by(self) -> str:
        """What the crawl waits for most; empty before the first sample."""
        held = self._held()
        return max(held, key=held.__getitem__) if any(held.values()) else self.now.limited_by

    @property
    def limited_share(self) -> float:
        """The share of the time that `limited_by` held, 0 to 1."""
        held = self._held()
        return max(held.values()) / sum(held.values()) if any(held.values()) else 0.0

    def _held(self) -> dict[str, float]:
        """Return the seconds in the window for which each limit held; the statistics have shares of the whole time."""
        then, now = self._samples[0], self.now
        return {
            limit: max(0.0, share * now.seconds - then.shares.get(limit, 0.0) * then.seconds)
            for limit, share in now.shares.items()
        }
