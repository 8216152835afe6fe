"""Parquet: items as rows of typed columns, in a folder of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import ClosedError
from crawler.policy.checks import whole
from crawler.runtime.serial_executor import SerialExecutor
from crawler.sinks.columns import fields_of
from crawler.sinks.parquet_folder import Contents, ParquetFolder
from crawler.sinks.shapes import shape_of
from crawler.sinks.token import decode_token, known_as


class _Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An item on its way from the worker to the folder: a line of JSON, and its shape, encoded."""

    line: bytes
    shape: bytes


_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Row).decode


def encode_shaped(item: Any) -> bytes:
    """Return ``item`` encoded for `Parquet.write`: a row with its shape, for the schema.

    Raises:
        TypeError: The item has no named fields, or a value of a foreign type.
        ValueError: A list holds values of different kinds, or an integer has more than 64 bits.
    """
    fields = fields_of(item)
    return _pack(_Row(_encode(fields) + b"\n", _encode(shape_of(fields))))


class Parquet:
    """Writes items to a folder of Parquet files, each field a column; a new crawl removes those of an earlier one.

    Columns have types: booleans, integers of 64 bits, floats, texts, lists and structures of these; all others (dates,
    enums, bytes…) are text, as in JSON. The first items decide: a field must be of one kind in all items, but may be
    missing, or ``None``. Integers become floats with the first float, until the first file is complete. A new field
    adds a column from that file on.

    Items that wait for their file are in ``_spool-….jsonl``, which readers of such folders ignore. At the end of the
    crawl they become the last file. With a state folder each item is in the files exactly once; a kill leaves complete
    files and a spool.

    It needs pyarrow: ``pip install 'crawler[parquet]'``.
    """

    def __init__(self, folder: str | os.PathLike[str], rows: int = 100_000) -> None:
        """Create a sink.

        Args:
            folder: The path of the folder, which is for this sink alone; it is created if it is missing.
            rows: Items per file, at least; a file has fewer if they reach 128 MiB of JSON, or if it is the last.

        Raises:
            ConfigurationError: ``rows`` is no number of rows.
        """
        whole("rows", rows, 1)
        self.encode = encode_shaped
        self._path = Path(folder)
        self._rows = rows
        self._folder: ParquetFolder | None = None
        self._executor = SerialExecutor()

    def __repr__(self) -> str:
        return f"<Parquet {str(self._path)!r}>"

    @property
    def name(self) -> str:
        """The name under which the state stores its tokens."""
        return known_as(self, self._path)

    async def open(self) -> None:
        """Open the folder, and leave its contents.

        Raises:
            ConfigurationError: It is a file, cannot be written, contains files that no crawl has written, another crawl
                writes to it, or pyarrow is not installed.
        """
        self._executor = SerialExecutor()  # a lock belongs to the loop that first used it
        self._folder = ParquetFolder(self._path, self._rows)
        await self._executor.run(self._folder.open)

    async def write(self, items: list[Any]) -> None:
        """Write encoded rows; they have left the process when this returns.

        Raises:
            EncodingError: A field is of another kind than before. Nothing is written.
            SinkError: The disk is full, or fails.
        """
        if items:
            await self._executor.run(self._write, self._opened(), items)

    async def checkpoint(self) -> bytes | None:
        """Return a token for the folder as it is now.

        Raises:
            SinkError: Something else writes to it.
        """
        return msgspec.json.encode(await self._executor.run(self._opened().contents))

    async def restore(self, token: bytes | None) -> None:
        """Cut the folder back to its contents when ``token`` was made, or remove all that crawls have written to it.

        Raises:
            ConfigurationError: It has lost a part of these contents, or is of another crawl. Nothing is changed.
            SinkError: The disk fails.
        """
        folder = self._opened()
        if token is None:
            await self._executor.run(folder.begin)
        else:
            await self._executor.run(folder.cut_back, decode_token(token, Contents, repr(self)))

    async def sync(self) -> None:
        """Make what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._executor.run(self._opened().sync)

    async def close(self) -> None:
        """Write the waiting items to a file, and close the folder.

        Raises:
            SinkError: The disk is full, or fails; the waiting items are still in the spool.
        """
        folder, self._folder = self._folder, None
        if folder is not None:
            await self._executor.run(folder.finish)

    def _opened(self) -> ParquetFolder:
        if self._folder is None:
            raise ClosedError(f"{self!r} is not open")
        return self._folder

    @staticmethod
    def _write(folder: ParquetFolder, items: list[bytes]) -> None:
        rows = [_unpack(item) for item in items]
        folder.append([row.line for row in rows], [row.shape for row in rows])
