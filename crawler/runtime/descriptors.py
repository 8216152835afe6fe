"""File descriptors: how many the process may have, and how many of them are left for connections."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable

if sys.platform != "win32":  # which has no such limit
    import resource

_SHARE_LEFT = 4  # one of so many is left to files, workers and name servers; arbitrary
_MOST_LEFT = 32  # but no more than these; arbitrary: 20 threads that open files, and a few for the rest
_NEXT_LOOK = 1.0  # seconds; arbitrary, as to count takes 1 µs a descriptor
_MOST_WANTED = 65_536  # of a soft limit; arbitrary, a machine has no more ports for connections to one address
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE})


def raise_limit() -> None:
    """Raise the limit of this process to what the system allows. A matter of programs, not of libraries."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_WANTED if hard == resource.RLIM_INFINITY else min(hard, _MOST_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a second, lower limit
            return


def is_shortage(error: BaseException | None) -> bool:
    """Tell whether ``error``, or what has caused it, is that no more files may be opened."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in _SHORTAGES:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def is_exhausted() -> bool:
    """Tell whether the process can open no file at this moment: some libraries do not say why they have failed."""
    try:
        os.close(os.dup(2))
    except OSError as error:
        return error.errno in _SHORTAGES
    return False


class Descriptors:
    """How many connections there may be at once, so that files, workers and name servers have what they need.

    What else is open is counted from time to time. After a shortage no connection is added until it was.

    Attributes:
        connections: Tells how many there are.
    """

    def __init__(
        self,
        limit: Callable[[], int | None] | None = None,
        used: Callable[[], int] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create it.

        Args:
            limit: Returns how many descriptors the process may have; ``None`` for any number.
            used: Returns how many it has.
            now: Returns monotonic seconds.
        """
        self.connections: Callable[[], int] = int
        self._limit = limit or _soft_limit
        self._used = used or _used
        self._now = now
        self._most: int | None = None
        self._looked = float("-inf")
        self._others = 0
        self._is_short = False

    def __repr__(self) -> str:
        return f"<Descriptors for {self._most} connections>"

    @property
    def most(self) -> int | None:
        """How many connections there may be; ``None`` for any number."""
        return self._most

    @property
    def others(self) -> int:
        """What the process had open beside connections, when it was last counted."""
        return self._others

    @property
    def limit(self) -> int | None:
        """How many descriptors the process may have."""
        return self._limit()

    def look(self) -> bool:
        """Count again where that is due; tell whether there may be more connections than before."""
        now = self._now()
        if now - self._looked < _NEXT_LOOK:
            return False
        self._looked = now
        before, limit = self._most, self._limit()
        if limit is None:
            self._most = None
            return before is not None
        connections = self.connections()
        if before is None or self._is_short or 2 * (connections + self._others) >= limit:
            self._others = max(0, self._used() - connections)
        self._is_short = False
        left = min(limit // _SHARE_LEFT, _MOST_LEFT)
        self._most = max(1, limit - self._others - left)
        return before is not None and self._most > before

    def note_shortage(self) -> None:
        """Take note that a file could not be opened."""
        self._is_short = True
        self._looked = self._now()
        self._most = self.connections()


def _soft_limit() -> int | None:
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _used() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))  # noqa: PTH208  # paths would be made for nothing
        except OSError:
            continue
    return 0
