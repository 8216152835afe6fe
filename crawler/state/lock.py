"""The lock of a state folder: one crawl at a time, and the pid of its owner for all others."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from crawler.errors import StateError
from crawler.runtime.private import open_private

if sys.platform != "win32":
    import fcntl

_ATTEMPTS = 3
_PAUSE = 0.02  # seconds; arbitrary


class FolderLock:
    """Held from its making until `release`, or until the process ends in whatever way: a killed owner leaves none."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of ``folder``.

        Raises:
            StateError: Another crawl has it; says which process. Or the folder cannot be written.
        """
        self._path = folder / "lock"
        try:
            self._descriptor = open_private(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StateError(f"the state folder {str(folder)!r} cannot be written: {error.strerror}") from error
        try:
            _lock_patiently(self._descriptor)
        except OSError as error:
            owner = _owner_in(self._descriptor)
            os.close(self._descriptor)
            remedy = "wait for it, end it, or name another folder"
            raise StateError(f"the state folder {str(folder)!r} is in use by {owner}; {remedy}") from error
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # a full disk: the lock holds, it only has no name

    def __repr__(self) -> str:
        return f"<FolderLock {str(self._path)!r}>"

    def release(self) -> None:
        """Give the lock up. The file stays, as deleting it would race with the next owner."""
        os.close(self._descriptor)


def owner_of(folder: Path) -> str:
    """Return who has the lock of ``folder``, such as ``process 4711``; empty where nobody has."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return ""
    try:
        _lock(descriptor)
    except OSError:
        return _owner_in(descriptor)
    finally:
        os.close(descriptor)
    return ""


def _lock_patiently(descriptor: int) -> None:
    """Take a lock. A process that only asks for the owner has it for a moment, so this waits for it."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(OSError):
            return _lock(descriptor)
        time.sleep(_PAUSE)
    return _lock(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner_in(descriptor: int) -> str:
    pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return f"process {pid}" if pid else "another process"
