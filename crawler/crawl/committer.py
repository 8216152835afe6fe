"""Writes the items of parsed pages to the sinks, and commits that the pages are done.

```
results ─► group ─► sinks ─► tokens ─┐
journal ──────────► changes ─────────┴─► one transaction ─► the ledger in memory
```

Where the crawl has a state folder, a group is what has gathered since the last commit; there is one every 50 ms at
most. The items of the group are written, and every sink says how far it has come. Then one transaction writes these
tokens, the ends of the pages, and all that was found meanwhile. A kill at any moment leaves a state folder that says
which part of each output belongs to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from crawler.crawl.group import Group, Part
from crawler.crawl.sink_writes import Reject, SinkWrites, reject_none
from crawler.document.page import Page
from crawler.errors import SinkError, StateError
from crawler.frontier.frontier import Frontier
from crawler.models import State
from crawler.runtime.clock import SYSTEM_CLOCK, Clock
from crawler.sinks.sink import Sink
from crawler.state.changes import Changes
from crawler.state.full_disk import is_full
from crawler.state.record import Record

_LINGER = 0.05  # seconds between two commits; arbitrary, a commit takes 2 ms, or one write of the disk against power
_MOST_CHANGES = 100_000  # that wait for a commit; arbitrary
_FULL_SECONDS = 1.0  # between two writes to a disk that is full; arbitrary, nobody tells when it has space again

_log = logging.getLogger("crawler")


class Committer:
    """Takes parsed pages; `run` writes them in groups."""

    def __init__(
        self,
        frontier: Frontier,
        sinks: Sequence[Sink],
        record: Record,
        complete: Callable[[Changes], None] = lambda _: None,
        pause: Callable[[bool], None] = lambda _: None,
        reject: Reject = reject_none,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Create the committer of a crawl.

        Args:
            frontier: Has the ledger.
            sinks: Where items go; open, and cut back to what the record says.
            record: Where it is committed that their requests have ended.
            complete: Adds the counters to what is committed; called where the record is durable.
            pause: Called with true when a disk is full, and with false when it has space again.
            reject: Called for each page whose items a sink cannot hold; it closes the request. By default such a page
                ends the crawl.
            clock: Tells the time.
        """
        self.is_stuck = False
        self._frontier = frontier
        self._writes = SinkWrites(sinks, reject, self._wait_for_space)
        self._record = record
        self._complete = complete
        self._pause = pause
        self._clock = clock
        self._is_torn = False  # what was taken from the journal did not get to the disk
        self._noted = record.noted
        self._sinks = len(sinks)
        self._group = Group(self._sinks)
        self._writing: Group | None = None
        self._committed = 0.0
        self._is_ending = False
        self._archives = [place for place, sink in enumerate(sinks) if getattr(sink, "wants_responses", False)]

    def __repr__(self) -> str:
        return f"<Committer {len(self._group.parts)} pages wait{', the disk is full' if self.is_stuck else ''}>"

    async def put(self, pages: Sequence[Page], outputs: Sequence[list[Any]], parts: Sequence[Part]) -> None:
        """Hand over parsed pages and, for each sink, their items; ``parts`` say what of these belongs to which page.

        Without a state folder it returns when they are written. With one it returns as soon as more may be handed over:
        `run` waits for more, so that one commit serves many pages.
        """
        self._group.add(parts, outputs)
        self.keep(pages)
        self._noted.set()
        await self.wait()

    async def wait(self) -> None:
        """Wait until more may be handed over; without a state folder, until all is written."""
        group = self._group
        if not self._record.is_durable:
            if not group.is_empty:
                await group.written.wait()
        elif group.is_large or self._record.journal.size > _MOST_CHANGES:
            group.is_wanted.set()
            await group.written.wait()

    def keep(self, pages: Sequence[Page]) -> None:
        """Have the bodies of ``pages`` written, where the user wants that.

        Await nothing between this call and the note that the requests have ended, so that both are of one group.
        """
        if self._record.keeps_bodies:
            self._group.keep(pages)

    def keep_failed(self, page: Page) -> None:
        """Have the body of a failed page written, where the user wants that, and its response archived; see `keep`."""
        self.keep([page])
        self.archive(page)

    def archive(self, page: Page) -> None:
        """Have a response that brings no items written to the sinks that want all of them; see `keep`."""
        if self._archives:
            self._group.archive(page, self._archives)
            self._noted.set()

    async def begin(self) -> None:
        """Ask the sinks how far they are, before anything is written to them."""
        if self._record.is_durable:
            self._writes.tokens = await self._checkpoint()

    async def run(self) -> None:
        """Write groups until cancelled, or until `end`.

        Raises:
            SinkError: Items could not be written.
            StateError: The record could not be written.
        """
        while not (self._is_ending and self._is_idle):
            await self._noted.wait()
            await self._linger()
            await self.commit()

    async def end(self, running: asyncio.Task[None]) -> None:
        """End ``running``, the task of `run`, when all is written.

        At once where the disk is full, or where the crawl has no state folder and only pages wait: who waits for them
        is cut off, and they count as pending. The last response that is archived is nobody's page.
        """
        self._is_ending = True
        has_responses = self._group.has_responses or (self._writing is not None and self._writing.has_responses)
        if self.is_stuck or not (self._record.is_durable or has_responses):
            running.cancel()
            return
        self._noted.set()
        self._group.is_wanted.set()
        await asyncio.wait((running,))

    async def salvage(self) -> None:
        """Commit what was found and fetched since the last commit, at the end of a crawl that was cut off.

        Pages whose items were not written are not committed as done: they are fetched again. Where responses wait to be
        archived, nothing is committed: they are asked for again.
        """
        if self._is_torn or self._group.has_responses or self._record.journal.is_empty:
            return
        changes = self._record.journal.take()
        self._complete(changes)
        if not self._group.is_empty:
            changes.counters = None  # they count the items of these pages, which will be made again
        changes.tokens, changes.pages = self._writes.named(self._writes.tokens), self._group.pages
        try:
            await self._record.commit(changes)
        except StateError as error:
            _log.warning("the last moments of the crawl are not saved: %s", error)

    async def flush(self) -> None:
        """Return when all that was noted before is written. `run` does that, and goes on if the caller is cancelled."""
        group = self._group
        self._noted.set()
        group.is_wanted.set()
        await group.written.wait()

    async def commit(self) -> None:
        """Write what has gathered. Only `run` calls it, or a test that does not run `run`."""
        group, self._group = self._group, Group(self._sinks)
        self._writing = group
        if self._record.is_durable:
            await self._make_durable(group)
        else:
            self._noted.clear()
            await self._writes.write(group)
        for request, _ in group.done:
            self._frontier.finish(request, State.DONE)
        self._writing = None
        group.written.set()

    @property
    def _is_idle(self) -> bool:
        return self._group.is_empty and self._record.journal.is_empty

    async def _linger(self) -> None:
        """Wait for more, but not where the last commit was a while ago: what comes alone is written at once."""
        left = self._committed + _LINGER - self._clock.now()
        if self._is_ending or left <= 0 or not self._record.is_durable:
            return
        try:
            async with asyncio.timeout(left):
                await self._group.is_wanted.wait()
        except TimeoutError:
            pass

    async def _make_durable(self, group: Group) -> None:
        """Write the items of ``group``, and commit them with all that was noted before this call."""
        changes = self._changes_with(group)
        self._noted.clear()
        self._is_torn = True
        _take_out(await self._writes.write(group), changes)
        tokens = await self._checkpoint()
        changes.tokens, changes.pages = self._writes.named(tokens), group.pages
        await self._commit(changes)
        self._is_torn = False
        self._go_on()
        self._writes.tokens = tokens
        self._committed = self._clock.now()

    def _changes_with(self, group: Group) -> Changes:
        """Return what the journal has, the ends of the pages of ``group`` included."""
        journal = self._record.journal
        for request, status in group.done:
            journal.ended(request, State.DONE, status)
        changes = journal.take()
        changes.snapshot = self._frontier.discovered.take_snapshot()
        self._complete(changes)
        return changes

    async def _commit(self, changes: Changes) -> None:
        while True:
            try:
                await self._record.commit(changes)
                break
            except StateError as error:
                await self._wait_for_space(error)

    async def _checkpoint(self) -> list[bytes | None]:
        return await self._writes.checkpoint(is_synced=self._record.survives_power)

    async def _wait_for_space(self, error: SinkError | StateError) -> None:
        """Wait a moment where a disk is full; raise all other errors.

        Raises:
            SinkError: It is another fault.
            StateError: It is another fault.
        """
        if not is_full(error):
            raise error
        if not self.is_stuck:
            _log.warning("%s; the crawl waits until there is space, and nothing is lost if it is ended", error)
            self.is_stuck = True
            self._pause(True)
        await asyncio.sleep(_FULL_SECONDS)

    def _go_on(self) -> None:
        if self.is_stuck:
            _log.info("there is space again: the crawl goes on")
            self.is_stuck = False
            self._pause(False)


def _take_out(rejected: Sequence[Part], changes: Changes) -> None:
    """Let ``changes`` say nothing of pages whose items are not written: that they have failed is in the next ones."""
    if not rejected:
        return
    serials = {part.request.serial for part in rejected if part.request is not None}
    changes.ended = [ended for ended in changes.ended if ended.request.serial not in serials]
    if changes.counters is not None:
        items = sum(part.items for part in rejected)
        changes.counters = replace(changes.counters, items=changes.counters.items - items)
