"""JSON Lines: one item a line, UTF-8."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from crawler.sinks.append import AppendFile, Mark
from crawler.sinks.columns import plain_of_foreign
from crawler.sinks.token import decode_token, known_as


def encode_line(item: Any) -> bytes:
    """Return ``item`` as a line of JSON.

    Accepts what msgspec accepts (dicts, lists, dataclasses, attrs, typed dicts, named tuples, msgspec structures,
    dates, UUIDs, enums, sets, bytes as base64) and pydantic models.

    Raises:
        TypeError: The item, or a part of it, is of another type.
    """
    return _ENCODER.encode(item) + b"\n"


_ENCODER = msgspec.json.Encoder(enc_hook=plain_of_foreign)


class _Token(Mark, frozen=True, tag="jsonl"):
    """The position to which the file is cut back."""


class JsonLines:
    """Writes items to a file as JSON Lines; a new crawl overwrites an existing file.

    Lines are encoded in the workers. With a state folder each item is in the file exactly once, unless the file is a
    pipe, a terminal or a descriptor.
    """

    def __init__(self, file: str | os.PathLike[str] | int) -> None:
        """Create a sink for ``file``: a path, or an open file descriptor, which stays open and is never emptied."""
        self.encode = encode_line
        self._file = AppendFile(file)

    def __repr__(self) -> str:
        return f"<JsonLines {self._file.name!r}>"

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
        """Write encoded lines; they have left the process when this returns.

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
        return None if mark is None else msgspec.json.encode(_Token(mark.length, mark.tail))

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or empty it.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another. Nothing is touched.
            SinkError: It cannot be cut.
        """
        await self._file.restore(None if token is None else decode_token(token, _Token, repr(self)))

    async def sync(self) -> None:
        """Have what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._file.sync()

    async def close(self) -> None:
        """Close the file, when what is being written is written."""
        await self._file.close()
