"""One output, one crawl at a time: a lock for what cannot be locked itself."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Claim:
    """A locked file beside an output. A kill leaves the file, and gives up the lock; Windows has none.

    SQLite loses its own locks on a file when the process closes any descriptor of it (https://sqlite.org/howtocorrupt.html
    §2.2), so that its files cannot be locked as others are.
    """

    def __init__(self, path: Path) -> None:
        """Take the claim.

        Raises:
            OSError: Another crawl has it, or there can be no such file.
        """
        self._path = path
        self._descriptor = -1
        while not self._is_taken():
            os.close(self._descriptor)

    def __repr__(self) -> str:
        return f"<Claim {str(self._path)!r}>"

    def give_up(self) -> None:
        """Leave the output to others."""
        with suppress(OSError):  # somebody has tidied up
            self._path.unlink()  # while the lock is held: whoever has opened it meanwhile finds that it is gone
        os.close(self._descriptor)

    def _is_taken(self) -> bool:
        """Lock the file; return whether it is still the one of that name."""
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
