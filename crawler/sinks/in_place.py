"""Whether an output is where it was opened: it may be removed, moved or replaced while a crawl writes to it."""

from __future__ import annotations

import os
from typing import NamedTuple

from crawler.errors import SinkError


class Identity(NamedTuple):
    """What distinguishes a file from all others on this machine."""

    device: int
    inode: int


def identity_of(file: str | os.PathLike[str] | int) -> Identity | None:
    """Return the identity of a file, by its path or descriptor; ``None`` if there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116  # of descriptors, too
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)


def check_in_place(path: str | os.PathLike[str], opened: Identity | None, name: object) -> None:
    """Check that the file at ``path`` is the one that was ``opened``; the output's ``name`` is for the error.

    Raises:
        SinkError: It is not.
    """
    there = identity_of(path)
    if there == opened:
        return
    what = "removed or moved away" if there is None else "replaced by another file"
    raise SinkError(f"output {str(name)!r} was {what} while the crawl wrote to it; let nothing touch it until the end")
