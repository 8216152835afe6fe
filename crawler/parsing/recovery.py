"""Calls into a slot that survive its worker: the page that is to blame is found, its neighbours are delivered."""

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
from crawler.parsing.quarantine import keep
from crawler.parsing.worker import Batch, Parsed

_DEATHS_TO_BELIEVE = 2  # deaths on one page until it is to blame: the first may have come from outside
_BREAKER_PAGES = 20  # the last pages, of which half must have killed their worker until the crawl is stopped; arbitrary

logger = logging.getLogger("crawler")


class Recovery:
    """Parses batches and makes calls, whatever they do to the workers."""

    def __init__(self, cpu: Cpu, parser_name: str) -> None:
        """Create what ``cpu`` asks for; ``parser_name`` is noted with pages in quarantine."""
        self._cpu = cpu
        self._parser_name = parser_name
        self._deaths: deque[bool] = deque(maxlen=_BREAKER_PAGES)

    def __repr__(self) -> str:
        return f"<Recovery {sum(self._deaths)} deaths on the last {len(self._deaths)} pages>"

    async def parse(self, lane: Lane, batch: Sequence[Waiting]) -> Batch:
        """Parse a batch: a result for each page, come what may.

        Raises:
            WorkerLostError: The worker cannot be replaced, or the parser kills one worker after the other.
        """
        parsed = await self._parse(lane, batch)
        results = [result.opened() for result in parsed.results]
        failed = [place for place, result in enumerate(results) if result.error is not None]
        lost = sum(isinstance(results[place].error, WorkerLostError) for place in failed)
        self._deaths.extend([False] * (len(results) - lost))
        for place in failed:
            results[place] = await self.kept(batch[place].page, results[place])
        return Batch(results, parsed.resident_bytes)

    async def call(self, lane: Lane, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Return ``function(*args)``; raise what it raises.

        Raises:
            WorkerLostError: It killed two workers, or exceeded the deadline.
        """
        try:
            async with lane.gate.shared():
                return await lane.slot.call(function, args)
        except WorkerDiedError as died:
            async with lane.gate.alone():
                return await self._call_alone(lane, function, args, died)

    async def kept(self, page: Page, parsed: Parsed) -> Parsed:
        """Return a result; that of a page which goes to quarantine says where its body is kept."""
        if self._cpu.quarantine is None or parsed.saved or not isinstance(parsed.error, QuarantineError):
            return parsed
        try:
            path = await asyncio.to_thread(keep, self._cpu.quarantine, page, parsed.error, self._parser_name)
        except OSError as error:
            logger.warning("the body of %s cannot be kept in quarantine: %s", page.url, error)
            return parsed
        return replace(parsed, saved=str(path))

    async def recycle_if_due(self, lane: Lane) -> None:
        """Replace a worker that is old or large: here, as the pool's own way to do so hangs (CPython 3.11 to 3.13)."""
        bounds = self._cpu.recycle_pages, self._cpu.recycle_bytes
        if lane.is_due(*bounds):
            async with lane.gate.alone():
                if lane.is_due(*bounds):  # the other server of the slot may have been first
                    await lane.recycle()

    async def _parse(self, lane: Lane, batch: Sequence[Waiting]) -> Batch:
        try:
            async with lane.gate.shared():
                parsed = await lane.parse(batch)
        except WorkerDiedError as died:
            async with lane.gate.alone():
                return await self._parse_again(lane, batch, died)
        if not any(isinstance(result.error, MemoryLimitError) for result in parsed.results):
            return parsed
        async with lane.gate.alone():
            return await self._parse_afresh(lane, batch, parsed)

    async def _parse_afresh(self, lane: Lane, batch: Sequence[Waiting], parsed: Batch) -> Batch:
        """Parse what ran out of memory again in a fresh worker: the old one may be full of what pages before left."""
        results = list(parsed.results)
        for place, waiting in enumerate(batch):
            if isinstance(results[place].error, MemoryLimitError) and await lane.recycle():
                results[place] = await self._parse_alone(lane, waiting, [])
        return Batch(results)

    async def _parse_again(self, lane: Lane, batch: Sequence[Waiting], died: WorkerDiedError) -> Batch:
        """Parse a batch whose worker died once more, page by page: only the page it died on is suspected."""
        await lane.slot.replace(died)
        results = [
            await self._parse_alone(lane, waiting, [died.death] if place == died.page else [])
            for place, waiting in enumerate(batch)
        ]
        return Batch(results)

    async def _parse_alone(self, lane: Lane, waiting: Waiting, deaths: list[Death]) -> Parsed:
        """Parse one page alone in its slot, so that a death there is this page's; it has caused ``deaths`` before."""
        while not deaths or not (deaths[-1].exceeded_deadline or len(deaths) >= _DEATHS_TO_BELIEVE):
            try:
                [parsed] = (await lane.parse([waiting])).results
            except WorkerDiedError as died:
                deaths.append(died.death)
                await lane.slot.replace(died)
            else:
                return parsed
        error = WorkerLostError(f"the worker was lost on this page: {deaths[-1].reason}", deaths[-1].output)
        seconds = (self._cpu.deadline or 0.0) if deaths[-1].exceeded_deadline else 0.0
        parsed = await self.kept(waiting.page, Parsed(error=error, seconds=seconds))
        self._trip_breaker(waiting.page, error)
        return parsed

    def _trip_breaker(self, page: Page, error: WorkerLostError) -> None:
        """Stop the crawl where it is not single pages but the parser itself that kills workers."""
        self._deaths.append(True)
        killers = sum(self._deaths)
        if killers * 2 >= _BREAKER_PAGES:
            many = f"{killers} of the last {len(self._deaths)} pages killed their worker"
            text = f"the parser itself seems to be at fault: {many}, the last one {page.url}: {error}"
            raise WorkerLostError(text, error.traceback)

    async def _call_alone(
        self, lane: Lane, function: Callable[..., Any], args: Sequence[Any], died: WorkerDiedError
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
