"""Writes groups to the sinks: as much as fits on the disk, and without the pages whose items a sink cannot hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from crawler.crawl.group import Group, Part
from crawler.errors import EncodingError, SinkError
from crawler.sinks.sink import CheckpointedSink, Sink

Reject: TypeAlias = Callable[[Part, EncodingError], None]
"""Told of a page whose items a sink cannot hold; it raises an error where that is to end the crawl."""


def reject_none(_: Part, error: EncodingError) -> None:
    """Raise ``error``: a `Reject` for which no page may be missing."""
    raise error


class SinkWrites:
    """The sinks of a crawl, and how far each of them is committed."""

    def __init__(self, sinks: Sequence[Sink], reject: Reject, wait_for_space: Callable[[SinkError], Awaitable[None]]):
        """Create it.

        Args:
            sinks: The sinks, open.
            reject: Called for each page whose items a sink cannot hold.
            wait_for_space: Returns when a disk that was full may have space; raises errors of other kinds.
        """
        self.tokens: list[bytes | None] = [None] * len(sinks)
        self._sinks = sinks
        self._reject = reject
        self._wait_for_space = wait_for_space

    def __repr__(self) -> str:
        return f"<SinkWrites to {len(self._sinks)} sinks>"

    async def write(self, group: Group) -> list[Part]:
        """Write the items of ``group``, and return the pages whose items are not among them.

        A page is written to all sinks or to none, but for sinks that cannot be cut back.

        Raises:
            SinkError: A sink failed.
        """
        rejected: list[Part] = []
        final = 0  # sinks at these places that cannot be cut back have all that they will get
        place = 0
        while place < len(self._sinks):
            try:
                if self.tokens[place] is not None or place >= final:
                    await self._write_to(place, group.outputs[place])
                place += 1
            except EncodingError as error:
                bad = await self._bad_parts(place, group)
                if not bad:
                    raise error from error.__cause__
                rejected += bad
                group.drop(bad)
                place, final = await self._begin_again(place + 1), max(final, place + 1)
        return rejected

    async def checkpoint(self, *, is_synced: bool) -> list[bytes | None]:
        """Return the token of each sink; ``None`` for those that cannot be cut back, or need not be."""
        return [await self._checkpoint_of(sink, is_synced) for sink in self._sinks]

    def named(self, tokens: Sequence[bytes | None]) -> dict[str, bytes]:
        """Return those of ``tokens`` that there are, by the names of their sinks."""
        pairs = zip(self._sinks, tokens, strict=True)
        return {sink.name: token for sink, token in pairs if token and isinstance(sink, CheckpointedSink)}

    async def _checkpoint_of(self, sink: Sink, is_synced: bool) -> bytes | None:
        if not isinstance(sink, CheckpointedSink):
            return None
        token = await sink.checkpoint()
        if token is not None and is_synced:
            await sink.sync()  # before the record says that it is there
        return token

    async def _write_to(self, place: int, items: list[Any]) -> None:
        """Write ``items`` to a sink; where a disk is full, again when it has space."""
        is_torn = False
        while items:
            try:
                if is_torn:  # a disk may be full for this, too: to take something back, a database writes
                    await self._cut_back(place)
                await _write(self._sinks[place], items)
                break
            except EncodingError:
                raise
            except SinkError as error:
                if self.tokens[place] is None:
                    raise
                await self._wait_for_space(error)
                is_torn = True

    async def _bad_parts(self, place: int, group: Group) -> list[Part]:
        """Write the items page by page; return the pages whose items the sink cannot hold, and tell of them."""
        bad: list[Part] = []
        for part, items in group.items_at(place):
            try:
                await self._write_to(place, items)
            except EncodingError as error:
                if part.request is None:
                    raise
                self._reject(part, error)
                bad.append(part)
        return bad

    async def _begin_again(self, after: int) -> int:
        """Take back what was written of the group, where that is possible; return the place of the first sink for it.

        Sinks that cannot be cut back have what they were given; the next one is ``after`` them.
        """
        if not any(self.tokens):
            return after
        for place, token in enumerate(self.tokens):
            if token is not None:
                await self._cut_back(place)
        return 0

    async def _cut_back(self, place: int) -> None:
        """Take back what was written of a group that did not get through."""
        sink = self._sinks[place]
        if isinstance(sink, CheckpointedSink):
            await sink.restore(self.tokens[place])


async def _write(sink: Sink, items: list[Any]) -> None:
    try:
        await sink.write(items)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise SinkError(f"{sink!r} was cancelled by something that it awaited") from error
