"""CSV: one item a row, by RFC 4180."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from crawler.errors import ConfigurationError, EncodingError
from crawler.policy.checks import several
from crawler.sinks.append import Mark
from crawler.sinks.append_sink import AppendSink
from crawler.sinks.columns import fields_of, json_of

_END = b"\r\n"  # RFC 4180 §2.1


class _Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An item on its way from the worker to the file.

    Attributes:
        names: Its columns, encoded: comparing bytes tells whether they are those of the file.
        line: The row without its line end.
        lengths: The length of each field in bytes, encoded; by these the fields of other rows are found.
    """

    names: msgspec.Raw
    line: bytes
    lengths: msgspec.Raw


_encode = msgspec.msgpack.Encoder().encode
_ROWS = msgspec.msgpack.Decoder(_Row)
_NAMES = msgspec.msgpack.Decoder(tuple[str, ...])
_LENGTHS = msgspec.msgpack.Decoder(list[int])


def encode_row(item: Any, columns: tuple[str, ...] | None = None) -> bytes:
    """Return ``item`` encoded for `Csv.write`: a row with the names of its columns.

    Args:
        item: Anything with named fields.
        columns: The columns of the file, if they are known.

    Raises:
        TypeError: The item has no named fields, or a value of a foreign type.
        ValueError: It has a field that is not one of ``columns``.
    """
    fields = fields_of(item)
    names = columns or tuple(fields)
    if columns and (unknown := next((name for name in fields if name not in columns), None)) is not None:
        raise ValueError(_unknown(unknown, columns))
    texts = _quoted([_text_of(fields.get(name)) for name in names])
    return _encode(
        _Row(msgspec.Raw(_encode(names)), _joined(texts), msgspec.Raw(_encode([len(text) for text in texts])))
    )


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)  # JSON has no infinity
    return "" if value is None else json_of(value)


def _quoted(texts: Sequence[str]) -> list[bytes]:
    """Return ``texts`` as fields of a row, quoted if necessary."""
    quoted = []
    for text in texts:
        row = io.StringIO(newline="")
        csv.writer(row).writerow((text, ""))  # two fields, because a single empty one is written differently
        quoted.append(row.getvalue()[: -len(",\r\n")].encode())
    return quoted


def _joined(fields: Sequence[bytes]) -> bytes:
    return b",".join(fields) or b'""'  # an empty line would not count as a row


def _unknown(name: str, columns: Sequence[str]) -> str:
    remedy = "name all of them: Csv(file, columns=(…)), or leave the field out"
    return f"the field {name!r} is none of the columns ({', '.join(columns)}); {remedy}"


class _Token(Mark, frozen=True, tag="csv"):
    columns: tuple[str, ...]


class Csv(AppendSink[_Token]):
    """Writes items to a file as comma-separated values, UTF-8; a new crawl overwrites an existing file.

    Missing fields and ``None`` are empty; lists, dicts, ``true`` and ``false`` are JSON. Texts are written unchanged:
    one that begins with ``=`` is a formula to a spreadsheet program, so such a file should be imported as text. With a
    state folder each item is in the file exactly once, unless the file is a pipe, a terminal or a descriptor.
    """

    def __init__(self, file: str | os.PathLike[str] | int, columns: Sequence[str] | None = None) -> None:
        """Create a sink.

        Args:
            file: A path, or an open file descriptor, which stays open and is never emptied.
            columns: The names of the columns; by default the fields of the first item.

        Raises:
            ConfigurationError: ``columns`` is empty, or contains a name twice.
        """
        several("columns", columns or ())
        given = None if columns is None else tuple(columns)
        if given is not None and (not given or len(set(given)) < len(given)):
            raise ConfigurationError.of("columns", columns, "different names, one at least")
        super().__init__(file, _Token, lambda mark: _Token(mark.length, mark.tail, self._columns))
        self.encode = partial(encode_row, columns=given)
        self._given = given
        self._columns: tuple[str, ...] = ()  # those in the header, once it is written
        self._names = b""  # the same, encoded

    async def open(self) -> None:
        """Open the file, and leave what it holds.

        Raises:
            ConfigurationError: It cannot be written, or another crawl writes to it.
        """
        await super().open()
        self._columns, self._names = (), b""

    async def write(self, items: list[Any]) -> None:
        """Write encoded rows; they have left the process when this returns.

        Raises:
            EncodingError: A row has a field that is none of the columns. Nothing is written.
            SinkError: The disk is full, or fails.
        """
        rows = [_ROWS.decode(item) for item in items]
        if not rows:
            return
        columns, names = self._columns or _NAMES.decode(rows[0].names), self._names or bytes(rows[0].names)
        lines = [row.line if bytes(row.names) == names else self._arranged(row, columns) for row in rows]
        header = [] if self._columns else [_header(columns)]
        self._columns, self._names = columns, names
        await super().write([*header, _END.join((*lines, b""))])

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or to a header where the columns are given.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another, or had other columns.
                Nothing is touched.
            SinkError: It cannot be cut.
        """
        mark = self._decoded(token)
        if mark and self._given and mark.columns not in ((), self._given):
            was = f"{self!r} had the columns {mark.columns} when the state of this crawl was written"
            raise ConfigurationError(f"{was}, not {self._given}; give those, or start with a new --state folder")
        await self._file.restore(mark)
        if mark is None and not self._file.can_be_cut and self._columns:
            return  # the header has been sent, and cannot be taken back
        columns = mark.columns if mark else ()
        if not columns and self._given:
            columns = self._given
            await self._file.append([_header(columns)])
        self._columns, self._names = columns, _encode(columns) if columns else b""

    def _arranged(self, row: _Row, columns: tuple[str, ...]) -> bytes:
        """Return a row with other fields, or in another order, in the order of ``columns``."""
        fields, start = {}, 0
        for name, length in zip(_NAMES.decode(row.names), _LENGTHS.decode(row.lengths), strict=True):
            if name not in columns:
                raise EncodingError(f"output {self._file.name!r}: {_unknown(name, columns)}")
            fields[name] = row.line[start : start + length]
            start += length + 1
        return _joined([fields.get(name, b"") for name in columns])


def _header(columns: tuple[str, ...]) -> bytes:
    return _joined(_quoted(columns)) + _END
