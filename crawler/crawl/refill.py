"""Reads requests that wait on the disk into memory, before the queues of their hosts are empty."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from crawler.frontier.frontier import Frontier
from crawler.frontier.window import Part
from crawler.runtime.slices import Slices
from crawler.state.record import QueuePart, Record
from crawler.state.rows import Waiting

_HOSTS = 64  # whose queues are read at once; arbitrary


class Refill:
    """Reads the next parts of queues; `run` it while the crawl runs."""

    def __init__(
        self,
        frontier: Frontier,
        record: Record,
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        """Create it.

        Args:
            frontier: Says of which hosts more is wanted.
            record: Where that is.
            flush: Returns when all that was noted is on the disk, so that it is found there.
        """
        self._frontier = frontier
        self._record = record
        self._flush = flush

    def __repr__(self) -> str:
        return f"<Refill of {self._frontier!r}>"

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            StateError: The disk fails.
        """
        while True:
            await self._record.low.wait()
            self._record.low.clear()
            while self._frontier.window.is_low:
                await self._read()

    async def _read(self) -> None:
        parts = self._frontier.window.wanted(_HOSTS)
        if not parts:  # what was asked for is not wanted any more
            return
        await self._flush()
        read = await self._record.waiting([_queue_part(part) for part in parts])
        for part, rows in zip(parts, read, strict=True):
            await self._take_in(part, rows)

    async def _take_in(self, part: Part, rows: Sequence[Waiting]) -> None:
        requests, slices = [], Slices()
        for row in rows:
            requests.append((row.request(), row.ready_at or 0.0))
            if slices.are_used_up():
                await slices.pause()
        self._frontier.window.extend(part, requests)


def _queue_part(part: Part) -> QueuePart:
    rank, place = part.reach
    return QueuePart(part.host.key, rank, abs(place), part.limit)
