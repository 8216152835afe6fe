"""A claim on an output for one crawl at a time, for outputs that cannot be locked themselves."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Claim:
    """A locked file beside an output. A kill leaves the file, but releases the lock. Windows has no lock.

    SQLite loses its own locks on a file when the process closes any descriptor of it
    (https://sqlite.org/howtocorrupt.html §2.2), so its files cannot be locked themselves.
    """

    def __init__(self, path: Path) -> None:
        """Take the claim.

        Raises:
            OSError: Another crawl has it, or the file cannot be created.
        """
        self._path = path
        self._descriptor = -1
        while not self._is_taken():
            os.close(self._descriptor)

    def __repr__(self) -> str:
        return f"<Claim {str(self._path)!r}>"

    def give_up(self) -> None:
        """Release the output."""
        with suppress(OSError):  # somebody has removed it
            self._path.unlink()  # under the lock: others that have opened it meanwhile will see that it is gone
        os.close(self._descriptor)

    def _is_taken(self) -> bool:
        """Lock the file; return whether the path still refers to it."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        if sys.platform == "win32":
            return True
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(self._descriptor).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False
        except BlockingIOError:
            os.close(self._descriptor)
            raise OSError("another crawl is writing to it") from None
