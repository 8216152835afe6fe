"""Tells a disk that is full from one that fails."""

from __future__ import annotations

import errno
import sqlite3

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
# The last one: there is no space for the index of the log.
_MAY_PASS = ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_SHMSIZE")


def is_full(error: BaseException) -> bool:
    """Tell whether a full disk has caused ``error``, or a file that another process holds: it may pass."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            return True
        if isinstance(cause, sqlite3.Error):
            return (getattr(cause, "sqlite_errorname", "") or "").startswith(_MAY_PASS)
        cause = cause.__cause__
    return False
