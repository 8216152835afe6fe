"""A spool: waiting rows as lines of JSON, in a file that can be cut back. Used by one thread at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from crawler.sinks.append import Mark, sync_folder_of, tail_of
from crawler.sinks.in_place import check_in_place, identity_of


class Spool:
    """An open spool file.

    Attributes:
        path: Its path.
        end: The end of what has been written.
    """

    def __init__(self, path: Path, end: Mark) -> None:
        """Open the file and cut it back to ``end``, or create it.

        Raises:
            OSError: The disk fails.
        """
        self.path = path
        self.end = end
        self._file = path.open("a+b", buffering=0)
        self._file.truncate(end.length)

    def __repr__(self) -> str:
        return f"<Spool {str(self.path)!r}, {self.end.length} bytes>"

    @property
    def is_as_left(self) -> bool:
        """Whether nothing else has written to it."""
        return os.fstat(self._file.fileno()).st_size == self.end.length

    def check_in_place(self, name: object) -> None:
        """Check that it is where it was; ``name`` is that of the output.

        Raises:
            SinkError: It is not.
        """
        check_in_place(self.path, identity_of(self._file.fileno()), name)

    def write(self, data: bytes) -> None:
        """Append ``data``, completely or not at all.

        Raises:
            OSError: The disk is full, or fails.
        """
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered write may take less than it is given
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self.end.length)
            raise
        self.end = self.end.after(data)

    def lines(self, count: int) -> Iterator[bytes]:
        """Yield the first ``count`` lines.

        Raises:
            OSError: The disk fails.
        """
        with self.path.open("rb") as file:
            yield from islice(file, count)

    def sync(self) -> None:
        """Make what is written survive a power cut.

        Raises:
            OSError: The disk fails.
        """
        os.fsync(self._file.fileno())
        sync_folder_of(str(self.path))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def problem_with(path: Path, end: Mark) -> str:
    """Return why the file ``path`` cannot be cut back to ``end``, as a phrase before "when …"; empty if it can.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < end.length:
            return f"has {size} bytes in {path.name}; it had {end.length}"
        if tail_of(file.fileno(), end.length) != end.tail:
            return f"has {size} bytes in {path.name}, but the first {end.length} are not what they were"
    return ""
