"""SQLite: one item a row of a table, in a file of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import ClosedError, ConfigurationError
from crawler.runtime.serial_executor import SerialExecutor
from crawler.sinks.columns import fields_of, json_of
from crawler.sinks.sqlite_file import GROUP, ID, SqliteFile, folded
from crawler.sinks.token import decode_token, known_as

_LARGEST = 2**63 - 1  # of an INTEGER in SQLite
_MOST_FIELDS = 1990  # SQLITE_MAX_COLUMN is 2000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode


def encode_values(item: Any) -> bytes:
    """Return ``item`` encoded for `Sqlite.write`: its fields, with values of SQLite's types.

    Raises:
        TypeError: The item has no named fields, or a value of a foreign type.
        ValueError: Two of its fields are the same column to SQLite, or one is a column of the sink's own.
    """
    fields = fields_of(item, native=(bytes, bytearray))
    names = {folded(name) for name in fields}
    if len(names) < len(fields):
        raise ValueError(f"two of the fields {', '.join(fields)} differ in case alone, which is one column to SQLite")
    if len(fields) > _MOST_FIELDS:
        raise ValueError(f"{len(fields)} fields are too many columns; where names are data, yield a list of pairs")
    if strange := next((name for name in fields if "\0" in name), None):
        raise ValueError(f"SQLite has no column {strange!r}, as there is NUL in the name")
    if reserved := {ID, GROUP} & names:
        raise ValueError(f"the field {reserved.pop()!r} is a column of the sink's own; give it another name")
    return _encode({name: _value_of(value) for name, value in fields.items()})


def _value_of(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case int():
            return value if -_LARGEST <= value <= _LARGEST else str(value)
        case None | float() | str() | bytes() | bytearray():
            return value
    return json_of(value)


class _Token(msgspec.Struct, frozen=True, tag="sqlite"):
    """The contents of the file.

    Attributes:
        crawl: The crawl that wrote it.
        group: The last group that is written.
    """

    crawl: str
    group: int


class Sqlite:
    """Writes items to a table of an SQLite file, each field a column; a new crawl empties the table.

    The table has two more columns: ``_id``, which counts the rows, and ``_group``, the number of the write that added
    the row. Numbers, texts, bytes and ``None`` are stored as such, ``True`` as 1; all others are JSON, and an integer
    of more than 64 bits is text. A new field adds a column. With a state folder each item is in the table exactly once:
    rows of groups after the last committed one are deleted.

    The file may be read while it is written (write-ahead log), and must be on a local disk.
    """

    def __init__(self, file: str | os.PathLike[str], table: str = "items") -> None:
        """Create a sink.

        Args:
            file: The path of the file, which is for this sink alone.
            table: The name of the table.

        Raises:
            ConfigurationError: ``table`` cannot be the name of a table.
        """
        if not table or "\0" in table or table.startswith("_") or folded(table).startswith("sqlite_"):
            expected = "the name of a table, which begins with neither _ nor sqlite_"
            raise ConfigurationError.of("table", table, expected)
        self.encode = encode_values
        self._path = Path(file)
        self._table = table
        self._file: SqliteFile | None = None
        self._executor = SerialExecutor()

    def __repr__(self) -> str:
        return f"<Sqlite {str(self._path)!r}>"

    @property
    def name(self) -> str:
        """The name under which the state stores its tokens."""
        return known_as(self, self._path)

    async def open(self) -> None:
        """Open the file, and leave its contents.

        Raises:
            ConfigurationError: No such sink has written it, it cannot be written, or another crawl writes to it.
        """
        self._executor = SerialExecutor()  # a lock belongs to the loop that first used it
        self._file = SqliteFile(self._path, self._table)
        try:
            await self._executor.run(self._file.open)
        except ConfigurationError:
            await self.close()
            raise

    async def write(self, items: list[Any]) -> None:
        """Write encoded rows in one transaction, with the number of their group.

        Raises:
            EncodingError: SQLite cannot have a column of that name, or so many.
            SinkError: The disk is full, or fails, or another program has locked the file.
        """
        if items:
            await self._executor.run(self._write, self._opened(), items)

    async def checkpoint(self) -> bytes | None:
        """Return a token with the number of the last group."""
        file = self._opened()
        return msgspec.json.encode(_Token(file.crawl, file.group))

    async def restore(self, token: bytes | None) -> None:
        """Delete the rows of all groups after that of ``token``, or all rows.

        Raises:
            ConfigurationError: The file is missing, of another crawl, or has lost groups. Nothing is changed.
            SinkError: The rows cannot be deleted.
        """
        file = self._opened()
        if token is None:
            await self._executor.run(file.begin)
            return
        found = decode_token(token, _Token, repr(self))
        await self._executor.run(file.cut_back, found.crawl, found.group)

    async def sync(self) -> None:
        """Make what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._executor.run(self._opened().sync)

    async def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            await self._executor.run(file.close)

    def _opened(self) -> SqliteFile:
        if self._file is None:
            raise ClosedError(f"{self!r} is not open")
        return self._file

    @staticmethod
    def _write(file: SqliteFile, items: list[bytes]) -> None:
        file.insert([_decode(item) for item in items])
