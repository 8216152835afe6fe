"""The CPU stage: it takes single pages, sends batches to workers, and hands their results to the engine.

```
put ─► waiting pages ─► batch ─► slot ─► take results ─► the pages' bytes are free again
       ≤ max_waiting_bytes, all the way ──────────────────────────────────┘
```

A batch has the pages that wait when a slot becomes free; there is no timer. An idle slot gets a single page at once, a
busy one gets up to about 100 ms of work. Each slot has two batches in flight, so that it never waits for the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from crawler.document.page import Page
from crawler.parsing.byte_semaphore import ByteSemaphore
from crawler.parsing.cpu import Cpu
from crawler.parsing.lane import Lane, Waiting, WorkerStatistics
from crawler.parsing.parser import name_of
from crawler.parsing.recovery import Recovery
from crawler.parsing.router import Parser
from crawler.parsing.shared_lock import SharedLock
from crawler.parsing.slot import Slot
from crawler.parsing.slots import open_slots
from crawler.parsing.worker import DEFAULT_LINK_DIRECTIVES, Batch, Encoders, LinkDirectives, Parsed

_IN_FLIGHT = 2  # batches in a slot: one at work, one that waits in the worker's pipe
_COMPUTATIONS = 16  # calls of `compute` in a slot at most, as an executor has no bound of its own; arbitrary
_OVERHEAD = 1024  # bytes that a page takes beside its body; arbitrary, so that empty pages are bounded too
_DIVISIBLE = 0.01  # seconds of work in a batch that are worth dividing; arbitrary, to send a batch takes 0.3 ms
_SMOOTHING = 0.2  # weight of a new batch in the running mean of seconds a page; arbitrary

TakeResults: TypeAlias = Callable[[Sequence[tuple[Page, Parsed]]], Awaitable[None]]
"""Takes the results of a batch; the pages' bytes are free when it returns."""


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """The present counts of the stage.

    Attributes:
        waiting_pages: Pages that wait for a worker.
        held_bytes: Bytes of all pages in the stage.
        blocked_fetches: Fetches that wait for bytes in the stage.
        finishing_batches: Batches that are parsed, and whose results are being taken.
        workers: The workers.
    """

    waiting_pages: int = 0
    held_bytes: int = 0
    blocked_fetches: int = 0
    finishing_batches: int = 0
    workers: tuple[WorkerStatistics, ...] = ()


class Stage:
    """Parses pages in workers. Open it with `open_stage`; feed it with `put` while `run` is running."""

    def __init__(self, cpu: Cpu, slots: Sequence[Slot], parser_name: str = "") -> None:
        """Create a stage of open slots; ``parser_name`` is recorded with pages in quarantine."""
        self._cpu = cpu
        self._parser_name = parser_name
        self._slots = slots
        self._locks = [SharedLock() for _ in slots]
        self._computing = asyncio.Semaphore(_COMPUTATIONS * len(slots))
        self._reset()

    def _reset(self) -> None:
        """Begin a crawl with an empty stage, and with all counts at zero."""
        self._lanes = [Lane(slot, lock) for slot, lock in zip(self._slots, self._locks, strict=True)]
        self._recovery = Recovery(self._cpu, self._parser_name)
        self._waiting: deque[Waiting] = deque()
        self._capacity = ByteSemaphore(self._cpu.max_waiting_bytes)
        self._finishing = 0
        self._seconds_a_page = self._cpu.batch_seconds  # so that the first batches are single pages

    def __repr__(self) -> str:
        return f"<Stage {len(self._lanes)} slots, {len(self._waiting)} pages waiting, {self._capacity.held} bytes held>"

    async def put(self, page: Page) -> None:
        """Hand over a page; wait while the pages in the stage hold more bytes than they may.

        Raises:
            ParseError: The page cannot travel to a worker.
        """
        size = len(page.body) + _OVERHEAD
        if not self._capacity.take_now(size):
            await self._capacity.take(size)
        try:
            packed = self._slots[0].pack(page)  # not before its bytes are granted: this doubles its memory
        except BaseException:
            self._capacity.free(size)
            raise
        self._waiting.append(Waiting(page, packed, size, time.perf_counter()))
        self._feed_idle()

    async def run(
        self, encoders: Encoders, take_results: TakeResults, link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES
    ) -> None:
        """Serve all slots until cancelled.

        Args:
            encoders: The encoders of the sinks.
            take_results: Called with the results of each batch.
            link_directives: How pages treat the link directives of their sites.

        Raises:
            BaseExceptionGroup: Of a `WorkerLostError` if workers cannot be replaced, or the parser kills all of them;
                or of the exception of ``take_results``.
        """
        self._reset()
        for slot in self._slots:
            slot.use(encoders, link_directives)
        async with asyncio.TaskGroup() as servers:
            for lane in self._lanes:
                for _ in range(_IN_FLIGHT):
                    servers.create_task(self._serve(lane, take_results), name=f"serve {lane.slot!r}")

    async def compute(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call ``function(*args)`` in the slot with the fewest calls.

        Raises:
            WorkerLostError: The function killed two workers, or exceeded the deadline.
            Exception: The exception of the function.
        """
        async with self._computing:
            lane = min(self._lanes, key=lambda lane: lane.in_flight)
            lane.in_flight += 1
            try:
                return await self._recovery.call(lane, function, args)
            finally:
                lane.in_flight -= 1

    async def quarantine(self, page: Page, parsed: Parsed) -> Parsed:
        """Write a page that was parsed elsewhere to quarantine, if its error says so; see `Recovery.quarantine`."""
        return await self._recovery.quarantine(page, parsed)

    @property
    def runs_on_loop(self) -> bool:
        """Whether pages are parsed on the event loop itself, which is then as busy as the stage."""
        return self._cpu.executor == "inline"

    @property
    def is_saturated(self) -> bool:
        """Whether each slot has as many batches as it can take."""
        return all(lane.in_flight >= _IN_FLIGHT for lane in self._lanes)

    @property
    def is_held_up(self) -> bool:
        """Whether a slot has nothing to do because earlier results are still being taken."""
        return self._finishing > 0 and any(not lane.in_flight and not lane.idle for lane in self._lanes)

    def statistics(self) -> StageStatistics:
        """Return the present counts."""
        return StageStatistics(
            waiting_pages=len(self._waiting),
            held_bytes=self._capacity.held,
            blocked_fetches=self._capacity.blocked,
            finishing_batches=self._finishing,
            workers=tuple(lane.statistics() for lane in self._lanes),
        )

    async def _serve(self, lane: Lane, take_results: TakeResults) -> None:
        while True:
            waiting = await self._next_batch(lane)
            batch = await self._recovery.parse(lane, waiting)
            lane.in_flight -= 1
            self._note(lane, batch)
            self._finishing += 1
            try:
                await take_results([(each.page, parsed) for each, parsed in zip(waiting, batch.results, strict=True)])
            finally:
                self._finishing -= 1
            self._capacity.free(sum(each.size for each in waiting))
            await self._recovery.recycle_if_due(lane)

    async def _next_batch(self, lane: Lane) -> list[Waiting]:
        if self._waiting:
            return self._gather(lane)
        idle: asyncio.Future[list[Waiting]] = asyncio.get_running_loop().create_future()
        lane.idle.append(idle)
        return await idle

    def _feed_idle(self) -> None:
        """Give waiting pages to an idle task, whose slot has the fewest calls in flight."""
        while self._waiting:
            lanes = [lane for lane in self._lanes if lane.idle]
            if not lanes:
                return
            lane = min(lanes, key=lambda lane: lane.in_flight)
            idle = lane.idle.popleft()
            if not idle.done():
                idle.set_result(self._gather(lane))

    def _gather(self, lane: Lane) -> list[Waiting]:
        """Take the next batch of a slot: a fair share of the waiting pages, within the bounds of bytes and work."""
        most = min(
            self._share(),
            max(1, int(self._cpu.batch_seconds / max(self._seconds_a_page, 1e-6))),
            self._cpu.batch_pages,
        )
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while len(batch) < most and size + self._waiting[0].size <= self._cpu.batch_bytes:
            size += self._waiting[0].size
            batch.append(self._waiting.popleft())
        now = time.perf_counter()
        lane.queue_wait.add_all([now - waiting.since for waiting in batch])
        lane.in_flight += 1
        return batch

    def _share(self) -> int:
        """Return how many of the waiting pages are for one slot: an equal share, or half of it if they take long.

        The last batches of a crawl must be small, or one slot still works while the others have nothing left to do.
        """
        waiting, slots = len(self._waiting), len(self._lanes)
        share = -(-waiting // slots)
        return share if share * self._seconds_a_page < _DIVISIBLE else -(-waiting // (slots * _IN_FLIGHT))

    def _note(self, lane: Lane, batch: Batch) -> None:
        lane.note(batch)
        seconds = sum(result.seconds for result in batch.results) / len(batch.results)
        self._seconds_a_page += _SMOOTHING * (seconds - self._seconds_a_page)


@asynccontextmanager
async def open_stage(cpu: Cpu, parser: Parser) -> AsyncIterator[Stage]:
    """Open a stage whose workers are started and have the parser loaded. For its errors, see `open_slots`."""
    async with open_slots(cpu, parser) as slots:
        yield Stage(cpu, slots, name_of(parser))
