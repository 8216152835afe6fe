"""What a killed crawl has left, looked at in a copy: whether it is sound, and what belongs to it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from crash_tests.crawl import STATE
from crash_tests.outputs import SINKS, responses_in
from crawler.errors import StateError
from crawler.models import Ledger, State
from crawler.state.database import NAME
from crawler.state.digests import DIGEST_BYTES, DigestSet
from crawler.state.record import Restored
from crawler.state.schema import NUMBERS, PENDING
from crawler.state.sqlite_store import Store

_OK = 200
_SHARED = Path("/dev/shm")  # noqa: S108  # temporary folders are made in it
MEMORY = str(_SHARED) if os.access(_SHARED, os.W_OK) else None
"""Where files need not wait for a disk, which a kill of a process does not care about."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is in a folder.

    Attributes:
        states: The state of each URL, by its number; without what was refused.
        pages: URLs that are done and were pages.
        ledger: The counts of the states, as they are stored.
        problems: What is wrong, in words; empty where all is well.
    """

    states: dict[str, int]
    pages: frozenset[str]
    ledger: Ledger
    problems: tuple[str, ...]

    @property
    def closed(self) -> frozenset[str]:
        """URLs that have come to an end, and are never to be asked for again."""
        return frozenset(url for url, state in self.states.items() if state != PENDING)

    def of(self, state: State) -> frozenset[str]:
        """Return the URLs in one state."""
        return frozenset(url for url, number in self.states.items() if number == NUMBERS[state])


async def examine(folder: Path) -> Left:
    """Look at a copy of ``folder``, in which state and outputs are; the folder itself stays as it is."""
    return await asyncio.to_thread(_examine, folder)


def _examine(folder: Path) -> Left:
    if not (folder / STATE / NAME).exists():
        return Left({}, frozenset(), Ledger(), ())  # killed before it had begun
    with TemporaryDirectory(dir=MEMORY) as name:
        copy = Path(name) / "copy"
        shutil.copytree(folder, copy)
        try:
            with closing(Store(copy / STATE)) as store:
                kept, counted = store.load(), store.recount()
                seen, too_deep = DigestSet(), DigestSet()
                store.fill(seen, too_deep, DigestSet())
            return _left(copy, kept, counted, len(seen))
        except (StateError, sqlite3.Error, ValueError) as error:
            return Left({}, frozenset(), Ledger(), (f"{type(error).__name__}: {error}",))


def _left(folder: Path, kept: Restored, counted: Ledger, seen: int) -> Left:
    with closing(sqlite3.connect(folder / STATE / NAME)) as connection:
        rows = connection.execute("SELECT url, state, status FROM requests").fetchall()
        failed = [url for (url,) in connection.execute("SELECT url FROM requests WHERE status = 404")]
        problems = [*_problems_of(connection, len(rows), seen)]
    refused = NUMBERS[State.REFUSED]
    states = {url: state for url, state, _ in rows if state != refused}
    pages = frozenset(url for url, state, status in rows if state == NUMBERS[State.DONE] and status == _OK)
    if len(states) != sum(state != refused for _, state, _ in rows):
        problems.append("a URL is twice in the ledger")
    if counted != kept.ledger:
        problems.append(f"the ledger says {kept.ledger}, and counted are {counted}")
    problems += _problems_with_outputs(folder, kept, pages)
    problems += _problems_with_archive(folder, kept, failed)
    return Left(states, pages, kept.ledger, tuple(problems))


def _problems_of(connection: sqlite3.Connection, rows: int, seen: int) -> Iterator[str]:
    [[health]] = connection.execute("PRAGMA integrity_check")
    if health != "ok":
        yield f"the database: {health}"
    if seen != rows:
        yield f"{rows} requests have {seen} digests of {DIGEST_BYTES} bytes"
    none = "SELECT count(*) FROM requests r LEFT JOIN requests p ON p.serial = r.found_on WHERE r.found_on AND p.url "
    [[orphans]] = connection.execute(none + "IS NULL")
    if orphans:
        yield f"{orphans} requests were found on nothing"
    [[late]] = connection.execute(f"SELECT count(*) FROM waits JOIN requests USING (serial) WHERE state != {PENDING}")  # noqa: S608  # a number
    if late:
        yield f"{late} requests wait, and have ended"


def _problems_with_archive(folder: Path, kept: Restored, failed: list[str]) -> Iterator[str]:
    """Yield where the committed part of an archive has not each answer that says that there is no page, once."""
    path = folder / SINKS["warc"].file
    for token in kept.sinks.values():
        if json.loads(token)["type"] == "warc" and path.exists():
            archived = [url for url, status in responses_in(path, json.loads(token)) if status == HTTPStatus.NOT_FOUND]
            if sorted(archived) != sorted(failed):
                yield f"warc: the answers 404 are those of {archived}, and failed are {failed}"


def _problems_with_outputs(folder: Path, kept: Restored, pages: frozenset[str]) -> Iterator[str]:
    """Yield where a committed part of an output is not just what the committed pages have made."""
    for token in kept.sinks.values():
        kind = json.loads(token)["type"]
        urls = SINKS[kind].urls(folder, token)
        if len(urls) != len(set(urls)):
            yield f"{kind}: {len(urls) - len(set(urls))} items are there twice"
        if lost := pages - set(urls):
            yield f"{kind}: of {len(lost)} pages that are done there is no item, such as {min(lost)}"
        if early := set(urls) - pages:
            yield f"{kind}: {len(early)} items are of pages that are not done, such as {min(early)}"
    if kept.counters.items != len(pages):
        yield f"{kept.counters.items} items are counted, and {len(pages)} pages with one each are done"
