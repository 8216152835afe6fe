"""A sink that appends to one file: what JSON Lines, CSV and WARC have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from crawler.sinks.append import AppendFile, Mark
from crawler.sinks.token import decode_token, known_as

TokenT = TypeVar("TokenT", bound=Mark)


class AppendSink(Generic[TokenT]):
    """Appends encoded items to a file, and cuts it back to a checkpoint.

    A base class, as its methods are those of public classes: users call them, and override them in classes of theirs.
    """

    def __init__(
        self, file: str | os.PathLike[str] | int, kind: type[TokenT], token_at: Callable[[Mark], TokenT] | None = None
    ) -> None:
        """Create a sink.

        Args:
            file: A path, or an open file descriptor, which stays open and is never emptied.
            kind: What a checkpoint says; its tag is the kind of sink.
            token_at: Makes one of a place in the file; by default there is no more in it than the place.
        """
        self._file = AppendFile(file)
        self._kind = kind
        self._token_at = token_at or (lambda mark: kind(mark.length, mark.tail))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._file.name!r}>"

    @property
    def name(self) -> str:
        """By what a state knows it."""
        return known_as(self, self._file.name)

    async def open(self) -> None:
        """Open the file, and leave what it holds.

        Raises:
            ConfigurationError: It cannot be written, or another crawl writes to it.
        """
        await self._file.open()

    async def write(self, items: list[Any]) -> None:
        """Write encoded items; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails.
        """
        await self._file.append(items)

    async def checkpoint(self) -> bytes | None:
        """Return a token for the file as it is now; ``None`` for what cannot be cut back.

        Raises:
            SinkError: Something else writes to the file.
        """
        mark = await self._file.mark()
        return None if mark is None else msgspec.json.encode(self._token_at(mark))

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or empty it.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another. Nothing is touched.
            SinkError: It cannot be cut.
        """
        await self._file.restore(self._decoded(token))

    async def sync(self) -> None:
        """Have what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._file.sync()

    async def close(self) -> None:
        """Close the file, when what is being written is written."""
        await self._file.close()

    def _decoded(self, token: bytes | None) -> TokenT | None:
        return None if token is None else decode_token(token, self._kind, repr(self))
