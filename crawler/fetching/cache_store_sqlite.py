"""A cache in an SQLite file. Bodies are compressed, and stored once even if many URLs have the same one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crawler.errors import CacheError
from crawler.fetching.cache_store_format import (
    EVICTED_TO,
    MOST_VARIANTS,
    TOUCH_SECONDS,
    VERSION,
    nothing_to_replay,
    pack,
    refused,
    unpack,
)
from crawler.http.stored import Stored
from crawler.policy.caching import Cache
from crawler.runtime.private import make_private
from crawler.runtime.zstandard import STORED, decompressed, zstd

_APPLICATION_ID = 0x4352574C  # "CRWL": identifies the file, also for SQLite's own tools
_LOCK_SECONDS = 10.0  # to wait while another crawl writes; arbitrary, its batches take milliseconds
_CHECKPOINT_PAGES = 4000  # of 4 KiB; arbitrary, the default makes the disk's slowest operation four times as often
_MOST_USED = 1000  # entries whose use is not written yet; arbitrary
_EVICTED_AT_ONCE = 64  # arbitrary
_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_NOTADB"})  # the second: a table is missing
_SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    variant TEXT NOT NULL,
    digest TEXT NOT NULL,
    used INTEGER NOT NULL,
    meta BLOB NOT NULL,
    UNIQUE (key, variant)
);
CREATE INDEX entries_by_digest ON entries (digest);
CREATE INDEX entries_by_use ON entries (used);
CREATE TABLE bodies (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE state (generation INTEGER NOT NULL);
INSERT INTO state VALUES (1);
"""
_INSERT = """
INSERT INTO entries (key, variant, digest, used, meta) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key, variant) DO UPDATE SET digest = excluded.digest, used = excluded.used, meta = excluded.meta
"""


class SqliteBackend:
    """A cache in an SQLite file, used by a single thread. Several crawls may have the file open at once."""

    def __init__(self, path: Path, options: Cache, clock: Callable[[], float]) -> None:
        """Open the file ``path``.

        Raises:
            CacheError: It is another kind of file, of another version, or damaged; or there is none to replay.
        """
        self._path = path
        self._max_bytes = options.max_bytes
        self._is_replay = options.mode == "replay"
        self._clock = clock
        self._used: dict[tuple[bytes, str], int] = {}
        self._damaged: set[str] = set()
        self._size = 0
        self._connection = _connect(path, must_exist=self._is_replay)
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def __repr__(self) -> str:
        return f"<SqliteBackend {str(self._path)!r}>"

    def _open(self) -> None:
        execute = self._connection.execute
        try:
            if not self._is_ours() and not self._is_replay:
                self._create()
            if not self._is_ours():
                raise CacheError(f"the cache {str(self._path)!r} is empty: there is nothing to replay")
            self.generation = int(*execute("SELECT generation FROM state").fetchone())
            execute("PRAGMA synchronous = NORMAL")
            execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            if self._max_bytes is not None:
                self._size = self._measure()
        except sqlite3.Error as error:
            if error.sqlite_errorname in _DAMAGED:
                raise refused(self._path, f"damaged, or no SQLite file ({error})") from error
            raise CacheError(f"the cache {str(self._path)!r} cannot be opened: {error}") from error
        except (TypeError, ValueError) as error:  # the state is no row of one number
            raise refused(self._path, f"damaged ({error})") from error

    def _is_ours(self) -> bool:
        with self.batch(writes=False):  # another crawl may be making it
            return self._check_kind()

    def _check_kind(self) -> bool:
        """Return true if the file is a cache, and false if it is empty.

        Raises:
            CacheError: It is something else.
        """
        [kind], [version], [tables] = (
            self._connection.execute(query).fetchone()
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if (kind, version, tables) == (0, 0, 0):
            return False
        if kind != _APPLICATION_ID:
            raise refused(self._path, "another program's")
        if version != VERSION:
            raise refused(self._path, f"of version {version}, and this is version {VERSION}")
        return True

    def _create(self) -> None:
        with suppress(sqlite3.OperationalError):  # another crawl is making the same file, and sets this
            self._connection.execute("PRAGMA journal_mode = WAL")
        with self.batch(writes=True):
            if not self._check_kind():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def batch(self, *, writes: bool) -> Iterator[None]:
        """Make the calls inside this context one transaction."""
        self._connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
            if writes and self._max_bytes is not None:
                self._note_use()
                self._evict(self._max_bytes)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended it
                self._connection.execute("ROLLBACK")
            raise
        if len(self._used) >= _MOST_USED:
            self._write_use()

    def find(self, key: bytes) -> list[Stored]:
        """Return all answers stored under ``key``."""
        rows = self._connection.execute("SELECT meta FROM entries WHERE key = ?", (key,)).fetchall()
        return [stored for (meta,) in rows if (stored := unpack(meta)) is not None]

    def read(self, key: bytes, stored: Stored) -> bytes | None:
        """Return the body of ``stored``; ``None`` if it is damaged or missing."""
        if not stored.size:
            return b""
        row = self._connection.execute("SELECT data FROM bodies WHERE digest = ?", (stored.digest,)).fetchone()
        body = decompressed(row[0], stored.size) if row else None
        if row and body is None:
            self._damaged.add(stored.digest)
        if self._max_bytes is not None and not self._is_replay:
            self._used[key, _variant(stored)] = int(self._clock())
        return body

    def keep(self, key: bytes, stored: Stored, body: bytes) -> None:
        """Store an answer. It replaces the one for the same values of the header fields in ``Vary``."""
        old = self._digest_of(key, stored)
        if stored.digest in self._damaged:
            self._connection.execute("DELETE FROM bodies WHERE digest = ?", (stored.digest,))
            self._damaged.remove(stored.digest)
        if stored.size and not self._has(stored.digest):
            data = zstd.compress(body, options=STORED)
            self._connection.execute("INSERT INTO bodies VALUES (?, ?)", (stored.digest, data))
            self._size += len(data)
        self.refresh(key, stored)
        if old is not None and old != stored.digest:
            self._drop_unused(old)
        self._drop_variants(key)

    def refresh(self, key: bytes, stored: Stored) -> None:
        """Store an answer whose body is already stored."""
        row = (key, _variant(stored), stored.digest, int(self._clock()), pack(stored))
        self._connection.execute(_INSERT, row)

    def forget(self, key: bytes) -> None:
        """Delete all answers stored under ``key``."""
        for row, digest in self._connection.execute("SELECT id, digest FROM entries WHERE key = ?", (key,)).fetchall():
            self._drop(row, digest)

    def finish(self) -> None:
        """Begin the next generation, after a complete crawl."""
        self.generation += 1
        self._connection.execute("UPDATE state SET generation = max(generation, ?)", (self.generation,))

    def close(self) -> None:
        """Close the file."""
        if self._used:
            self._write_use()
        self._connection.close()

    def _write_use(self) -> None:
        with suppress(sqlite3.Error), self.batch(writes=True):
            pass  # a batch writes it at its end

    def _digest_of(self, key: bytes, stored: Stored) -> str | None:
        query = "SELECT digest FROM entries WHERE key = ? AND variant = ?"
        row = self._connection.execute(query, (key, _variant(stored))).fetchone()
        return row[0] if row else None

    def _has(self, digest: str) -> bool:
        return self._connection.execute("SELECT 1 FROM bodies WHERE digest = ?", (digest,)).fetchone() is not None

    def _drop_variants(self, key: bytes) -> None:
        query = "SELECT id, digest FROM entries WHERE key = ? ORDER BY used DESC, id DESC LIMIT -1 OFFSET ?"
        for row, digest in self._connection.execute(query, (key, MOST_VARIANTS)).fetchall():
            self._drop(row, digest)

    def _drop(self, row: int, digest: str) -> None:
        self._connection.execute("DELETE FROM entries WHERE id = ?", (row,))
        self._drop_unused(digest)

    def _drop_unused(self, digest: str) -> None:
        """Delete a body, unless an entry still has it."""
        if self._connection.execute("SELECT 1 FROM entries WHERE digest = ? LIMIT 1", (digest,)).fetchone():
            return
        found = self._connection.execute("SELECT length(data) FROM bodies WHERE digest = ?", (digest,)).fetchone()
        if found:
            self._size -= found[0]
            self._connection.execute("DELETE FROM bodies WHERE digest = ?", (digest,))

    def _note_use(self) -> None:
        """Write when entries were last used, for the eviction."""
        query = "UPDATE entries SET used = ? WHERE key = ? AND variant = ? AND used < ?"
        rows = [(used, key, variant, used - TOUCH_SECONDS) for (key, variant), used in self._used.items()]
        self._used.clear()
        self._connection.executemany(query, rows)

    def _evict(self, max_bytes: int) -> None:
        """Delete the least recently used entries."""
        if self._size <= max_bytes:
            return
        self._size = self._measure()  # another crawl may have written too, or deleted
        query = "SELECT id, digest FROM entries ORDER BY used, id LIMIT ?"
        while rows := self._connection.execute(query, (_EVICTED_AT_ONCE,)).fetchall():
            for row, digest in rows:
                if self._size <= max_bytes * EVICTED_TO:
                    return
                self._drop(row, digest)

    def _measure(self) -> int:
        [size] = self._connection.execute("SELECT coalesce(sum(length(data)), 0) FROM bodies").fetchone()
        return int(size)


def _connect(path: Path, *, must_exist: bool) -> sqlite3.Connection:
    try:
        if not must_exist:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_private(path)
        uri = f"{path.absolute().as_uri()}?mode={'rw' if must_exist else 'rwc'}"
        return sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        if must_exist and not path.exists():
            raise nothing_to_replay(path) from error
        raise CacheError(f"the cache {str(path)!r} cannot be opened: {error}") from error


def _variant(stored: Stored) -> str:
    return " ".join(f"{name}={digest}" for name, digest in stored.selected_by)
