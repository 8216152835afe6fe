"""Tells a disk that is full, or a process that can open no more files, from a disk that fails."""

from __future__ import annotations

import errno
import sqlite3

from crawler.runtime.descriptors import is_exhausted

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
# The last one: there is no space for the index of the log.
_MAY_PASS = ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_SHMSIZE")


def is_full(error: BaseException) -> bool:
    """Tell whether ``error`` may pass: a full disk, a lack of descriptors, a file that another process holds."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            return True
        if isinstance(cause, sqlite3.Error):
            name = getattr(cause, "sqlite_errorname", "") or ""
            return name.startswith(_MAY_PASS) or (name.startswith("SQLITE_CANTOPEN") and is_exhausted())
        cause = cause.__cause__
    return False
