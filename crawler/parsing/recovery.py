"""Recovery from deaths of workers: it finds the page that is to blame, and parses the others of its batch again."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import MemoryLimitError, QuarantineError, WorkerLostError
from crawler.parsing.cpu import Cpu
from crawler.parsing.lane import Lane, Waiting
from crawler.parsing.process import Death, WorkerDiedError
from crawler.parsing.quarantine import save
from crawler.parsing.worker import Batch, Parsed

_DEATHS_TO_BLAME = 2  # deaths at one page until it is to blame: the first may have come from outside
_BREAKER_PAGES = 20  # the crawl ends if half of the last pages, this many, killed their worker; arbitrary

logger = logging.getLogger("crawler")


class Recovery:
    """Parses batches and makes calls, and replaces the workers that die of them."""

    def __init__(self, cpu: Cpu, parser_name: str) -> None:
        """Create a recovery with the limits of ``cpu``; ``parser_name`` is recorded with pages in quarantine."""
        self._cpu = cpu
        self._parser_name = parser_name
        self._deaths: deque[bool] = deque(maxlen=_BREAKER_PAGES)

    def __repr__(self) -> str:
        return f"<Recovery {sum(self._deaths)} deaths on the last {len(self._deaths)} pages>"

    async def parse(self, lane: Lane, batch: Sequence[Waiting]) -> Batch:
        """Parse a batch; return a result for each page, even if workers die.

        Raises:
            WorkerLostError: The worker cannot be replaced, or the parser kills one worker after the other.
        """
        parsed = await self._parse(lane, batch)
        results = [result.opened() for result in parsed.results]
        failed = [place for place, result in enumerate(results) if result.error is not None]
        lost = sum(isinstance(results[place].error, WorkerLostError) for place in failed)
        self._deaths.extend([False] * (len(results) - lost))
        for place in failed:
            results[place] = await self.quarantine(batch[place].page, results[place])
        return Batch(results, parsed.resident_bytes)

    async def call(self, lane: Lane, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Return ``function(*args)``; raise what it raises.

        Raises:
            WorkerLostError: The function killed two workers, or exceeded the deadline.
        """
        try:
            async with lane.lock.shared():
                return await lane.slot.call(function, args)
        except WorkerDiedError as died:
            async with lane.lock.alone():
                return await self._call_alone(lane, function, args, died)

    async def quarantine(self, page: Page, parsed: Parsed) -> Parsed:
        """Write ``page`` to quarantine if its result is a `QuarantineError`; return the result, with the file."""
        if self._cpu.quarantine is None or parsed.saved or not isinstance(parsed.error, QuarantineError):
            return parsed
        try:
            path = await asyncio.to_thread(save, self._cpu.quarantine, page, parsed.error, self._parser_name)
        except OSError as error:
            logger.warning("the body of %s cannot be saved in quarantine: %s", page.url, error)
            return parsed
        return replace(parsed, saved=str(path))

    async def recycle_if_due(self, lane: Lane) -> None:
        """Replace a worker that is old or large. The pool's ``max_tasks_per_child`` hangs (CPython 3.11 to 3.13)."""
        bounds = self._cpu.recycle_pages, self._cpu.recycle_bytes
        if lane.is_due(*bounds):
            async with lane.lock.alone():
                if lane.is_due(*bounds):  # the other task that serves the slot may have been first
                    await lane.recycle()

    async def _parse(self, lane: Lane, batch: Sequence[Waiting]) -> Batch:
        try:
            async with lane.lock.shared():
                parsed = await lane.parse(batch)
        except WorkerDiedError as died:
            async with lane.lock.alone():
                return await self._parse_again(lane, batch, died)
        if not any(isinstance(result.error, MemoryLimitError) for result in parsed.results):
            return parsed
        async with lane.lock.alone():
            return await self._parse_in_new_workers(lane, batch, parsed)

    async def _parse_in_new_workers(self, lane: Lane, batch: Sequence[Waiting], parsed: Batch) -> Batch:
        """Parse pages that ran out of memory again, each in a new worker: earlier pages may have filled the old one."""
        results = list(parsed.results)
        for place, waiting in enumerate(batch):
            if isinstance(results[place].error, MemoryLimitError) and await lane.recycle():
                results[place] = await self._parse_alone(lane, waiting, [])
        return Batch(results)

    async def _parse_again(self, lane: Lane, batch: Sequence[Waiting], died: WorkerDiedError) -> Batch:
        """Parse a batch whose worker died again, page by page. The page at which it died is already suspected."""
        await lane.slot.replace(died)
        results = [
            await self._parse_alone(lane, waiting, [died.death] if place == died.page else [])
            for place, waiting in enumerate(batch)
        ]
        return Batch(results)

    async def _parse_alone(self, lane: Lane, waiting: Waiting, deaths: list[Death]) -> Parsed:
        """Parse one page alone in its slot, so that a death is its own; it has caused the earlier ``deaths``."""
        while not deaths or not (deaths[-1].exceeded_deadline or len(deaths) >= _DEATHS_TO_BLAME):
            try:
                [parsed] = (await lane.parse([waiting])).results
            except WorkerDiedError as died:
                deaths.append(died.death)
                await lane.slot.replace(died)
            else:
                return parsed
        error = WorkerLostError(f"the worker was lost on this page: {deaths[-1].reason}", deaths[-1].output)
        seconds = (self._cpu.deadline or 0.0) if deaths[-1].exceeded_deadline else 0.0
        parsed = await self.quarantine(waiting.page, Parsed(error=error, seconds=seconds))
        self._trip_breaker(waiting.page, error)
        return parsed

    def _trip_breaker(self, page: Page, error: WorkerLostError) -> None:
        """Raise ``error`` if so many pages killed their worker that the parser itself must be at fault."""
        self._deaths.append(True)
        killers = sum(self._deaths)
        if killers * 2 >= _BREAKER_PAGES:
            many = f"{killers} of the last {len(self._deaths)} pages killed their worker"
            text = f"the parser itself seems to be at fault: {many}, the last one {page.url}: {error}"
            raise WorkerLostError(text, error.traceback)

    async def _call_alone(
        self, lane: Lane, function: Callable[..., Any], args: Sequence[Any], died: WorkerDiedError
    ) -> Any:
        """Call a function whose worker died again, alone in the slot: the first death may have come from outside."""
        await lane.slot.replace(died)
        if died.page is None or not died.death.exceeded_deadline:
            try:
                return await lane.slot.call(function, args)
            except WorkerDiedError as again:
                await lane.slot.replace(again)
                died = again
        text = f"the worker was lost while it computed {function!r}: {died.death.reason}"
        raise WorkerLostError(text, died.death.output) from died
