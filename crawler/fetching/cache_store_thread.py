"""A thread that makes the calls of a cache store, which wait for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from crawler.errors import CacheError, ClosedError
from crawler.fetching.cache_store_backend import Backend

T = TypeVar("T")


class _Call(NamedTuple):
    """A call to make, whether it writes to the disk, and the future of its result."""

    make: Callable[[Backend], Any]
    writes: bool
    future: asyncio.Future[Any]


class StoreThread:
    """A thread that works in batches: it makes all calls together, in their order, that came while it was busy.

    To wake a thread and to be woken by it costs 50 µs of CPU time, once for each batch. If the caller of a call is
    cancelled, the call is made nevertheless, so that nothing is left half done.
    """

    def __init__(self, opener: Callable[[], Backend]) -> None:
        """Start the thread, which opens the store. Call this in the event loop that waits for the thread."""
        self._opener = opener
        self._loop = asyncio.get_running_loop()
        self._batches: SimpleQueue[list[_Call]] = SimpleQueue()
        self._waiting: list[_Call] = []
        self._is_busy = self._is_closing = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, for which an interpreter that exits in the middle of a crawl does not wait. Stores survive a kill.
        self._thread = Thread(target=self._run, name="crawler cache", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<StoreThread {len(self._waiting)} calls wait>"

    async def opened(self) -> None:
        """Wait until the store is open; raise the error of opening it."""
        await asyncio.shield(self._opened)

    async def call(self, call: Callable[[Backend], T], *, writes: bool = False) -> T:
        """Return the result of ``call``, which is made in the thread.

        Raises:
            CacheError: The disk is full, or fails.
            ClosedError: The thread has ended.
        """
        if self._is_closing:
            raise ClosedError("the cache is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(_Call(call, writes, future))
        if not self._is_busy:
            self._send()
        return await future

    async def close(self) -> None:
        """Close the store and end the thread, when all calls are made."""
        if not self._is_closing and not self._is_busy:
            self._batches.put([])
        self._is_closing = True
        await asyncio.shield(self._ended)
        self._thread.join()

    def _send(self) -> None:
        self._is_busy = True
        batch, self._waiting = self._waiting, []
        self._batches.put(batch)

    def _run(self) -> None:
        try:
            backend = self._opener()
        except BaseException as error:  # otherwise the caller would wait for ever
            self._tell(_set, self._opened, error)
        else:
            self._tell(_set, self._opened, None)
            while batch := self._batches.get():
                self._tell(self._take_results, batch, _outcomes(backend, batch))
            with suppress(OSError, sqlite3.Error):  # all writes are done, and their errors are reported
                backend.close()
        self._tell(_set, self._ended, None)

    def _tell(self, callback: Callable[..., object], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed, so no task waits any more
            self._loop.call_soon_threadsafe(callback, *args)

    def _take_results(self, batch: Sequence[_Call], outcomes: Sequence[Any]) -> None:
        for call, outcome in zip(batch, outcomes, strict=True):
            _set(call.future, outcome)
        self._is_busy = False
        if self._waiting:
            self._send()
        elif self._is_closing:
            self._batches.put([])


def _outcomes(backend: Backend, batch: Sequence[_Call]) -> Sequence[Any]:
    """Make the calls of a batch, either all of them or none; return their results, or the error for each."""
    try:
        with backend.batch(writes=any(call.writes for call in batch)):
            return [call.make(backend) for call in batch]
    except (OSError, sqlite3.Error) as error:
        failure = CacheError(str(error) or type(error).__name__)
        failure.__cause__ = error
        # If a write failed, the reads can still be made.
        is_mixed = any(call.writes for call in batch)
        return [_outcomes(backend, [call])[0] if is_mixed and not call.writes else failure for call in batch]
    except BaseException as error:  # a bug, but the callers must not wait for ever
        return [error] * len(batch)


def _set(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # cancelled
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
