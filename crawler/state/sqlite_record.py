"""The record of a crawl in a state folder: what is slow happens in a thread, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from crawler.models import Ledger
from crawler.policy.state_folder import StateFolder
from crawler.runtime.opening import open_in_thread
from crawler.runtime.serial_executor import SerialExecutor
from crawler.state.body_store import BodyStore
from crawler.state.changes import Changes
from crawler.state.digests import DigestSet
from crawler.state.journal import Journal
from crawler.state.memory_journal import MemoryJournal
from crawler.state.null_record import NullRecord
from crawler.state.record import QueuePart, Record, Restored, Ways
from crawler.state.rows import PutOff, Waiting
from crawler.state.sqlite_store import SYNCHRONOUS, Store

_SEEDS = 200  # that are read at once; to draw the scope around them takes the event loop 1 ms


class SqliteRecord:
    """A state folder in use: see `Record`. Open it with `open_record`."""

    is_durable = True

    def __init__(
        self, store: Store, bodies: BodyStore | None = None, *, window: int | None = None, survives_power: bool = False
    ) -> None:
        """Create the record of a crawl.

        Args:
            store: The database of the crawl; closed by `close`.
            bodies: That of the bodies of its pages; ``None`` where they are not written. Closed, too.
            window: How many pending requests are to be in memory; ``None`` for all.
            survives_power: Whether the store waits for the disk at each commit.
        """
        self.noted = asyncio.Event()
        self.low = asyncio.Event()
        self.journal: Journal = MemoryJournal(self.noted.set)
        self.window = window
        self.survives_power = survives_power
        self._store = store
        self._bodies = bodies
        self._executor = SerialExecutor()

    def __repr__(self) -> str:
        return f"<SqliteRecord {self._store!r} {self.journal!r}>"

    @property
    def keeps_bodies(self) -> bool:
        """Whether the bodies of pages are written."""
        return self._bodies is not None

    async def load(self) -> Restored:
        """Return what an earlier crawl has left."""
        return await self._executor.run(self._store.load)

    async def fill(self, seen: DigestSet, too_deep: DigestSet, redirected: DigestSet) -> None:
        """Fill empty sets with the digests of what is known; nobody may use them meanwhile."""
        await self._executor.run(self._store.fill, seen, too_deep, redirected)

    async def ways(self) -> Ways:
        """Return what is known of the depths of URLs."""
        return await self._executor.run(self._store.ways)

    async def recount(self) -> Ledger:
        """Return how many URLs are in each state, counted one by one."""
        return await self._executor.run(self._store.recount)

    async def commit(self, changes: Changes) -> None:
        """Make ``changes`` last; first their pages, so that what is done always has its body."""
        await self._executor.run(self._commit, changes)

    async def waiting(self, parts: Sequence[QueuePart]) -> list[list[Waiting]]:
        """Return the next pending requests of hosts; what is not committed is not among them."""
        return await self._executor.run(self._store.waiting, parts)

    async def no_longer_too_deep(self, max_depth: int | None) -> list[PutOff]:
        """Return what was put off and is not too deep any more."""
        return await self._executor.run(self._store.no_longer_too_deep, max_depth)

    async def seeds(self) -> AsyncIterator[list[str]]:
        """Yield the URLs of the seeds of earlier crawls, some at a time."""
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

    def close_at_once(self) -> None:
        """Close it, where nothing else is called."""
        self._close()

    def _commit(self, changes: Changes) -> None:
        if self._bodies is not None:
            self._bodies.write(changes.pages)
        self._store.commit(changes)

    def _close(self) -> None:
        try:
            if self._bodies is not None:
                self._bodies.close()
        finally:
            self._store.close()


@asynccontextmanager
async def open_record(options: StateFolder | None, *, is_depth_first: bool) -> AsyncIterator[Record]:
    """Open the folder that ``options`` name; a record that keeps nothing where there are none.

    Raises:
        StateError: It is in use, another program's, damaged, of another version, or cannot be written.
    """
    if options is None:
        yield NullRecord()
        return
    record = await open_in_thread(lambda: _opened(options, is_depth_first), SqliteRecord.close_at_once)
    try:
        yield record
    finally:
        await record.close()


def _opened(options: StateFolder, is_depth_first: bool) -> SqliteRecord:
    folder = Path(options.folder)
    store = Store(folder, options.durability, is_depth_first=is_depth_first)
    try:
        bodies = BodyStore(folder, synchronous=SYNCHRONOUS[options.durability]) if options.keep_bodies else None
    except BaseException:
        store.close()
        raise
    return SqliteRecord(store, bodies, window=options.window, survives_power=options.durability == "power")
