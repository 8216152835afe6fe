"""The bodies of pages, each once and compressed, in a database of their own.

```
pages ──body──► bodies
```

A page is written before the transaction that marks its request as done, so that what is done always has its body. A
kill between the two leaves a page whose request is still pending, or was never written, so that another request may
have got its serial number since. `crawler.state.saved_pages` tells them apart by the digest of the request.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from crawler.document.page import Page
from crawler.errors import StateError
from crawler.runtime.zstandard import STORED, zstd
from crawler.state.database import Kind, open_database
from crawler.state.digests import digest_of

BODIES = Kind(
    name="bodies.sqlite",
    application_id=0x43524244,  # "CRBD": SQLite's own tools and this program know the file by it
    version=1,
    schema="""
CREATE TABLE bodies (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE pages (
    serial INTEGER PRIMARY KEY,
    request BLOB NOT NULL,
    body INTEGER NOT NULL,
    status INTEGER NOT NULL,
    headers BLOB NOT NULL,
    seconds REAL NOT NULL,
    changed INTEGER,
    kept_at REAL NOT NULL
);
""",
)

FINAL_URL = ":url"
"""The name, which no header field has, of the URL of a page that is another one than that of its request."""
_KNOWN = "SELECT id FROM bodies WHERE digest = ?"
_BODY = "INSERT INTO bodies (digest, size, data) VALUES (?, ?, ?)"
_PAGES = "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[bytes])


class BodyStore:
    """The database of a crawl that keeps the bodies of its pages. Synchronous; used by one thread at a time."""

    def __init__(self, folder: Path, *, synchronous: str = "NORMAL", clock: Callable[[], float] = time.time) -> None:
        """Open the database in the state folder ``folder``, whose lock the caller holds; make it where there is none.

        Args:
            folder: The state folder.
            synchronous: As SQLite has it.
            clock: Tells the time of day, in seconds.

        Raises:
            StateError: It is another program's, of another version, damaged, or cannot be written.
        """
        self._path = folder / BODIES.name
        self._clock = clock
        self._connection = open_database(folder, synchronous=synchronous, kind=BODIES)

    def __repr__(self) -> str:
        return f"<BodyStore {str(self._path)!r}>"

    def write(self, pages: Sequence[Page]) -> None:
        """Write ``pages`` in one transaction, in place of those that were written for the same requests.

        Raises:
            StateError: The disk is full, or fails: see `crawler.state.full_disk`. Call again, or give up.
        """
        if not pages:
            return
        with self._transaction() as execute:
            compressor = zstd.ZstdCompressor(options=STORED)  # one for all: to make one takes as long as a small body
            now = self._clock()
            for page in pages:
                body = _number_of(execute, compressor, page.body)
                execute(_PAGES, (page.request.serial, *_row(page, body), now))

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StateError(f"the bodies {str(self._path)!r} cannot be written: {error}") from error


def _number_of(execute: Callable[..., sqlite3.Cursor], compressor: zstd.ZstdCompressor, body: bytes) -> int:
    """Return the number of a body, which is written unless it is there already."""
    digest = blake2b(body, digest_size=16).digest()
    known = execute(_KNOWN, (digest,)).fetchone()
    if known is not None:
        return int(known[0])
    data = compressor.compress(body, zstd.ZstdCompressor.FLUSH_FRAME)
    return execute(_BODY, (digest, len(body), data)).lastrowid or 0


def _row(page: Page, body: int) -> tuple[Any, ...]:
    changed = None if page.changed is None else int(page.changed)
    headers = page.headers
    if page.url != page.request.asked:  # a redirect led to a page that has a request of its own, too
        headers = (*headers, (FINAL_URL, page.url))
    return digest_of(page.request.identity), body, page.status, packed(headers), page.seconds, changed


def packed(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return header fields as bytes, lone surrogates included, which represent odd bytes (PEP 383)."""
    return _ENCODER.encode([part.encode("utf-8", "surrogatepass") for pair in headers for part in pair])


def unpacked(headers: bytes) -> tuple[tuple[str, str], ...]:
    """Return the header fields that `packed` was given.

    Raises:
        ValueError: They are damaged.
    """
    parts = [part.decode("utf-8", "surrogatepass") for part in _DECODER.decode(headers)]
    return tuple(zip(parts[::2], parts[1::2], strict=True))
