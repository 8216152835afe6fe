"""CSV: one item a row, by RFC 4180."""

from __future__ import annotations

import codecs
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


def encode_row(item: Any, columns: tuple[str, ...] | None = None, extra: str | None = None) -> bytes:
    """Return ``item`` encoded for `Csv.write`: a row with the names of its columns.

    Args:
        item: Anything with named fields.
        columns: The columns of the file, if they are known, without ``extra``.
        extra: The column for all other fields; ``None`` if there is none.

    Raises:
        TypeError: The item has no named fields, or a value of a foreign type.
        ValueError: It has a field that is not one of ``columns``, and there is no column for those.
    """
    fields = fields_of(item)
    if extra is not None and extra in fields:
        raise ValueError(f"the field {extra!r} has the name of the column for all others; give one another name")
    names = columns or tuple(fields)
    others = [name for name in fields if name not in names]
    if others and extra is None:
        raise ValueError(_unknown(others[0], names))
    texts = _quoted([_text_of(fields.get(name)) for name in names])
    if columns and extra is not None:
        names = (*names, extra)
        texts += _quoted([_json_of({name: _text_of(fields[name]) for name in others})])
    return _encode(
        _Row(msgspec.Raw(_encode(names)), _joined(texts), msgspec.Raw(_encode([len(text) for text in texts])))
    )


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)  # JSON has no infinity
    return "" if value is None else json_of(value)


def _json_of(others: dict[str, str]) -> str:
    """Return the fields that have no column of their own as a JSON object of texts; nothing where there are none."""
    return json_of(others) if others else ""


def _unquoted(field: bytes) -> str:
    """Return the text of a field of a row."""
    # Not by csv.reader, which refuses fields of more than 131,072 characters.
    return (field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field).decode()


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
    remedy = (
        "name all of them: Csv(file, columns=(…)), give others a column: Csv(file, extra=…), or leave the field out"
    )
    return f"the field {name!r} is none of the columns ({', '.join(columns)}); {remedy}"


class _Token(Mark, frozen=True, tag="csv"):
    columns: tuple[str, ...]


class Csv(AppendSink[_Token]):
    """Writes items to a file as comma-separated values, UTF-8; a new crawl overwrites an existing file.

    Missing fields and ``None`` are empty; lists, dicts, ``true`` and ``false`` are JSON. Texts are written unchanged:
    one that begins with ``=`` is a formula to a spreadsheet program, so such a file should be imported as text. With a
    state folder each item is in the file exactly once, unless the file is a pipe, a terminal or a descriptor.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | int,
        columns: Sequence[str] | None = None,
        *,
        extra: str | None = None,
        bom: bool = False,
    ) -> None:
        """Create a sink.

        Args:
            file: A path, or an open file descriptor, which stays open and is never emptied.
            columns: The names of the columns; by default the fields of the first item.
            extra: The name of one more column, the last one, for all fields that have none, such as those that come
                late: a JSON object of their texts. Without it, a page with such a field fails.
            bom: Whether the file begins with a byte order mark, without which Excel takes UTF-8 for something else.

        Raises:
            ConfigurationError: ``columns`` is empty, or contains a name twice, or ``extra`` is one of them.
        """
        several("columns", columns or ())
        given = None if columns is None else tuple(columns)
        if given is not None and (not given or len(set(given)) < len(given)):
            raise ConfigurationError.of("columns", columns, "different names, one at least")
        if extra is not None and (not extra or extra in (given or ())):
            raise ConfigurationError.of("extra", extra, "the name of a column that is none of the others")
        super().__init__(file, _Token, lambda mark: _Token(mark.length, mark.tail, self._columns))
        self.encode = partial(encode_row, columns=given, extra=extra)
        self._extra = extra
        self._mark = codecs.BOM_UTF8 if bom else b""
        self._given = None if given is None else self._with_extra(given)
        self._columns: tuple[str, ...] = ()  # those in the header, once it is written
        self._names = b""  # the same, encoded
        self._short_names = b""  # the same without the extra column: most rows have these

    def _with_extra(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return columns if self._extra is None else (*columns, self._extra)

    def _use(self, columns: tuple[str, ...]) -> None:
        self._columns, self._names = columns, _encode(columns) if columns else b""
        self._short_names = _encode(columns[:-1]) if columns and self._extra is not None else b""

    async def open(self) -> None:
        """Open the file, and leave what it holds.

        Raises:
            ConfigurationError: It cannot be written, or another crawl writes to it.
        """
        await super().open()
        self._use(())

    async def write(self, items: list[Any]) -> None:
        """Write encoded rows; they have left the process when this returns.

        Raises:
            EncodingError: A row has a field that is none of the columns. Nothing is written.
            SinkError: The disk is full, or fails.
        """
        rows = [_ROWS.decode(item) for item in items]
        if not rows:
            return
        known = self._columns
        if not known:
            self._use(self._with_extra(_NAMES.decode(rows[0].names)))
        try:
            lines = [self._line_of(row) for row in rows]
        except EncodingError:
            self._use(known)
            raise
        header = [] if known else [self._mark + _header(self._columns)]
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
            await self._file.append([self._mark + _header(columns)])
        self._use(columns)

    def _line_of(self, row: _Row) -> bytes:
        names = bytes(row.names)
        if names == self._names:
            return row.line
        if self._short_names and names == self._short_names:
            return row.line + b","
        return self._arranged(row, self._columns)

    def _arranged(self, row: _Row, columns: tuple[str, ...]) -> bytes:
        """Return a row with other fields, or in another order, in the order of ``columns``."""
        fields: dict[str, bytes] = {}
        others: dict[str, str] = {}
        start = 0
        for name, length in zip(_NAMES.decode(row.names), _LENGTHS.decode(row.lengths), strict=True):
            field = row.line[start : start + length]
            start += length + 1
            if name in columns:
                fields[name] = field
            elif self._extra is None:
                raise EncodingError(f"output {self._file.name!r}: {_unknown(name, columns)}")
            else:
                others[name] = _unquoted(field)
        if self._extra is not None and others:
            [fields[self._extra]] = _quoted([_json_of(others)])
        return _joined([fields.get(name, b"") for name in columns])


def _header(columns: tuple[str, ...]) -> bytes:
    return _joined(_quoted(columns)) + _END
