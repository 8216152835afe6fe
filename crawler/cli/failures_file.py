"""``--failures``: a file with one line of JSON for each failure of a crawl, written as it happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import SinkError
from crawler.models import Failure
from crawler.runtime.unicode_text import writable
from crawler.sinks.jsonl import JsonLines, encode_line


class _Line(msgspec.Struct, omit_defaults=True):
    """A line of the file: see `Failure`; ``saved`` is there only if the page is in quarantine."""

    url: str
    state: str
    error: str
    message: str
    attempts: int
    status: int
    depth: int
    parent: str
    saved: str = ""


class FailureList:
    """Writes failures to a file as JSON Lines; a new crawl overwrites an existing file.

    With a state folder, a resumed crawl appends to the file. After a kill no failure is missing; one that happened at
    that very moment may be there twice.

    It is a sink that takes no items: a crawl opens its sinks when it is sure to begin, and closes them however it ends.
    The write of a failure begins before the next iteration of the event loop.

    Attributes:
        path: The file.
        count: Failures so far.
    """

    def __init__(self, path: str) -> None:
        self.encode = encode_nothing
        self.path = path
        self.count = 0
        self._file = JsonLines(path)
        self._lines: list[bytes] = []
        self._writing: asyncio.Task[None] | None = None
        self._error: SinkError | None = None

    def __repr__(self) -> str:
        return f"<FailureList {self._file!r}, {self.count} failures>"

    async def open(self) -> None:
        """Open the file.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        self.count, self._lines, self._writing, self._error = 0, [], None, None
        await self._file.open()

    def note(self, failure: Failure) -> None:
        """Write a failure, without waiting for the disk.

        Raises:
            SinkError: Earlier failures could not be written.
        """
        if self._error is not None:
            raise self._error
        self.count += 1
        self._lines.append(_encoded(failure))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_out(), name=repr(self))

    async def write(self, items: list[Any]) -> None:
        """Do nothing: items are for others."""

    @property
    def name(self) -> str:
        """The name of this output in a state folder."""
        return f"failures in {Path(self.path).name}"

    async def checkpoint(self) -> bytes | None:
        """Return a token for the file with all failures so far; ``None`` if the file cannot be cut back.

        Raises:
            SinkError: A failure could not be written, or something else writes to the file.
        """
        if self._writing is not None:
            await asyncio.wait((self._writing,))
        return await self._file.checkpoint()

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made; empty it if there is no token.

        Raises:
            ConfigurationError: The file is shorter than it was then, or is another one. It is left as it is.
            SinkError: The file cannot be cut.
        """
        await self._file.restore(token)

    async def sync(self) -> None:
        """Flush the file to the disk, so that it survives a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._file.sync()

    async def close(self) -> None:
        """Write the rest of the failures, and close the file.

        Raises:
            SinkError: A failure could not be written.
        """
        try:
            if self._writing is not None:
                await asyncio.wait((self._writing,))
        finally:
            await self._file.close()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    async def _write_out(self) -> None:
        try:
            while self._lines:
                lines, self._lines = self._lines, []
                await self._file.write(lines)
        except SinkError as error:
            self._error = error
        finally:
            self._writing = None


def encode_nothing(item: Any) -> bytes:
    """Return no bytes for an item. This is a function of the module so that it pickles by name."""
    del item
    return b""


def _encoded(failure: Failure) -> bytes:
    return encode_line(
        _Line(
            url=failure.url,
            state=failure.state.value,
            error=failure.error,
            message=writable(failure.message),
            attempts=failure.attempts,
            status=failure.status,
            depth=failure.depth,
            parent=failure.parent,
            saved=writable(failure.saved),
        )
    )
