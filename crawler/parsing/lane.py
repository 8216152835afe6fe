"""A slot as the stage sees it: its gate, its idle servers, and what it did in this crawl."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from crawler.document.page import Page
from crawler.parsing.shared_lock import SharedLock
from crawler.parsing.slot import Slot
from crawler.parsing.worker import Batch
from crawler.runtime.histogram import Histogram


class Waiting(NamedTuple):
    """A page that waits for a worker: as it is, as it travels, its bytes, and since when (seconds)."""

    page: Page
    packed: Any
    size: int
    since: float


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """One worker of the stage.

    Attributes:
        pid: Its process; 0 while unknown.
        pages: Pages that it parsed.
        batches: Batches in which they came.
        busy_seconds: Seconds that it worked, the call it is at and those it died of included.
        restarts: How often it died and was replaced.
        recycled: How often it was replaced because of its age or size.
        resident_bytes: Bytes of memory that it held after its last batch; 0 where that cannot be known.
        queue_wait_p50: Seconds that a page waited for it, in the median.
        queue_wait_p99: The same for the 99th percentile.
        service_p50: Seconds that it took for a page, in the median.
        service_p99: The same for the 99th percentile.
        page: URL of the page that it is at; empty where it is at none, or that cannot be known.
        page_seconds: Since when it is at that page.
    """

    pid: int
    pages: int
    batches: int
    busy_seconds: float
    restarts: int
    recycled: int = 0
    resident_bytes: int = 0
    queue_wait_p50: float = 0.0
    queue_wait_p99: float = 0.0
    service_p50: float = 0.0
    service_p99: float = 0.0
    page: str = ""
    page_seconds: float = 0.0

    @property
    def pages_per_batch(self) -> float:
        """The mean size of its batches."""
        return self.pages / self.batches if self.batches else 0.0


class Lane:
    """A slot in one crawl.

    Attributes:
        slot: The slot.
        gate: Passed by calls side by side, and alone by who replaces the worker. It belongs to the slot and outlives
            the crawl, as `compute` may be on its way through it when the next crawl begins.
        in_flight: Calls in the slot.
        idle: Servers that wait for a batch.
    """

    def __init__(self, slot: Slot, gate: SharedLock) -> None:
        self.slot = slot
        self.gate = gate
        self.in_flight = 0
        self.idle: deque[asyncio.Future[list[Waiting]]] = deque()
        self.queue_wait = Histogram()
        self.recycled = 0
        self._service = Histogram()
        self._parsing: list[tuple[list[Any], Sequence[Waiting]]] = []  # batches, as they travel and as they came
        self._pages = 0
        self._batches = 0
        self._fresh_since = 0  # pages, when the worker was last replaced for its age or size
        self._resident_bytes = 0
        self._restarts_before = slot.restarts
        self._busy_before = slot.busy_seconds

    def __repr__(self) -> str:
        return f"<Lane {self._pages} pages, {self.in_flight} calls in {self.slot!r}>"

    async def parse(self, pages: Sequence[Waiting]) -> Batch:
        """Parse pages in the slot; see `Slot.parse`."""
        packed = [page.packed for page in pages]
        entry = packed, pages
        self._parsing.append(entry)
        try:
            return await self.slot.parse(packed)
        finally:
            self._parsing.remove(entry)

    def note(self, batch: Batch) -> None:
        """Count a batch."""
        self._pages += len(batch.results)
        self._batches += 1
        self._resident_bytes = batch.resident_bytes
        self._service.add_all([result.seconds for result in batch.results])

    def is_due(self, pages: int | None, size: int | None) -> bool:
        """Tell whether its worker has parsed ``pages`` or holds more than ``size`` bytes."""
        is_old = pages is not None and self._pages - self._fresh_since >= pages
        return is_old or (size is not None and self._resident_bytes > size)

    async def recycle(self) -> bool:
        """Replace the worker, while nobody else is in the slot; tell whether the slot can do that."""
        if not await self.slot.recycle():
            return False
        self.recycled += 1
        self._fresh_since, self._resident_bytes = self._pages, 0
        return True

    def statistics(self) -> WorkerStatistics:
        """Return the counts of this moment."""
        page, page_seconds = self._present()
        return WorkerStatistics(
            pid=self.slot.pid,
            pages=self._pages,
            batches=self._batches,
            busy_seconds=self.slot.busy_seconds - self._busy_before,
            restarts=self.slot.restarts - self._restarts_before,
            recycled=self.recycled,
            resident_bytes=self._resident_bytes,
            queue_wait_p50=self.queue_wait.quantile(0.5),
            queue_wait_p99=self.queue_wait.quantile(0.99),
            service_p50=self._service.quantile(0.5),
            service_p99=self._service.quantile(0.99),
            page=page,
            page_seconds=page_seconds,
        )

    def _present(self) -> tuple[str, float]:
        """Return the URL of the page that the worker is at, and since when."""
        progress = self.slot.progress
        if progress is not None:
            for packed, pages in self._parsing:
                if packed is progress.pages and progress.place < len(pages):
                    return pages[progress.place].page.url, progress.seconds
        return "", 0.0
