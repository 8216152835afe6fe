"""The outputs of `crash_tests.crawl`, and readers of them that have nothing in common with their writers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_WARC_RESPONSE = re.compile(
    rb"WARC-Type: response\r\n(?:[^\r].*\r\n)*?WARC-Target-URI: (.*)\r\n(?:[^\r].*\r\n)*\r\nHTTP/1.1 (\d+) "
)
_WARC_REQUEST = re.compile(rb"WARC-Type: request\r\n")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of output.

    Attributes:
        file: Its name in the folder of the crawl.
        sink: The name of the sink, and its module.
        read: Returns the URLs of the items in the file, or in that part of it that a token speaks of.
        options: Of the sink.
        needs: A package that need not be installed.
    """

    file: str
    sink: tuple[str, str]
    read: Callable[[Path, dict[str, Any] | None], list[str]]
    options: dict[str, Any] = field(default_factory=dict)
    needs: str = "crawler"

    @property
    def exists(self) -> bool:
        """Whether what it needs is installed."""
        return all(find_spec(name) is not None for name in (self.sink[0], self.needs))

    def make(self, folder: Path) -> Any:
        """Return the sink."""
        module, name = self.sink
        return getattr(import_module(module), name)(folder / self.file, **self.options)

    def urls(self, folder: Path, token: bytes | None = None) -> list[str]:
        """Return the URL of each item, checked to be whole; with a ``token``, of those that it speaks of.

        Raises:
            ValueError: An item is torn.
        """
        path = folder / self.file
        return self.read(path, json.loads(token) if token else None) if path.exists() else []


def _part(path: Path, token: dict[str, Any] | None) -> bytes:
    data = path.read_bytes()
    if token is None:
        return data
    length: int = token["length"]
    if len(data) < length:
        raise ValueError(f"{path.name} has {len(data)} bytes, and {length} were committed")
    return data[:length]


def _url_of(item: dict[str, str]) -> str:
    """Return the URL of an item, if it is whole."""
    if sha256(f"{item['url']} {item['text']}".encode()).hexdigest() != item["digest"]:
        raise ValueError(f"the item of {item['url']} is torn: {item}")
    return item["url"]


def _read_jsonl(path: Path, token: dict[str, Any] | None) -> list[str]:
    data = _part(path, token)
    if data and not data.endswith(b"\n"):
        raise ValueError(f"the last line of {path.name} is torn: {data[-80:]!r}")
    return [_url_of(json.loads(line)) for line in data.splitlines()]


def _read_csv(path: Path, token: dict[str, Any] | None) -> list[str]:
    data = _part(path, token)
    if data and not data.endswith(b"\r\n"):
        raise ValueError(f"the last row of {path.name} is torn: {data[-80:]!r}")
    rows = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    columns = next(rows, [])
    return [_url_of(dict(zip(columns, row, strict=True))) for row in rows]


def _read_sqlite(path: Path, token: dict[str, Any] | None) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        [[health]] = connection.execute("PRAGMA integrity_check")
        if health != "ok":
            raise ValueError(f"{path.name}: {health}")
        last = token["group"] if token else 2**62
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "items" not in tables or not last:
            return []
        rows = connection.execute("SELECT url, text, digest FROM items WHERE _group <= ? ORDER BY _id", (last,))
        return [_url_of({"url": url, "text": text, "digest": digest}) for url, text, digest in rows]
    finally:
        connection.close()


def _read_warc(path: Path, token: dict[str, Any] | None) -> list[str]:
    return [url for url, status in responses_in(path, token) if status == HTTPStatus.OK]


def responses_in(path: Path, token: dict[str, Any] | None) -> list[tuple[str, int]]:
    """Return URL and status of each response in an archive, or in that part of it that a token speaks of.

    Raises:
        ValueError: A record is torn.
    """
    data = _part(path, token)
    records = gzip.decompress(data) if data else b""  # raises where a member is torn
    found = _WARC_RESPONSE.findall(records)
    if len(found) != len(_WARC_REQUEST.findall(records)):
        raise ValueError(f"{path.name} has not as many requests as responses")
    return [(url.decode(), int(status)) for url, status in found]


def _read_parquet(path: Path, token: dict[str, Any] | None) -> list[str]:
    """Read parts, and the spool of what waits for the next, which has become that part where it is missing."""
    most = token["parts"] if token else len(list(path.glob("part-*")))
    rows = [row for number in range(1, most + 1) for row in _rows_of(path / f"part-{number:06}.parquet")]
    if token is None:
        left = [file.name for file in path.iterdir() if not file.name.startswith("part-")]
        if left:
            raise ValueError(f"beside its parts the folder has {left}")
        return [_url_of(row) for row in rows]
    spool = path / f"_spool-{most + 1:06}.jsonl"
    if token["rows"] and spool.exists():
        rows += [json.loads(line) for line in spool.read_bytes()[: token["spool"]["length"]].splitlines()]
    elif token["rows"]:
        rows += _rows_of(path / f"part-{most + 1:06}.parquet")[: token["rows"]]
    return [_url_of(row) for row in rows]


def _rows_of(part: Path) -> list[dict[str, str]]:
    if not part.exists():
        return []
    rows: list[dict[str, str]] = import_module("pyarrow.parquet").ParquetFile(part).read().to_pylist()
    return rows


SINKS = {
    "jsonl": Kind("items.jsonl", ("crawler.sinks.jsonl", "JsonLines"), _read_jsonl),
    "csv": Kind("items.csv", ("crawler.sinks.csv", "Csv"), _read_csv),
    "sqlite": Kind("items.sqlite", ("crawler.sinks.sqlite", "Sqlite"), _read_sqlite),
    "warc": Kind("pages.warc.gz", ("crawler.sinks.warc", "Warc"), _read_warc, {"responses": "all"}, "warcio"),
    "parquet": Kind("items.parquet", ("crawler.sinks.parquet", "Parquet"), _read_parquet, {"rows": 50}, "pyarrow"),
}
"""Every kind of output that a crawl with a state writes exactly once."""


def present() -> list[str]:
    """Return the kinds that there are here."""
    return [name for name, kind in SINKS.items() if kind.exists]
