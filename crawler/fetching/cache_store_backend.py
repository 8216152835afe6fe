"""The contract of the two kinds of store."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from crawler.http.stored import Stored


class Backend(Protocol):
    """A kind of store. All calls are made in one thread, and may raise `OSError` or `sqlite3.Error`."""

    generation: int
    """The number of complete crawls, plus one."""

    def batch(self, *, writes: bool) -> AbstractContextManager[None]:
        """Make the calls inside this context atomic, as far as the kind of store can."""

    def find(self, key: bytes) -> list[Stored]:
        """Return all answers stored under ``key``."""

    def read(self, key: bytes, stored: Stored) -> bytes | None:
        """Return the body of ``stored``; ``None`` if it is damaged or missing."""

    def keep(self, key: bytes, stored: Stored, body: bytes) -> None:
        """Store an answer. It replaces the one for the same values of the header fields in ``Vary``."""

    def refresh(self, key: bytes, stored: Stored) -> None:
        """Store an answer whose body is already stored."""

    def forget(self, key: bytes) -> None:
        """Delete all answers stored under ``key``."""

    def finish(self) -> None:
        """Begin the next generation, after a complete crawl."""

    def close(self) -> None:
        """Close the files of the store."""
