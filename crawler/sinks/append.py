"""A file that is appended to, and can be cut back: the output of most sinks."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import aiofiles
import msgspec
from aiofiles.threadpool.binary import AsyncFileIO

from crawler.errors import ClosedError, ConfigurationError, SinkError
from crawler.sinks.in_place import check_in_place, identity_of
from crawler.sinks.token import REMEDY

if sys.platform != "win32":
    import fcntl

_NEXT_LOOK = 1.0  # seconds between two looks whether it is where it was, without a state folder; arbitrary
_TAIL_BYTES = 32  # bytes that distinguish this file from an edited one, or one of another crawl; arbitrary


class Mark(msgspec.Struct, frozen=True):
    """A position to which a file can be cut back.

    Attributes:
        length: Bytes before it.
        tail: The last few of these bytes.
    """

    length: int
    tail: bytes

    def after(self, data: bytes) -> Mark:
        """Return the position after ``data``, appended here."""
        tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (self.tail + data)[-_TAIL_BYTES:]
        return Mark(self.length + len(data), tail)


START = Mark(0, b"")


class AppendFile:
    """A file to which one crawl at a time appends; it is created if it is missing.

    Calls to `append` during a write are combined into the next one, so the number of writes depends on the disk and
    not on the number of pages.

    Attributes:
        name: The path or the descriptor.
    """

    def __init__(self, file: str | os.PathLike[str] | int) -> None:
        """Create an object for ``file``: a path, or an open file descriptor, which stays open."""
        self.name = file if isinstance(file, int) else os.fspath(file)
        self._file: AsyncFileIO | None = None
        self._lock = asyncio.Lock()
        self._chunks: list[bytes] = []
        self._writing: asyncio.Future[None] | None = None
        self._error: SinkError | None = None
        self._end = START
        self._is_new = False  # created by `open`
        self._is_entered = False  # whether its entry in the folder survives a power cut
        self._is_regular = False
        self._looked = 0.0
        self._path = Path()

    def __repr__(self) -> str:
        return f"<AppendFile {self.name!r}>"

    async def open(self) -> None:
        """Open the file, and prevent other crawls from writing to it; its contents stay.

        Raises:
            ConfigurationError: It cannot be written, or another crawl writes to it.
        """
        self._lock = asyncio.Lock()  # a lock belongs to the loop that first used it
        self._chunks, self._writing, self._error, self._is_entered = [], None, None, False
        is_named = not isinstance(self.name, int)
        self._path = _absolute(self.name)
        try:
            kind = await asyncio.to_thread(_kind_of, self.name)
            self._is_new = kind is None
            # A descriptor opened by somebody else is never cut: its owner has emptied it, or wants to append to it.
            self._is_regular = is_named and (kind is None or stat.S_ISREG(kind))
            # Unbuffered: a batch is one system call, and nothing is left in the process when it is killed. Readable
            # only if it can be cut: a pipe that this process could read would never break.
            mode: Any = "a+b" if self._is_regular else "ab"
            self._file = await aiofiles.open(self.name, mode, buffering=0, closefd=is_named)
            self._end = await asyncio.to_thread(_claim, self._file.fileno(), is_regular=self._is_regular)
        except OSError as error:
            await self.close()
            reason = error.strerror or str(error)
            raise ConfigurationError(f"output {self.name!r} cannot be written: {reason}") from error

    @property
    def can_be_cut(self) -> bool:
        """Whether it is a regular file, and was opened by its name."""
        return self._is_regular

    async def append(self, chunks: list[bytes]) -> None:
        """Append ``chunks``; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails; `restore` makes the file usable again.
        """
        self._chunks += chunks
        async with self._lock:
            await self._written()
            file = self._opened()
            # Empty if the call that had the lock before has written these chunks, too.
            chunks, self._chunks = self._chunks, []
            if chunks and not self._error:
                self._writing = asyncio.ensure_future(self._write_out(file, b"".join(chunks)))
                # The thread continues after a cancellation; `close` waits for it before it closes the descriptor.
                await asyncio.shield(self._writing)
            if self._error:
                raise self._error

    async def mark(self) -> Mark | None:
        """Return the end of the file as a position to cut it back to; ``None`` if it cannot be cut.

        Raises:
            SinkError: Something else has changed the file, or it is not where it was.
        """
        async with self._lock:
            await self._written()
            file = self._opened()
            if self._error:
                raise self._error
            if not self._is_regular:
                return None
            size = await asyncio.to_thread(self._size_in_place, file.fileno())
            if size != self._end.length:
                text = f"output {self.name!r} has {size} bytes, and this crawl left {self._end.length}"
                raise SinkError(f"{text}: something else writes to it; let nothing do so while it is crawled into")
            return self._end

    async def restore(self, mark: Mark | None) -> None:
        """Cut the file back to ``mark``, or to nothing, and forget errors. A file that cannot be cut is left as it is.

        Raises:
            ConfigurationError: The file is not the one that was marked, or has lost a part of its contents since.
                Nothing is changed.
            SinkError: It cannot be cut.
        """
        async with self._lock:
            await self._written()
            file = self._opened()
            self._chunks, self._error = [], None
            if not self._is_regular and mark is None:
                return
            try:
                if mark is not None and (problem := await asyncio.to_thread(self._problem_with, file.fileno(), mark)):
                    text = f"output {self.name!r} {problem} when the state of this crawl was written"
                    raise ConfigurationError(f"{text}; {REMEDY}")
                mark = mark or START
                await asyncio.to_thread(os.ftruncate, file.fileno(), mark.length)
            except OSError as error:
                raise self._failed("cut back", error) from error
            self._end, self._is_new = mark, False

    async def sync(self) -> None:
        """Make what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        async with self._lock:
            await self._written()
            file = self._opened()
            if not self._is_regular:
                return
            try:
                await asyncio.to_thread(os.fsync, file.fileno())
                if not self._is_entered:
                    await asyncio.to_thread(sync_folder_of, str(self._path))
            except OSError as error:
                raise self._failed("synced", error) from error
            self._is_entered = True

    async def close(self) -> None:
        """Close the file after pending writes.

        Raises:
            SinkError: It is not where it was.
        """
        await self._written()
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._is_regular and self._end.length:
                await asyncio.to_thread(self._size_in_place, file.fileno())
        finally:
            await file.close()

    def _opened(self) -> AsyncFileIO:
        if self._file is None:
            raise ClosedError(f"output {self.name!r} is not open")
        return self._file

    async def _written(self) -> None:
        """Wait for a cancelled write: its thread continues, and a second write would tear its lines apart."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    async def _write_out(self, file: AsyncFileIO, data: bytes) -> None:
        """Write ``data``, and store the error: perhaps nobody waits for it any more, but the next write needs it."""
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered write may take less than it is given
                rest = rest[await file.write(rest) :]
        except OSError as error:
            self._error = self._failed("written", error)
            self._error.__cause__ = error
        else:
            self._end = self._end.after(data)
        if self._is_regular and self._error is None and time.monotonic() - self._looked > _NEXT_LOOK:
            self._looked = time.monotonic()
            try:
                await asyncio.to_thread(self._size_in_place, file.fileno())
            except SinkError as error:
                self._error = error

    def _size_in_place(self, descriptor: int) -> int:
        """Return the size of the file, if it is where it was opened."""
        check_in_place(self._path, identity_of(descriptor), self.name)
        return _size_of(descriptor)

    def _failed(self, what: str, error: OSError) -> SinkError:
        return SinkError(f"output {self.name!r} cannot be {what}: {error.strerror or error}")

    def _problem_with(self, descriptor: int, mark: Mark) -> str:
        """Return why the file cannot be cut back, as a phrase before "when …"; empty if it can."""
        if not self._is_regular:
            return "is no regular file, as it was"
        size = _size_of(descriptor)
        if size >= mark.length and tail_of(descriptor, mark.length) == mark.tail:
            return ""
        if self._is_new:
            self._path.resolve().unlink()  # `open` created it, and it would be taken for an output
            return f"is missing; it had {mark.length} bytes"
        if size >= mark.length:
            return f"has {size} bytes, but the first {mark.length} are not what they were"
        return f"has {size} bytes; it had {mark.length}"


def _absolute(name: str | int) -> Path:
    """Return a path that is right also when the process has gone to another folder."""
    return Path(str(name)).absolute()


def _kind_of(name: str | int) -> int | None:
    """Return the mode of a file, ``None`` if there is none."""
    try:
        return os.fstat(name).st_mode if isinstance(name, int) else Path(name).stat().st_mode
    except FileNotFoundError:
        return None


def _size_of(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def _claim(descriptor: int, *, is_regular: bool) -> Mark:
    """Return the end of a file, unless another crawl writes to it.

    Raises:
        OSError: Another crawl writes to it.
    """
    os.set_blocking(descriptor, True)  # else a write to a full pipe returns at once, without having written anything
    if not is_regular:
        return START
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another crawl is writing to it") from None
    size = _size_of(descriptor)
    return Mark(size, tail_of(descriptor, size))


def tail_of(descriptor: int, length: int) -> bytes:
    """Return the `Mark.tail` of a file at ``length``."""
    start = max(0, length - _TAIL_BYTES)
    os.lseek(descriptor, start, os.SEEK_SET)  # appending does not depend on the position of the descriptor
    return os.read(descriptor, length - start)


def sync_folder_of(path: str) -> None:
    """Make the entry of a file in its folder survive a power cut."""
    if sys.platform == "win32":
        return
    folder = os.open(Path(path).resolve().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
