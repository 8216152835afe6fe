"""JSON Lines: one item a line, UTF-8."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from typing import Any

import aiofiles
import msgspec
from aiofiles.threadpool.binary import AsyncFileIO

if sys.platform != "win32":
    import fcntl

from crawler.errors import ClosedError, ConfigurationError, SinkError


def encode_line(item: Any) -> bytes:
    """Return ``item`` as a line of JSON.

    Takes what msgspec takes (dicts, lists, dataclasses, attrs, typed dicts, named tuples, msgspec structures, dates,
    UUIDs, enums, sets, bytes as base64) and pydantic's models.

    Raises:
        TypeError: The item, or a part of it, is of another type.
    """
    return _ENCODER.encode(item) + b"\n"


def _encode_foreign(value: Any) -> Any:
    if hasattr(value, "model_dump"):  # pydantic, which need not be installed
        return value.model_dump(mode="json")
    kinds = "a dict, dataclass, msgspec or pydantic model of plain values"
    raise TypeError(f"{type(value).__qualname__} is no JSON type; yield {kinds}")


_ENCODER = msgspec.json.Encoder(enc_hook=_encode_foreign)


def _claim(descriptor: int, *, is_named: bool) -> None:
    """Empty a file, unless another crawl writes to it; pipes and terminals are left as they are.

    So is what was opened by somebody else, who has emptied it or wants to go on where it ends, as ``>>`` does.

    Raises:
        OSError: Another crawl does.
    """
    os.set_blocking(descriptor, True)  # else a write to a full pipe returns at once, having written nothing
    if not is_named or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another crawl is writing to it") from None
    os.ftruncate(descriptor, 0)


class JsonLines:
    """Writes items to a file as JSON Lines; an existing file is overwritten.

    Lines are encoded in the workers. Calls to `write` that come while the file is being written join into the next
    write, so the disk sets the pace and not the number of pages.
    """

    def __init__(self, file: str | os.PathLike[str] | int) -> None:
        """Create a sink for ``file``: a path, or an open file descriptor, which stays open."""
        self.encode = encode_line
        self._name = file if isinstance(file, int) else os.fspath(file)
        self._file: AsyncFileIO | None = None
        self._turn = asyncio.Lock()
        self._lines: list[bytes] = []
        self._writing: asyncio.Future[None] | None = None
        self._error: SinkError | None = None

    def __repr__(self) -> str:
        return f"<JsonLines {self._name!r}>"

    async def open(self) -> None:
        """Open the file.

        Raises:
            ConfigurationError: It cannot be written.
        """
        self._turn = asyncio.Lock()  # a lock belongs to the loop it was first used in
        self._lines, self._writing, self._error = [], None, None
        try:
            # Unbuffered: a batch is one system call, and nothing is left in the process when it is killed.
            self._file = await aiofiles.open(self._name, "ab", buffering=0, closefd=not isinstance(self._name, int))
            await asyncio.to_thread(_claim, self._file.fileno(), is_named=not isinstance(self._name, int))
        except OSError as error:
            await self.close()
            reason = error.strerror or str(error)
            raise ConfigurationError(f"output {self._name!r} cannot be written: {reason}") from error

    async def write(self, items: list[Any]) -> None:
        """Write encoded lines; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails.
        """
        self._lines += items
        async with self._turn:
            if self._writing is not None:
                # Of a write that was cancelled: its thread writes on, and a second one would tear its lines apart.
                await asyncio.wait((self._writing,))
            if self._file is None:
                raise ClosedError(f"{self!r} is not open")
            # Empty where whoever had its turn before has written these lines too.
            lines, self._lines = self._lines, []
            if lines and not self._error:
                self._writing = asyncio.ensure_future(self._write_out(self._file, b"".join(lines)))
                # Cancelled or not, the thread writes on: `close` waits for it, else the descriptor would go under it.
                await asyncio.shield(self._writing)
            if self._error:
                raise self._error

    async def close(self) -> None:
        """Close the file, when what is being written is written."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
        if self._file is not None:
            await self._file.close()
            self._file = None

    async def _write_out(self, file: AsyncFileIO, data: bytes) -> None:
        """Write ``data``, and keep the error: nobody may be waiting for it any more, but the next write wants it."""
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered write may take less than it is given
                rest = rest[await file.write(rest) :]
        except OSError as error:
            self._error = SinkError(f"output {self._name!r} cannot be written: {error.strerror or error}")
            self._error.__cause__ = error
