"""Answers put into stores, and what tests do to the files behind their back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from crawler.fetching.cache_choice import choose
from crawler.fetching.cache_store import Store, open_store
from crawler.http.stored import Stored, key_of
from crawler.models import Request
from crawler.policy.caching import Cache

KINDS = ("cache.sqlite", "cache")
NOW = 1_700_000_000.0
HTML = (("content-type", "text/html; charset=utf-8"), ("etag", '"1"'))

serve_any = partial(choose, "replay", sent={}, now=NOW)
serve_none = partial(choose, "changed", sent={}, now=NOW)


def answer(url: str = "http://a/", **others: Any) -> Stored:
    return Stored(**{"url": url, "status": 200, "fields": HTML, "asked": NOW, "answered": NOW, **others})


async def keep(store: Store, url: str, body: bytes, before: Stored | None = None, **others: Any) -> Stored | None:
    return await store.keep(key_of(Request(url)), answer(url, **others), body, before)


async def body_of(store: Store, url: str) -> bytes | None:
    return (await store.find(key_of(Request(url)), serve_any)).body


def files_of(path: Path) -> dict[Path, bytes]:
    """Return the contents of a store's files."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return {file: file.read_bytes() for file in files if file.is_file()}


def sql(path: Path, statement: str, *values: object) -> Any:
    """Return what comes of a ``statement`` on a store's file: its first row."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchone()


def damage(path: Path, damaged: bytes) -> None:
    """Put ``damaged`` in the place of each stored body."""
    if path.is_dir():
        files = [file for file in path.glob("??/*") if not file.name.endswith(".meta.json")]
        for file in files:
            file.write_bytes(damaged)
    else:
        sql(path, "UPDATE bodies SET data = ?", damaged)


async def make(path: Path) -> None:
    async with open_store(Cache(path)):
        pass


async def found_in(path: Path, url: str) -> bool:
    async with open_store(Cache(path)) as store:
        return await body_of(store, url) is not None


def stored_body(path: Path) -> bytes:
    if path.is_dir():
        [file] = path.glob("??/*.html")
        return file.read_bytes()
    return bytes(sql(path, "SELECT data FROM bodies")[0])


def count_bodies(path: Path) -> int:
    if path.is_dir():
        return sum(not file.name.endswith(".meta.json") for file in path.glob("??/*"))
    return int(sql(path, "SELECT count(*) FROM bodies")[0])
