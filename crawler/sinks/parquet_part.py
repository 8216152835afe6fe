"""The part files of a Parquet output. The only module that imports pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.sinks.shapes import resolved

_AT_ONCE = 200  # rows that are converted before the event loop's thread can run again: a millisecond or two
_CRAWL, _SHAPE = b"crawler.crawl", b"crawler.shape"
_LEAVES = {"n": pa.null(), "b": pa.bool_(), "i": pa.int64(), "I": pa.int64(), "f": pa.float64(), "s": pa.string()}


class Part(NamedTuple):
    """The metadata of a part file: the ``crawl`` that wrote it, the ``shape`` of its rows, and their number."""

    crawl: str
    shape: dict[str, Any]
    rows: int


def write_part(path: Path, lines: Iterable[bytes], shape: dict[str, Any], crawl: str) -> None:
    """Write rows of a ``shape``, as lines of JSON, to a part file, completely or not at all.

    Raises:
        OSError: The disk is full, or fails.
    """
    # Fields of unknown type are left out, unless no others exist: a table without columns would have no rows.
    fields = [pa.field(name, _type_of(part)) for name, part in (resolved(shape) or shape).items()]
    schema = pa.schema(fields, metadata={_CRAWL: crawl.encode(), _SHAPE: msgspec.json.encode(shape)})
    _write(path, pa.Table.from_batches(_batches(iter(lines), schema), schema=schema))


def cut_part(path: Path, rows: int) -> None:
    """Cut a part file to its first ``rows`` rows.

    Raises:
        OSError: The disk is full, or fails.
    """
    with pq.ParquetFile(path) as file:
        table = file.read().slice(0, rows)
    _write(path, table)


def read_part(path: Path) -> Part:
    """Return the metadata of a part file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no Parquet file, or another program's.
    """
    with path.open("rb") as file:  # Python's errors have an errno, pyarrow's do not
        metadata = pq.read_metadata(file)
    notes = metadata.metadata or {}
    shape = msgspec.json.decode(notes.get(_SHAPE, b""), type=dict[str, Any])
    return Part(notes.get(_CRAWL, b"").decode(), shape, metadata.num_rows)


def _type_of(shape: Any) -> pa.DataType:
    match shape:
        case dict():
            return pa.struct([pa.field(name, _type_of(part)) for name, part in shape.items()])
        case [element]:
            return pa.list_(_type_of(element))
    return _LEAVES[shape]


def _batches(lines: Iterator[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    while rows := [decode(line) for line in islice(lines, _AT_ONCE)]:
        yield pa.RecordBatch.from_arrays([_column(rows, field) for field in schema], schema=schema)


def _column(rows: Sequence[dict[str, Any]], field: pa.Field) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    try:
        return pa.array(values, type=field.type)
    except pa.ArrowInvalid:  # an integer of more than 53 bits among numbers
        return pa.array([_rounded(value, field.type) for value in values], type=field.type)


def _rounded(value: Any, kind: pa.DataType) -> Any:
    """Return ``value`` with its integers converted to floats where ``kind`` has floats."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _rounded(value.get(field.name), field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_rounded(element, kind.value_type) for element in value]
    return float(value) if pa.types.is_floating(kind) else value


def _write(path: Path, table: pa.Table) -> None:
    made = path.with_name(f"_{path.name}.tmp")
    try:
        with made.open("wb") as file:  # see `read_part`
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
