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
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from crawler.errors import MemoryLimitError, QuarantineError, WorkerLostError
from crawler.histogram import Histogram
from crawler.page import Page
from crawler.parsing.cpu import Cpu
from crawler.parsing.gate import Gate
from crawler.parsing.parser import name_of
from crawler.parsing.process import Death, WorkerDiedError
from crawler.parsing.quarantine import keep
from crawler.parsing.router import Parser
from crawler.parsing.slots import Slot, open_slots
from crawler.parsing.worker import Batch, Encoders, Parsed

_IN_FLIGHT = 2  # batches a slot: one that is worked on, one that waits in the worker's pipe
_OVERHEAD = 1024  # bytes that a page takes beside its body; arbitrary, so that empty pages are bounded too
_SMOOTHING = 0.2  # weight of a new batch in the running mean of seconds a page; arbitrary
_DEATHS_TO_BELIEVE = 2  # deaths on one page until it is to blame: the first may have come from outside
_BREAKER_PAGES = 20  # the last pages, of which half must have killed their worker until the crawl is stopped; arbitrary

logger = logging.getLogger("crawler")


class Waiting(NamedTuple):
    """A page that waits for a worker."""

    page: Page
    packed: Any
    size: int
    since: float


Settle: TypeAlias = Callable[[Sequence[tuple[Page, Parsed]]], Awaitable[None]]
"""What the engine does with the results of a batch; the pages' bytes are free when it returns."""


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """One worker of the stage.

    Attributes:
        pid: Its process; 0 while unknown.
        pages: Pages that it parsed.
        batches: Batches in which they came.
        busy_seconds: Seconds that it worked, the call it is at included.
        restarts: How often it died and was replaced.
        recycled: How often it was replaced because of its age or size.
        resident_bytes: Bytes of memory that it held after its last batch; 0 where that cannot be known.
        queue_wait_p50: Seconds that a page waited for it, in the median.
        queue_wait_p99: The same for the 99th percentile.
        service_p50: Seconds that it took for a page, in the median.
        service_p99: The same for the 99th percentile.
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

    @property
    def pages_per_batch(self) -> float:
        """The mean size of its batches."""
        return self.pages / self.batches if self.batches else 0.0


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """The stage at one moment: the pages and bytes in it, fetches that wait for room in it, and its workers."""

    waiting_pages: int = 0
    held_bytes: int = 0
    blocked_fetches: int = 0
    settling_batches: int = 0
    workers: tuple[WorkerStatistics, ...] = ()


class _Lane:
    """A slot with its counts and its idle servers."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.gate = Gate()
        self.in_flight = 0
        self.idle: deque[asyncio.Future[list[Waiting]]] = deque()
        self.pages = 0
        self.batches = 0
        self.busy_seconds = 0.0
        self.recycled = 0
        self.fresh_since = 0  # pages, when the worker was last replaced for its age or size
        self.resident_bytes = 0
        self.restarts_before = slot.restarts
        self.queue_wait = Histogram()
        self.service = Histogram()

    def note(self, batch: Batch) -> None:
        self.pages += len(batch.results)
        self.batches += 1
        self.resident_bytes = batch.resident_bytes
        for result in batch.results:
            self.busy_seconds += result.seconds
            self.service.add(result.seconds)

    def statistics(self) -> WorkerStatistics:
        return WorkerStatistics(
            pid=self.slot.pid,
            pages=self.pages,
            batches=self.batches,
            busy_seconds=self.busy_seconds + self.slot.working_for,
            restarts=self.slot.restarts - self.restarts_before,
            recycled=self.recycled,
            resident_bytes=self.resident_bytes,
            queue_wait_p50=self.queue_wait.quantile(0.5),
            queue_wait_p99=self.queue_wait.quantile(0.99),
            service_p50=self.service.quantile(0.5),
            service_p99=self.service.quantile(0.99),
        )


class Stage:
    """Parses pages in workers. Open it with `open_stage`; feed it with `put` while `run` is running."""

    def __init__(self, cpu: Cpu, slots: Sequence[Slot], parser_name: str = "") -> None:
        """Create a stage of open slots; ``parser_name`` is noted with pages in quarantine."""
        self._cpu = cpu
        self._parser_name = parser_name
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
        self._deaths: deque[bool] = deque(maxlen=_BREAKER_PAGES)

    def __repr__(self) -> str:
        return f"<Stage {len(self._lanes)} slots, {len(self._waiting)} pages waiting, {self._held_bytes} bytes held>"

    async def put(self, page: Page) -> None:
        """Hand over a page; wait while the pages in the stage hold more bytes than they may.

        Raises:
            ParseError: The page cannot travel to a worker.
        """
        packed, size = self._lanes[0].slot.pack(page), len(page.body) + _OVERHEAD
        await self._reserve(size)
        self._waiting.append(Waiting(page, packed, size, time.perf_counter()))
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
            WorkerLostError: The worker died of it, twice, or it exceeded the deadline.
            Exception: What the function raised.
        """
        lane = min(self._lanes, key=lambda lane: lane.in_flight)
        lane.in_flight += 1
        try:
            async with lane.gate.shared():
                return await lane.slot.call(function, args)
        except WorkerDiedError as died:
            async with lane.gate.alone():
                return await self._call_alone(lane, function, args, died)
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
        )

    async def _serve(self, lane: _Lane, settle: Settle) -> None:
        while True:
            waiting = await self._next_batch(lane)
            batch = await self._parse(lane, waiting)
            lane.in_flight -= 1
            self._note(lane, batch)
            pages = [page.page for page in waiting]
            results = [await self._kept(page, parsed) for page, parsed in zip(pages, batch.results, strict=True)]
            self._settling += 1
            try:
                await settle(list(zip(pages, results, strict=True)))
            finally:
                self._settling -= 1
            self._free(sum(page.size for page in waiting))
            await self._recycle_if_due(lane)

    async def _next_batch(self, lane: _Lane) -> list[Waiting]:
        if self._waiting:
            return self._gather(lane)
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
                idle.set_result(self._gather(lane))

    def _gather(self, lane: _Lane) -> list[Waiting]:
        """Take a slot's next batch: a fair share of what waits, within the bounds of bytes and work."""
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
        now = time.perf_counter()
        for waiting in batch:
            lane.queue_wait.add(now - waiting.since)
        lane.in_flight += 1
        return batch

    async def _parse(self, lane: _Lane, batch: Sequence[Waiting]) -> Batch:
        try:
            async with lane.gate.shared():
                parsed = await lane.slot.parse([waiting.packed for waiting in batch])
        except WorkerDiedError as died:
            async with lane.gate.alone():
                return await self._recover(lane, batch, died)
        if not any(isinstance(result.error, MemoryLimitError) for result in parsed.results):
            return parsed
        async with lane.gate.alone():
            return await self._parse_afresh(lane, batch, parsed)

    async def _parse_afresh(self, lane: _Lane, batch: Sequence[Waiting], parsed: Batch) -> Batch:
        """Parse what ran out of memory again in a fresh worker: the old one may be full of what pages before left."""
        results = list(parsed.results)
        for place, waiting in enumerate(batch):
            if isinstance(results[place].error, MemoryLimitError) and await lane.slot.recycle():
                lane.recycled += 1
                lane.fresh_since = lane.pages
                results[place] = await self._parse_alone(lane, waiting, [])
        return Batch(results)

    async def _recover(self, lane: _Lane, batch: Sequence[Waiting], died: WorkerDiedError) -> Batch:
        """Parse a batch again whose worker died, page by page: only the page it died on is suspected."""
        await lane.slot.replace(died)
        results = [
            await self._parse_alone(lane, waiting, [died.death] if place == died.page else [])
            for place, waiting in enumerate(batch)
        ]
        return Batch(results, lane.resident_bytes)

    async def _parse_alone(self, lane: _Lane, waiting: Waiting, deaths: list[Death]) -> Parsed:
        """Parse one page alone in its slot, so that a death there is this page's; it has caused ``deaths`` before."""
        while not deaths or not (deaths[-1].exceeded_deadline or len(deaths) >= _DEATHS_TO_BELIEVE):
            try:
                [parsed] = (await lane.slot.parse([waiting.packed])).results
            except WorkerDiedError as died:
                deaths.append(died.death)
                await lane.slot.replace(died)
            else:
                return parsed
        error = WorkerLostError(f"the worker was lost on this page: {deaths[-1].reason}", deaths[-1].output)
        self._trip_breaker(waiting.page, error)
        return Parsed(error=error)

    def _trip_breaker(self, page: Page, error: WorkerLostError) -> None:
        """Stop the crawl where it is not single pages but the parser itself that kills workers."""
        self._deaths.append(True)
        killers = sum(self._deaths)
        if killers * 2 >= _BREAKER_PAGES:
            many = f"{killers} of the last {len(self._deaths)} pages killed their worker"
            text = f"the parser itself seems to be at fault: {many}, the last one {page.url}: {error}"
            raise WorkerLostError(text, error.traceback)

    async def _call_alone(
        self, lane: _Lane, function: Callable[..., Any], args: Sequence[Any], died: WorkerDiedError
    ) -> Any:
        """Call a function again whose worker died: alone, as the first death may have come from outside."""
        await lane.slot.replace(died)
        if died.page is None or not died.death.exceeded_deadline:
            try:
                return await lane.slot.call(function, args)
            except WorkerDiedError as again:
                await lane.slot.replace(again)
                died = again
        text = f"the worker was lost while it computed {function!r}: {died.death.reason}"
        raise WorkerLostError(text, died.death.output) from died

    async def _kept(self, page: Page, parsed: Parsed) -> Parsed:
        """Return a result with its items; that of a page which goes to quarantine says where its body is kept."""
        parsed = parsed.opened()
        if self._cpu.quarantine is None or not isinstance(parsed.error, QuarantineError):
            return parsed
        try:
            path = await asyncio.to_thread(keep, self._cpu.quarantine, page, parsed.error, self._parser_name)
        except OSError as error:
            logger.warning("the body of %s cannot be kept in quarantine: %s", page.url, error)
            return parsed
        return replace(parsed, saved=str(path))

    async def _recycle_if_due(self, lane: _Lane) -> None:
        """Replace a worker that is old or large: here, as the pool's own way to do so hangs (CPython 3.11 to 3.13)."""
        pages, size = self._cpu.recycle_pages, self._cpu.recycle_bytes
        is_old = pages is not None and lane.pages - lane.fresh_since >= pages
        if is_old or (size is not None and lane.resident_bytes > size):
            lane.fresh_since, lane.resident_bytes = lane.pages, 0
            async with lane.gate.alone():
                lane.recycled += await lane.slot.recycle()

    def _note(self, lane: _Lane, batch: Batch) -> None:
        lane.note(batch)
        self._deaths.extend(False for result in batch.results if not isinstance(result.error, WorkerLostError))
        seconds = sum(result.seconds for result in batch.results)
        self._seconds_a_page += _SMOOTHING * (seconds / len(batch.results) - self._seconds_a_page)

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
        yield Stage(cpu, slots, name_of(parser))
