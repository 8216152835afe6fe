"""The figures of a run over saved pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crawler.parsing.lane import WorkerStatistics


@dataclass(frozen=True, slots=True)
class Reparsed:
    """The figures of a run over saved pages, at one moment or at the end.

    Attributes:
        total: Pages that are saved.
        pages: Pages parsed, or failed.
        items: Items made.
        links: Links and requests that the parser yielded; none is followed.
        new_links: Those in scope that the crawl had not discovered; ``None`` where no sink for them was given.
        failed: Pages that the parser raised on, or that are damaged.
        quarantined: Pages that could not be parsed without harm.
        not_kept: Pages of the crawl whose bodies are not saved: it was told not to when it fetched them.
        bytes: Bytes of bodies, decompressed.
        seconds: From the first page to the last.
        stopped: Whether it was stopped before all was done.
        errors: Failures by type of error.
        workers: The figures of each worker.
    """

    total: int = 0
    pages: int = 0
    items: int = 0
    links: int = 0
    new_links: int | None = None
    failed: int = 0
    quarantined: int = 0
    not_kept: int = 0
    bytes: int = 0
    seconds: float = 0.0
    stopped: bool = False
    errors: Mapping[str, int] = field(default_factory=dict)
    workers: tuple[WorkerStatistics, ...] = ()

    @property
    def pages_per_second(self) -> float:
        """Pages for each second."""
        return self.pages / self.seconds if self.seconds else 0.0

    @property
    def cpu_utilisation(self) -> float:
        """The share of the time that the workers were busy, 0 to 1."""
        if not self.workers or not self.seconds:
            return 0.0
        return min(1.0, sum(worker.busy_seconds for worker in self.workers) / (len(self.workers) * self.seconds))

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, for JSON."""
        rates = {"pages_per_second": self.pages_per_second, "cpu_utilisation": self.cpu_utilisation}
        return asdict(self) | rates
