"""Files and folders that only their owner may read: they hold cookies, credentials and pages behind a login."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_FILE, _FOLDER, _OTHERS = 0o600, 0o700, 0o077


def make_private_folder(folder: Path) -> None:
    """Make ``folder``, and those that it is in, where they are missing; one that exists stays as its owner wants it.

    Raises:
        OSError: It cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_FOLDER, exist_ok=True)


def make_private(path: Path) -> None:
    """Make an empty file at ``path`` where there is none; one that exists is private from now on, if it is ours.

    One that exists is not opened: SQLite loses its locks on a file when the process closes any descriptor of it
    (https://sqlite.org/howtocorrupt.html §2.2).

    Raises:
        OSError: It cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE))
    except FileExistsError:
        with suppress(OSError):  # it is another user's, or on a disk without modes
            if path.stat().st_mode & _OTHERS:
                path.chmod(_FILE)


def open_private(path: Path, flags: int) -> int:
    """Return a descriptor of the file at ``path``, opened with the ``flags`` of `os.open`, private from now on.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, flags, _FILE)
    with suppress(OSError):  # as above
        if os.fstat(descriptor).st_mode & _OTHERS:
            path.chmod(_FILE)
    return descriptor


def write_private(path: Path, data: bytes) -> None:
    """Write ``data`` to the file at ``path``.

    Raises:
        OSError: The disk is full, or fails.
    """
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(data)
