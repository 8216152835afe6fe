"""A slot during one crawl: its lock, the tasks that serve it, and its counts."""

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
    """A page that waits for a worker: itself, its packed form, its size in bytes, and since when (seconds)."""

    page: Page
    packed: Any
    size: int
    since: float


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """The counts of one worker of the stage.

    Attributes:
        pid: Its process; 0 while unknown.
        pages: Pages that it parsed.
        batches: Batches in which they came.
        busy_seconds: Seconds that it worked, including the present call, and those in which it died.
        restarts: How often it died and was replaced.
        recycled: How often it was replaced because of its age or size.
        resident_bytes: Bytes of memory after its last batch; 0 if that is unknown.
        queue_wait_p50: Median of the seconds that a page waited for it.
        queue_wait_p99: The 99th percentile of these.
        service_p50: Median of the seconds that it took for a page.
        service_p99: The 99th percentile of these.
        page: URL of the page that it is at; empty if it is at none, or if that is unknown.
        page_seconds: Seconds that it has been at that page.
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
        """The mean number of pages in its batches."""
        return self.pages / self.batches if self.batches else 0.0


class Lane:
    """A slot in one crawl.

    Attributes:
        slot: The slot.
        lock: Calls share it; a replacement of the worker holds it alone. It belongs to the slot and outlives the crawl,
            as a call of `compute` may still hold it when the next crawl begins.
        in_flight: Calls in the slot.
        idle: Futures of the tasks that wait for a batch.
    """

    def __init__(self, slot: Slot, lock: SharedLock) -> None:
        self.slot = slot
        self.lock = lock
        self.in_flight = 0
        self.idle: deque[asyncio.Future[list[Waiting]]] = deque()
        self.queue_wait = Histogram()
        self.recycled = 0
        self._service = Histogram()
        self._parsing: list[tuple[list[Any], Sequence[Waiting]]] = []  # batches in the slot, packed and as pages
        self._pages = 0
        self._batches = 0
        self._pages_before = 0  # those at the last replacement of the worker for its age or size
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
        is_old = pages is not None and self._pages - self._pages_before >= pages
        return is_old or (size is not None and self._resident_bytes > size)

    async def recycle(self) -> bool:
        """Replace the worker, while the lock is held alone; tell whether the slot can do that."""
        if not await self.slot.recycle():
            return False
        self.recycled += 1
        self._pages_before, self._resident_bytes = self._pages, 0
        return True

    def statistics(self) -> WorkerStatistics:
        """Return the present counts."""
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
        """Return the URL of the page that the worker is at, and for how many seconds it has been."""
        progress = self.slot.progress
        if progress is not None:
            for packed, pages in self._parsing:
                if packed is progress.pages and progress.place < len(pages):
                    return pages[progress.place].page.url, progress.seconds
        return "", 0.0
