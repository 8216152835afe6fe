"""A crawl in figures: `Statistics` while it runs, `Summary` when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crawler.fetching.cache_statistics import CacheStatistics
from crawler.models import Ledger, State
from crawler.parsing.lane import WorkerStatistics
from crawler.parsing.stage import StageStatistics


@dataclass(frozen=True, slots=True)
class Statistics:
    """A running crawl at one moment; made for displays, logs, metrics and tests.

    Attributes:
        ledger: The states of all URLs.
        hosts: Hosts that the frontier has something to remember of.
        fetching: Requests in flight, or fetched and waiting for space in the CPU stage.
        fetched: Pages fetched.
        fetched_before: How many of them by earlier runs of the same crawl.
        items: Items made.
        bytes: Bytes of bodies read, after decompression.
        retries: Requests put back to be tried again.
        retries_refused: Requests that failed earlier than `Retry.attempts` says, as the retry budget of their host was
            used up: see `Retry.budget`.
        redirects: Redirects followed.
        errors: Failures by type of error.
        seconds: Seconds since the start.
        loop_lag_p50: By how many seconds the loop was late, in the median.
        loop_lag_p99: The same for the 99th percentile.
        loop_lag_max: The same at the worst.
        limited_by: What the crawl waits for most: see `Summary.limited_by`.
        shares: The share of the time that each such limit held.
        stopped_by: Why it ends with URLs pending: see `Summary.stopped_by`.
        paused_by: The reasons for which nothing is fetched at present: see `Control.pause`.
        stage: The CPU stage.
        cache: The HTTP cache; ``None`` where there is none.
    """

    ledger: Ledger = field(default_factory=Ledger)
    hosts: int = 0
    fetching: int = 0
    fetched: int = 0
    fetched_before: int = 0
    items: int = 0
    bytes: int = 0
    retries: int = 0
    redirects: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    loop_lag_p50: float = 0.0
    loop_lag_p99: float = 0.0
    loop_lag_max: float = 0.0
    limited_by: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    stopped_by: str = ""
    paused_by: tuple[str, ...] = ()
    stage: StageStatistics = field(default_factory=StageStatistics)
    cache: CacheStatistics | None = None
    retries_refused: int = 0

    @property
    def pages_per_second(self) -> float:
        """Pages fetched for each second of this run."""
        return (self.fetched - self.fetched_before) / self.seconds if self.seconds else 0.0

    @property
    def cpu_utilisation(self) -> float:
        """The share of the time that the workers were busy, 0 to 1."""
        workers = self.stage.workers
        if not workers or not self.seconds:
            return 0.0
        return min(1.0, sum(worker.busy_seconds for worker in workers) / (len(workers) * self.seconds))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a crawl did, and what held it up.

    Attributes:
        discovered: URLs found, each once. The sum of the next eight.
        done: URLs fetched whose items are written and whose links are followed; redirects too.
        failed: URLs whose fetch failed after all attempts, or whose parser raised.
        denied: URLs that the site's robots.txt forbids.
        refused: URLs outside the scope, too deep, too many of a kind, or at an address that is not public.
        quarantined: URLs whose page harmed its worker; it is stored for ``crawler replay``.
        pending: URLs not fetched, because the crawl was stopped or reached a limit.
        in_flight: URLs that are being worked on; 0 when a crawl is over.
        fetched: Pages fetched.
        fetched_before: How many of them by earlier runs of the same crawl; with them count ``items``, ``bytes``,
            ``retries``, ``redirects`` and ``errors``, and nothing else.
        items: Items made.
        bytes: Bytes of bodies, after decompression.
        retries: Requests that were tried again.
        retries_refused: Requests that failed earlier than `Retry.attempts` says, as the retry budget of their host was
            used up: see `Retry.budget`.
        redirects: Redirects followed.
        seconds: From the start to the end.
        pages_per_second: Pages for each second.
        loop_lag_p99_ms: By how many milliseconds the event loop ran late, 99th percentile.
        loop_lag_max_ms: The same at the worst.
        cpu_utilisation: The share of the time that the workers were busy, 0 to 1.
        limited_by: What the crawl waited for most: ``network``, ``politeness of HOST``, ``open files`` (the process
            may have no more: ``ulimit -n``), ``retries`` (the pauses before failed requests are tried again), ``cpu``
            (the parsers), ``sink`` (the output, or the consumer of the stream), ``event loop`` (the main process has no
            time left: it is named before what waits because of it).
        shares: The share of the time that each of these held.
        stopped_by: Why it ended with URLs pending: the name of a limit, ``stop``, or empty.
        errors: Failures by type of error.
        workers: What each worker did.
        cache: What the HTTP cache did; ``None`` where there is none.
    """

    discovered: int
    done: int
    failed: int
    denied: int
    refused: int
    quarantined: int
    pending: int
    in_flight: int
    fetched: int
    fetched_before: int
    items: int
    bytes: int
    retries: int
    redirects: int
    seconds: float
    pages_per_second: float
    loop_lag_p99_ms: float
    loop_lag_max_ms: float
    cpu_utilisation: float
    limited_by: str
    shares: Mapping[str, float]
    stopped_by: str
    errors: Mapping[str, int]
    workers: tuple[WorkerStatistics, ...]
    cache: CacheStatistics | None = None
    retries_refused: int = 0

    @classmethod
    def of(cls, statistics: Statistics) -> Summary:
        """Return the summary of a crawl's ``statistics``."""
        return cls(
            **asdict(statistics.ledger),
            fetched=statistics.fetched,
            fetched_before=statistics.fetched_before,
            items=statistics.items,
            bytes=statistics.bytes,
            retries=statistics.retries,
            redirects=statistics.redirects,
            seconds=statistics.seconds,
            pages_per_second=statistics.pages_per_second,
            loop_lag_p99_ms=statistics.loop_lag_p99 * 1000,
            loop_lag_max_ms=statistics.loop_lag_max * 1000,
            cpu_utilisation=statistics.cpu_utilisation,
            limited_by=statistics.limited_by,
            shares=statistics.shares,
            stopped_by=statistics.stopped_by,
            errors=statistics.errors,
            workers=statistics.stage.workers,
            cache=statistics.cache,
            retries_refused=statistics.retries_refused,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        speed = f"in {self.seconds:.2f} s: {self.pages_per_second:.1f} pages/s"
        before = f" ({self.fetched_before} before)" if self.fetched_before else ""
        states = (State.DONE, State.FAILED, State.DENIED, State.REFUSED, State.QUARANTINED, State.PENDING)
        counts = ", ".join(f"{getattr(self, state)} {state}" for state in states)
        lines = [
            f"{self.fetched} pages{before}, {self.items} items, {self.bytes / 1e6:.1f} MB {speed}",
            f"{self.discovered} URLs: {counts}",
            f"workers {self.cpu_utilisation:.0%} busy, loop lag {self.loop_lag_p99_ms:.1f} ms (99th percentile)",
        ]
        if self.limited_by:
            share = self.shares[self.limited_by.partition(" of ")[0]]
            lines.append(f"limited by {self.limited_by} ({share:.0%} of the time)")
        if self.retries_refused:
            lines.append(f"{self.retries_refused} requests were not attempted again: Retry(budget=…)")
        if self.cache is not None:
            lines.append(f"cache: {self.cache}")
        if self.stopped_by:
            lines.append(f"stopped by {self.stopped_by}")
        return "\n".join(lines)
