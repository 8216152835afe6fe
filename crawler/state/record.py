"""The record of a crawl as the event loop sees it: what is slow happens in a thread, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from crawler.document.page import Page
from crawler.models import Ledger
from crawler.policy.state_folder import Durability, StateFolder
from crawler.runtime.serial_executor import SerialExecutor
from crawler.state.body_store import BodyStore
from crawler.state.changes import Changes, Journal
from crawler.state.digests import DigestSet
from crawler.state.rows import PutOff, Waiting
from crawler.state.sqlite_store import SYNCHRONOUS, Restored, Store, Sunk, Wanted

_SEEDS = 200  # that are read at once; to draw the scope around them takes the event loop 1 ms


class Record:
    """A state folder in use. Open it with `open_record`.

    Attributes:
        journal: Where changes are noted until they are committed.
        noted: Set when there is something in it.
        low: Set when a part of the queues should be read.
        durability: What is to be survived: see `StateFolder`.
    """

    def __init__(self, store: Store, durability: Durability, bodies: BodyStore | None = None) -> None:
        self.noted = asyncio.Event()
        self.low = asyncio.Event()
        self.journal = Journal(self.noted.set)
        self.durability = durability
        self._store = store
        self._bodies = bodies
        self._executor = SerialExecutor()

    def __repr__(self) -> str:
        return f"<Record {self._store!r} {self.journal!r}>"

    @property
    def keeps_bodies(self) -> bool:
        """Whether the bodies of pages are kept."""
        return self._bodies is not None

    async def load(self) -> Restored:
        """Return what an earlier crawl has left."""
        return await self._executor.run(self._store.load)

    async def fill(self, seen: DigestSet, too_deep: DigestSet) -> None:
        """Fill empty sets with the digests of what is known; they must not be used meanwhile."""
        await self._executor.run(self._store.fill, seen, too_deep)

    async def recount(self) -> Ledger:
        """Return how many URLs are in each state, counted one by one."""
        return await self._executor.run(self._store.recount)

    async def commit(self, changes: Changes, sinks: Sequence[Sunk], pages: Sequence[Page] = ()) -> None:
        """Make ``changes`` last; see `Store.commit`. Before that ``pages``, whose ends are among them, are kept."""
        await self._executor.run(self._commit, changes, sinks, pages)

    async def waiting(self, wanted: Sequence[Wanted]) -> list[list[Waiting]]:
        """Return the next pending requests of hosts; what is not committed is not among them."""
        return await self._executor.run(self._store.waiting, wanted)

    async def no_longer_too_deep(self, max_depth: int | None) -> list[PutOff]:
        """Return what was put off and is not too deep any more."""
        return await self._executor.run(self._store.no_longer_too_deep, max_depth)

    async def seeds(self) -> AsyncIterator[list[str]]:
        """Yield the URLs of the seeds that were crawled from before, some at a time."""
        last = 0
        while rows := await self._executor.run(self._store.seeds, last, _SEEDS):
            last = rows[-1].serial
            yield [row.url for row in rows if row.is_named_by_user]

    async def waiting_hosts(self) -> list[str]:
        """Return a URL of each host that has pending requests."""
        return await self._executor.run(self._store.waiting_hosts)

    async def close(self) -> None:
        """Close the folder, once what is being written is written."""
        await self._executor.run(self._close)

    def _commit(self, changes: Changes, sinks: Sequence[Sunk], pages: Sequence[Page]) -> None:
        if self._bodies is not None:
            self._bodies.keep(pages)
        self._store.commit(changes, sinks)

    def _close(self) -> None:
        try:
            if self._bodies is not None:
                self._bodies.close()
        finally:
            self._store.close()


@asynccontextmanager
async def open_record(options: StateFolder, *, is_depth_first: bool) -> AsyncIterator[Record]:
    """Open the folder that ``options`` name.

    Raises:
        StateError: It is in use, another program's, damaged, of another version, or cannot be written.
    """
    record = await asyncio.to_thread(_opened, options, is_depth_first)
    try:
        yield record
    finally:
        await record.close()


def _opened(options: StateFolder, is_depth_first: bool) -> Record:
    folder = Path(options.folder)
    store = Store(folder, options.durability, is_depth_first=is_depth_first)
    try:
        bodies = BodyStore(folder, synchronous=SYNCHRONOUS[options.durability]) if options.keep_bodies else None
    except BaseException:
        store.close()
        raise
    return Record(store, options.durability, bodies)
