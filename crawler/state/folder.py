"""Makes the state folder, and has its entry in its parent on the disk where that must survive a power failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from crawler.errors import StateError
from crawler.runtime.private import make_private_folder


def make_folder(folder: Path, *, survives_power: bool) -> None:
    """Make ``folder``, and those that it is in, where they are missing. Only its owner may look into it.

    Where it ``survives_power``, its entry in its parent is on the disk when this returns. SQLite only syncs the entries
    of its own files.

    Raises:
        StateError: It cannot be made.
    """
    try:
        made = [each for each in folder.absolute().parents if not each.exists()]
        make_private_folder(folder)
        if survives_power:
            for each in (folder.absolute(), *made):
                _sync(each.parent)
    except OSError as error:
        raise StateError(f"the state folder {str(folder)!r} cannot be made: {error.strerror}") from error


def _sync(folder: Path) -> None:
    if sys.platform == "win32":  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
