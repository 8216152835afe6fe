"""The store of a cache, as the event loop uses it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from crawler.errors import CacheError
from crawler.fetching.cache_choice import Choice
from crawler.fetching.cache_store_backend import Backend
from crawler.fetching.cache_store_folder import FolderBackend
from crawler.fetching.cache_store_sqlite import SqliteBackend
from crawler.fetching.cache_store_thread import StoreThread
from crawler.http.stored import Stored, digest_of, may_pass, successor
from crawler.policy.caching import Cache

_LOG = logging.getLogger("crawler.cache")

T = TypeVar("T")


class Found(NamedTuple):
    """The ``answer`` stored for a request, if there is one, and its ``body`` if it is served."""

    answer: Stored | None = None
    body: bytes | None = None


class Store:
    """A store that works in a thread of its own. Open it with `open_store`.

    A store that fails does not end the crawl: it logs one warning, and then it finds nothing, or stores nothing.
    """

    def __init__(self, path: Path, thread: StoreThread) -> None:
        self._path = path
        self._thread = thread
        self._failed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Store {str(self._path)!r}>"

    @property
    def path(self) -> Path:
        """Its file or folder."""
        return self._path

    @property
    def is_broken(self) -> bool:
        """Whether something could not be read or written."""
        return bool(self._failed)

    async def find(self, key: bytes, choose: Callable[[Sequence[Stored]], Choice]) -> Found:
        """Return the answer that ``choose`` takes of those stored under ``key``, with its body if it is served."""
        return await self._read(Found(), lambda backend: _find(backend, key, choose))

    async def keep(self, key: bytes, stored: Stored, body: bytes, before: Stored | None) -> Stored | None:
        """Store the answer that follows ``before``; return it as it is stored, or ``None`` if that failed.

        If an earlier write failed, nothing is written, but the answer that is returned can still be compared with
        ``before``. A temporary error does not replace a page, with which the next crawl must compare.
        """
        replaces = before is None or may_pass(before.status) or not may_pass(stored.status)
        writes = replaces and "written" not in self._failed

        def call(backend: Backend) -> Stored:
            digest = "" if stored.is_error else digest_of(body)
            entry = successor(replace(stored, digest=digest, size=len(body)), before, backend.generation)
            if writes:
                backend.keep(key, entry, body)
            return entry

        return await (self._write(None, call) if writes else self._read(None, call))

    async def refresh(self, key: bytes, stored: Stored, before: Stored) -> tuple[Stored, bytes] | None:
        """Store an answer whose body is that of ``before``; return both, or ``None`` if the body is lost."""

        def read(backend: Backend) -> tuple[Stored, bytes] | None:
            body = backend.read(key, before)
            return None if body is None else (successor(stored, before, backend.generation), body)

        found = await self._read(None, read)
        if found is not None:
            await self._write(None, lambda backend: backend.refresh(key, found[0]))
        return found

    async def forget(self, keys: Sequence[bytes]) -> None:
        """Delete all answers stored under the ``keys``."""

        def call(backend: Backend) -> None:
            for key in keys:
                backend.forget(key)

        await self._write(None, call)

    async def finish(self) -> None:
        """Record that the crawl is complete: the next one compares its pages with this one."""
        await self._write(None, lambda backend: backend.finish())

    async def _read(self, otherwise: T, call: Callable[[Backend], T]) -> T:
        try:
            return await self._thread.call(call)
        except CacheError as error:
            self._complain("read", error)
            return otherwise

    async def _write(self, otherwise: T, call: Callable[[Backend], T]) -> T:
        if "written" in self._failed:
            return otherwise
        try:
            return await self._thread.call(call, writes=True)
        except CacheError as error:
            self._complain("written", error)
            return otherwise

    def _complain(self, what: str, error: CacheError) -> None:
        if what not in self._failed:
            self._failed.add(what)
            _LOG.warning("the cache %s cannot be %s, and the crawl goes on without: %s", self._path, what, error)


def _find(backend: Backend, key: bytes, choose: Callable[[Sequence[Stored]], Choice]) -> Found:
    choice = choose(backend.find(key))
    if choice.answer is None or not choice.is_served:
        return Found(choice.answer)
    body = backend.read(key, choice.answer)
    return Found() if body is None else Found(choice.answer, body)


@asynccontextmanager
async def open_store(options: Cache, clock: Callable[[], float] = time.time) -> AsyncIterator[Store]:
    """Open the store that ``options`` name, with a ``clock`` that returns seconds since 1970.

    Raises:
        CacheError: It is another program's, of another version, damaged, or cannot be opened; or there is none to
            replay.
    """
    path, kind = Path(options.path), SqliteBackend if options.is_file else FolderBackend
    thread = StoreThread(lambda: kind(path, options, clock))
    try:
        await thread.opened()
        yield Store(path, thread)
    finally:
        await thread.close()
