"""What the two kinds of store have in common."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from crawler.http.stored import Stored


class Backend(Protocol):
    """A kind of store. All of it runs in one thread, and raises `OSError` or `sqlite3.Error`."""

    generation: int
    """The crawls that came to their end, and one."""

    def batch(self, *, writes: bool) -> AbstractContextManager[None]:
        """Make what is done inside belong together, as far as the kind can."""

    def find(self, key: bytes) -> list[Stored]:
        """Return all that is stored under ``key``."""

    def read(self, key: bytes, stored: Stored) -> bytes | None:
        """Return the body of ``stored``; ``None`` where it is damaged or gone."""

    def keep(self, key: bytes, stored: Stored, body: bytes) -> None:
        """Store an answer, in the place of one that depends on the same."""

    def refresh(self, key: bytes, stored: Stored) -> None:
        """Store an answer whose body is stored already."""

    def forget(self, key: bytes) -> None:
        """Delete all that is stored under ``key``."""

    def finish(self) -> None:
        """Begin the next generation, as a crawl has come to its end."""

    def close(self) -> None:
        """Close what is open."""
