"""``--failures``: what a crawl did not get, a line each, as it happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import SinkError
from crawler.models import Failure
from crawler.sinks.jsonl import JsonLines, encode_line


class _Line(msgspec.Struct, omit_defaults=True):
    """A failure as it stands in the file: see `Failure`; ``saved`` only where a page is kept in quarantine."""

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

    With a state folder it goes on with the file. After a kill none is missing; one that came to nothing at that very
    moment may be there twice.

    It is a sink that takes no items, so that it is opened when the crawl is sure to begin, and closed after its end,
    however that comes. Each failure is on its way to the file before the next turn of the event loop.

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
            ConfigurationError: It cannot be written.
        """
        self.count, self._lines, self._writing, self._error = 0, [], None, None
        await self._file.open()

    def note(self, failure: Failure) -> None:
        """Have a failure written.

        Raises:
            SinkError: Those before it could not be written.
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
        """By what a state knows it."""
        return f"failures in {Path(self.path).name}"

    async def checkpoint(self) -> bytes | None:
        """Return a token for the file with all that was noted; ``None`` for what cannot be cut back.

        Raises:
            SinkError: Some could not be written, or something else writes to the file.
        """
        if self._writing is not None:
            await asyncio.wait((self._writing,))
        return await self._file.checkpoint()

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or empty it.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another. Nothing is touched.
            SinkError: It cannot be cut.
        """
        await self._file.restore(token)

    async def sync(self) -> None:
        """Have what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._file.sync()

    async def close(self) -> None:
        """Close the file, when all failures are written.

        Raises:
            SinkError: Some could not be.
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
    """Return nothing for an item. At the top level of a module, so that it pickles by name."""
    del item
    return b""


def _encoded(failure: Failure) -> bytes:
    return encode_line(
        _Line(
            url=failure.url,
            state=failure.state.value,
            error=failure.error,
            message=_text(failure.message),
            attempts=failure.attempts,
            status=failure.status,
            depth=failure.depth,
            parent=failure.parent,
            saved=_text(failure.saved),
        )
    )


def _text(text: str) -> str:
    """Return ``text`` without the half characters that stand for odd bytes in answers, and that JSON cannot hold."""
    return text.encode("utf-8", "replace").decode()
