"""The CPU stage: pages go in one by one, batches go to workers, results go to the engine.

```
put ─► waiting pages ─► batch ─► slot ─► settle ─► the pages' bytes are free again
       ≤ max_waiting_bytes, all the way ────────────────────────────┘
```

A batch is whatever has gathered when a slot comes free; there is no timer. An idle slot gets a single page at once, a
busy one gets up to about 50 ms of work. Each slot has two batches in flight, so that it never waits for the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from crawler.errors import WorkerLostError
from crawler.histogram import Histogram
from crawler.page import Page
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser
from crawler.parsing.slots import Slot, open_slots
from crawler.parsing.worker import Encoders, Parsed

_IN_FLIGHT = 2  # batches a slot: one that is worked on, one that waits in the worker's pipe
_OVERHEAD = 1024  # bytes that a page takes beside its body; arbitrary, so that empty pages are bounded too
_SMOOTHING = 0.2  # weight of a new batch in the running mean of seconds a page; arbitrary


class Waiting(NamedTuple):
    """A page that waits for a worker."""

    page: Page
    packed: Any
    size: int


Settle: TypeAlias = Callable[[Sequence[tuple[Page, Parsed]]], Awaitable[None]]
"""What the engine does with the results of a batch; the pages' bytes are free when it returns."""


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """One worker of the stage: its process, what it did, and the seconds it was busy."""

    pid: int
    pages: int
    batches: int
    busy_seconds: float
    restarts: int


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """The stage at one moment: pages and bytes in it, and its workers."""

    waiting_pages: int = 0
    held_bytes: int = 0
    blocked_fetches: int = 0
    settling_batches: int = 0
    workers: tuple[WorkerStatistics, ...] = ()
    service_p50: float = 0.0
    service_p99: float = 0.0


class _Lane:
    """A slot with its counts and its idle servers."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.in_flight = 0
        self.idle: deque[asyncio.Future[list[Waiting]]] = deque()
        self.recovery = asyncio.Lock()
        self.pages = 0
        self.batches = 0
        self.busy_seconds = 0.0

    def statistics(self) -> WorkerStatistics:
        return WorkerStatistics(self.slot.pid, self.pages, self.batches, self.busy_seconds, self.slot.restarts)


class Stage:
    """Parses pages in workers. Open it with `open_stage`; feed it with `put` while `run` is running."""

    def __init__(self, cpu: Cpu, slots: Sequence[Slot]) -> None:
        self._cpu = cpu
        self._slots = slots
        self._reset()

    def _reset(self) -> None:
        """Forget what an earlier crawl left behind: each `run` starts empty, with all counts at zero."""
        self._lanes = [_Lane(slot) for slot in self._slots]
        self._waiting: deque[Waiting] = deque()
        self._held_bytes = 0
        self._blocked: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._settling = 0
        self._seconds_a_page = self._cpu.batch_seconds  # so that the first batches are single pages
        self._service = Histogram()

    def __repr__(self) -> str:
        return f"<Stage {len(self._lanes)} slots, {len(self._waiting)} pages waiting, {self._held_bytes} bytes held>"

    async def put(self, page: Page) -> None:
        """Hand over a page; wait while the pages in the stage hold more bytes than they may.

        Raises:
            ParseError: The page cannot travel to a worker.
        """
        waiting = Waiting(page, self._lanes[0].slot.pack(page), len(page.body) + _OVERHEAD)
        await self._reserve(waiting.size)
        self._waiting.append(waiting)
        self._feed_idle()

    async def run(self, encoders: Encoders, settle: Settle) -> None:
        """Serve all slots until cancelled: encode items by ``encoders``, hand each batch's results to ``settle``."""
        self._reset()
        for slot in self._slots:
            slot.use(encoders)
        async with asyncio.TaskGroup() as servers:
            for lane in self._lanes:
                for _ in range(_IN_FLIGHT):
                    servers.create_task(self._serve(lane, settle), name=f"serve {lane.slot!r}")

    async def compute(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call ``function(*args)`` in the slot with the least to do.

        Raises:
            WorkerLostError: The worker died of it, twice.
            Exception: What the function raised.
        """
        lane = min(self._lanes, key=lambda lane: lane.in_flight)
        lane.in_flight += 1
        try:
            async with lane.recovery:
                pass
            return await lane.slot.call(function, args)
        except BrokenExecutor:
            return await self._compute_alone(lane, function, args)
        finally:
            lane.in_flight -= 1

    @property
    def is_saturated(self) -> bool:
        """Whether each slot has all that it can take."""
        return all(lane.in_flight >= _IN_FLIGHT for lane in self._lanes)

    @property
    def is_held_up(self) -> bool:
        """Whether a slot has nothing to do because the results before are not yet settled."""
        return self._settling > 0 and any(not lane.in_flight and not lane.idle for lane in self._lanes)

    def statistics(self) -> StageStatistics:
        """Return the counts of this moment."""
        return StageStatistics(
            waiting_pages=len(self._waiting),
            held_bytes=self._held_bytes,
            blocked_fetches=len(self._blocked),
            settling_batches=self._settling,
            workers=tuple(lane.statistics() for lane in self._lanes),
            service_p50=self._service.quantile(0.5),
            service_p99=self._service.quantile(0.99),
        )

    async def _serve(self, lane: _Lane, settle: Settle) -> None:
        while True:
            batch = await self._next_batch(lane)
            parsed = await self._parse(lane, batch)
            lane.in_flight -= 1
            self._note(lane, parsed)
            self._settling += 1
            try:
                await settle([(waiting.page, result) for waiting, result in zip(batch, parsed, strict=True)])
            finally:
                self._settling -= 1
            self._free(sum(waiting.size for waiting in batch))

    async def _next_batch(self, lane: _Lane) -> list[Waiting]:
        if self._waiting:
            lane.in_flight += 1
            return self._gather()
        idle: asyncio.Future[list[Waiting]] = asyncio.get_running_loop().create_future()
        lane.idle.append(idle)
        return await idle

    def _feed_idle(self) -> None:
        """Give what waits to the idle server whose slot has the least in flight."""
        while self._waiting:
            lane = min((lane for lane in self._lanes if lane.idle), key=lambda lane: lane.in_flight, default=None)
            if lane is None:
                return
            idle = lane.idle.popleft()
            if not idle.done():
                lane.in_flight += 1
                idle.set_result(self._gather())

    def _gather(self) -> list[Waiting]:
        """Take the pages of the next batch: a fair share of what waits, within the bounds of bytes and work."""
        most = min(
            -(-len(self._waiting) // len(self._lanes)),
            max(1, int(self._cpu.batch_seconds / max(self._seconds_a_page, 1e-6))),
            self._cpu.batch_pages,
        )
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while len(batch) < most and size + self._waiting[0].size <= self._cpu.batch_bytes:
            size += self._waiting[0].size
            batch.append(self._waiting.popleft())
        return batch

    async def _parse(self, lane: _Lane, batch: Sequence[Waiting]) -> list[Parsed]:
        try:
            async with lane.recovery:  # not while another batch is being recovered in this slot
                pass
            return await lane.slot.parse([waiting.packed for waiting in batch])
        except BrokenExecutor:
            async with self._recovered(lane):
                return [await self._parse_alone(lane, waiting) for waiting in batch]

    async def _parse_alone(self, lane: _Lane, waiting: Waiting) -> Parsed:
        """Parse one page of a batch whose worker died; alone in its slot, so that a death now is this page's."""
        try:
            [parsed] = await lane.slot.parse([waiting.packed])
        except BrokenExecutor:
            await lane.slot.replace()
            return Parsed(error=WorkerLostError("the worker process died while it parsed this page"))
        return parsed

    async def _compute_alone(self, lane: _Lane, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        async with self._recovered(lane):
            try:
                return await lane.slot.call(function, args)
            except BrokenExecutor as error:
                await lane.slot.replace()
                raise WorkerLostError(f"the worker process died while it computed {function!r}") from error

    @asynccontextmanager
    async def _recovered(self, lane: _Lane) -> AsyncIterator[None]:
        """Hold a slot alone, with a live worker in it."""
        generation = lane.slot.restarts
        async with lane.recovery:
            # The other batch in flight lost the same worker, and may have replaced it while this one waited.
            if lane.slot.restarts == generation:
                await lane.slot.replace()
            yield

    def _note(self, lane: _Lane, parsed: Sequence[Parsed]) -> None:
        seconds = sum(result.seconds for result in parsed)
        lane.pages += len(parsed)
        lane.batches += 1
        lane.busy_seconds += seconds
        self._seconds_a_page += _SMOOTHING * (seconds / len(parsed) - self._seconds_a_page)
        for result in parsed:
            self._service.add(result.seconds)

    async def _reserve(self, size: int) -> None:
        if not self._blocked and self._has_room(size):
            self._held_bytes += size
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._blocked.append((size, granted))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._free(size)
            raise

    def _has_room(self, size: int) -> bool:
        # A page larger than the bound goes when it is alone.
        return not self._held_bytes or self._held_bytes + size <= self._cpu.max_waiting_bytes

    def _free(self, size: int) -> None:
        self._held_bytes -= size
        while self._blocked and (self._blocked[0][1].done() or self._has_room(self._blocked[0][0])):
            size, granted = self._blocked.popleft()
            if not granted.done():
                self._held_bytes += size
                granted.set_result(None)


@asynccontextmanager
async def open_stage(cpu: Cpu, parser: Parser) -> AsyncIterator[Stage]:
    """Open a stage with its workers started and the parser loaded in them; see `open_slots` for what it raises."""
    async with open_slots(cpu, parser) as slots:
        yield Stage(cpu, slots)
