"""The counts of one crawl, and what they say of what limited it."""

from __future__ import annotations

from collections import Counter, deque

from crawler.models import Failure
from crawler.runtime.clock import SYSTEM_CLOCK, Clock
from crawler.state.counters_record import CountersRecord

MOST_FAILURES = 1000  # arbitrary; all are counted, and all are handed to ``on_failure``
_HOSTS_COUNTED = 1000  # hosts whose politeness is counted one by one; arbitrary


class Counters:
    """What a crawl has done so far. Its stages count; summaries and displays read."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.fetched = 0
        self.fetched_before = 0  # by earlier runs of the crawl
        self.parsed = 0  # of those fetched; a kill has the others fetched again
        self.items = 0
        self.retries = 0
        self.retries_refused = 0  # for which a host had no budget
        self.redirects = 0
        self.errors: Counter[str] = Counter()
        self.failures: deque[Failure] = deque(maxlen=MOST_FAILURES)
        self._moments: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._clock = clock
        self._started = clock.now()
        self._seconds: float | None = None

    def __repr__(self) -> str:
        return f"<Counters {self.fetched} pages, {self.items} items, {self.errors.total()} failures>"

    def record(self, size: int) -> CountersRecord:
        """Return what is to be remembered, ``size`` being the bytes of bodies."""
        errors = dict(self.errors)
        counts = self.parsed, self.items, self.retries, self.redirects
        return CountersRecord(*counts, size, self.seconds, errors, self.retries_refused)

    def restore(self, record: CountersRecord) -> int:
        """Go on with the counts that `record` returned; return the bytes of bodies."""
        self.fetched = self.fetched_before = self.parsed = record.fetched
        self.items = record.items
        self.retries, self.redirects = record.retries, record.redirects
        self.retries_refused = record.retries_refused
        self.errors.update(record.errors)
        return record.bytes

    @property
    def seconds(self) -> float:
        """Seconds from the start to the end, or to now."""
        return self._clock.now() - self._started if self._seconds is None else self._seconds

    @property
    def limited_by(self) -> str:
        """What the crawl waited for most: see `Summary.limited_by`; empty if it was over before the first look."""
        limit = max(self.shares, key=self.shares.__getitem__, default="")
        if limit == "politeness" and self._hosts:
            return f"politeness of {self._hosts.most_common(1)[0][0]}"
        return limit

    @property
    def shares(self) -> dict[str, float]:
        """The share of the time that each limit held, largest first."""
        total = self._moments.total()
        return {limit: count / total for limit, count in self._moments.most_common()}

    def note_moment(self, limit: str, host: str = "") -> None:
        """Count a look at the crawl, at which ``limit`` held, and maybe because of ``host``."""
        self._moments[limit] += 1
        if host and (host in self._hosts or len(self._hosts) < _HOSTS_COUNTED):
            self._hosts[host] += 1

    def note_failure(self, failure: Failure) -> None:
        """Count a failure."""
        self.errors[failure.error] += 1
        self.failures.append(failure)

    def end(self) -> None:
        """Stop the clock."""
        if self._seconds is None:
            self._seconds = self.seconds
