"""The file of the SQLite sink: a table of rows in groups. Used by one thread at a time."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from crawler.errors import ClosedError, ConfigurationError, EncodingError, SinkError
from crawler.sinks.append import sync_folder_of
from crawler.sinks.claim import Claim
from crawler.sinks.in_place import Identity, check_in_place, identity_of
from crawler.sinks.token import REMEDY

ID, GROUP = "_id", "_group"
_APPLICATION_ID = 0x4352_4C49  # "CRLI": identifies the file, to this sink and to SQLite's own tools
_VERSION = 1
_LOCK_SECONDS = 30.0  # to wait for another program's writes; arbitrary
_OF_THE_DISK = {"SQLITE_FULL": errno.ENOSPC, "SQLITE_IOERR": errno.EIO, "SQLITE_READONLY": errno.EROFS}
_SCHEMA = "CREATE TABLE _crawler (crawl TEXT NOT NULL, output TEXT NOT NULL, last_group INTEGER NOT NULL)"


def folded(name: str) -> str:
    """Return ``name`` as SQLite compares names: without the case of ASCII letters."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def quoted(name: str) -> str:
    """Return ``name`` quoted as an identifier."""
    return '"' + name.replace('"', '""') + '"'


class SqliteFile:
    """A file that this sink has written, or that does not exist yet.

    Attributes:
        crawl: The crawl that wrote it; empty if the file does not exist.
        group: The last group in it.
    """

    def __init__(self, path: Path, table: str) -> None:
        """Create an object for the file; `open` opens it."""
        self.crawl, self.group = "", 0
        self._path = path.absolute()  # the folder of the process may be another one later
        self._name = table
        self._table = quoted(table)
        self._is_entered = False  # whether its entry in the folder survives a power cut
        self._claim: Claim | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None

    def __repr__(self) -> str:
        return f"<SqliteFile {str(self._path)!r}, {self.group} groups>"

    def open(self) -> None:
        """Open the file if it exists, and prevent other crawls from writing to it.

        Raises:
            ConfigurationError: No such sink has written it, it cannot be written, or another crawl writes to it.
        """
        try:
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            real = self._path.resolve()  # another crawl may know it by a symbolic link
            self._claim = Claim(real.with_name(f"{real.name}-claim"))
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror or error}") from error
        if self._path.exists():
            if self._path.stat().st_nlink > 1:  # a crawl by the other name has another claim, and another journal
                raise self._unusable("has another name (a hard link), by which others may write to it; remove one")
            self._connect("rw")
            self._look()

    def begin(self) -> None:
        """Create the table anew, without rows.

        Raises:
            SinkError: The disk fails.
        """
        if self._connection is None:
            self._connect("rwc")
        crawl = uuid.uuid4().hex  # so that the file of another crawl is not taken for this one's
        with self._transaction() as execute:
            execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            execute(f"PRAGMA user_version = {_VERSION}")
            execute("DROP TABLE IF EXISTS _crawler")
            execute(f"DROP TABLE IF EXISTS {self._table}")
            execute(_SCHEMA)
            execute("INSERT INTO _crawler VALUES (?, ?, 0)", (crawl, self._name))
            execute(f"CREATE TABLE {self._table} ({ID} INTEGER PRIMARY KEY, {GROUP} INTEGER NOT NULL)")
        self.crawl, self.group = crawl, 0

    def cut_back(self, crawl: str, group: int) -> None:
        """Delete the rows of all groups after ``group``.

        Raises:
            ConfigurationError: The file is missing, of another crawl, or does not have that group. Nothing is changed.
            SinkError: The disk fails.
        """
        when = "when the state of this crawl was written"
        if not self.crawl:
            raise self._unusable(f"is missing, or empty; it had {group} groups of rows {when}; {REMEDY}")
        if self.crawl != crawl:
            raise self._unusable(f"is of another crawl than it was {when}; {REMEDY}")
        if self.group < group:
            raise self._unusable(f"has {self.group} groups of rows; it had {group} {when}; {REMEDY}")
        # Groups are in the order of the rows: the search from the last row back looks at few.
        last = f"SELECT {ID} FROM {self._table} WHERE {GROUP} <= ? ORDER BY {ID} DESC LIMIT 1"  # noqa: S608  # quoted
        with self._transaction() as execute:
            execute(f"DELETE FROM {self._table} WHERE {ID} > coalesce(({last}), 0)", (group,))  # noqa: S608
            execute("UPDATE _crawler SET last_group = ?", (group,))
        self.group = group

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add ``rows``, each with values for some columns, as the next group.

        Raises:
            EncodingError: SQLite cannot have a column of that name, or so many.
            SinkError: The disk is full, or fails, another program has locked the file, or it is not where it was.
        """
        check_in_place(self._path, self._identity, self._path)
        group = self.group + 1
        with self._transaction() as execute:
            self._add_columns({name: None for row in rows for name in row})
            for names, some in groupby(rows, key=tuple):
                columns = ", ".join(quoted(name) for name in (GROUP, *names))
                places = ", ".join("?" * (len(names) + 1))
                query = f"INSERT INTO {self._table} ({columns}) VALUES ({places})"  # noqa: S608  # quoted above
                self._opened().executemany(query, ((group, *row.values()) for row in some))
            execute("UPDATE _crawler SET last_group = ?", (group,))
        self.group = group

    def sync(self) -> None:
        """Make what is committed survive a power cut. Syncing the log suffices: all else is on the disk already.

        Raises:
            SinkError: The disk fails.
        """
        if sys.platform == "win32":
            return
        try:
            with suppress(FileNotFoundError):  # nothing has been written since the log was merged
                log = os.open(f"{self._path}-wal", os.O_RDONLY)
                try:
                    os.fsync(log)
                finally:
                    os.close(log)
            if not self._is_entered:
                sync_folder_of(str(self._path))
        except OSError as error:
            raise SinkError(f"output {str(self._path)!r} cannot be synced: {error.strerror or error}") from error
        self._is_entered = True

    def close(self) -> None:
        """Close the file; the log is merged into it.

        Raises:
            SinkError: It is not where it was.
        """
        connection, self._connection = self._connection, None
        claim, self._claim = self._claim, None
        try:
            if connection is not None and self.group:
                check_in_place(self._path, self._identity, self._path)
        finally:
            if connection is not None:
                connection.close()
            if claim is not None:
                claim.give_up()

    def _connect(self, mode: str) -> None:
        try:
            self._connection = sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=_LOCK_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # each call is in a thread of a pool, one at a time
            )
            if mode == "rwc":
                self._prepare()
            self._identity = identity_of(self._path)
        except sqlite3.Error as error:
            raise self._unusable(f"cannot be written: {error}") from error

    def _prepare(self) -> None:
        # With a write-ahead log, NORMAL protects the file against power cuts; `sync` is for the last commits.
        self._opened().execute("PRAGMA synchronous = NORMAL")
        self._opened().execute("PRAGMA journal_mode = WAL").fetchone()

    def _look(self) -> None:
        """Read what the file is.

        Raises:
            ConfigurationError: No such sink has written it.
        """
        try:
            [kind], [version], [tables] = (
                self._opened().execute(query).fetchone()
                for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
            )
            if (kind, version, tables) != (0, 0, 0):
                self._check(kind, version)
            self._prepare()
        except (sqlite3.Error, TypeError, ValueError) as error:  # the last two: no row, or an unexpected one
            if isinstance(error, ConfigurationError):
                raise
            raise self._unusable(f"is damaged, or no SQLite file ({error}); remove it, or name another") from error

    def _check(self, kind: int, version: int) -> None:
        if kind != _APPLICATION_ID:
            raise self._unusable("is another program's; name a file of its own for the items")
        if version != _VERSION:
            raise self._unusable(f"is of version {version}, and this is version {_VERSION}; name another")
        self.crawl, name, self.group = self._opened().execute("SELECT * FROM _crawler").fetchone()
        if name != self._name:
            raise self._unusable(
                f"has the table {name!r}, not {self._name!r}; give table={name!r}, or name another file"
            )

    def _add_columns(self, names: dict[str, None]) -> None:
        known = {folded(row[1]) for row in self._opened().execute(f"PRAGMA table_info({self._table})")}
        for name in names:
            if folded(name) in known:
                continue
            try:
                self._opened().execute(f"ALTER TABLE {self._table} ADD COLUMN {quoted(name)}")
            except (sqlite3.Error, ValueError) as error:  # ValueError from newer Pythons, for a NUL
                if _code_of(error) not in {"", "SQLITE_ERROR"}:
                    raise  # an error of the disk
                raise EncodingError(f"output {str(self._path)!r}: no column for the field {name!r}: {error}") from error
            known.add(folded(name))

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Yield a function that executes statements in one transaction, which is committed if nothing is raised.

        Raises:
            SinkError: SQLite failed; if the disk is full, the cause has the errno for that.
        """
        connection = self._opened()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # after some errors SQLite has already rolled back
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise SinkError(f"output {str(self._path)!r} cannot be written: {error}") from _cause_of(error)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ClosedError(f"output {str(self._path)!r} is not open, or not restored")
        return self._connection

    def _unusable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"output {str(self._path)!r} {problem}")


def _code_of(error: Exception) -> str:
    """Return SQLite's name of an error, without its extension; empty for an error of Python's own."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])  # SQLITE_IOERR_WRITE is an SQLITE_IOERR


def _cause_of(error: sqlite3.Error) -> Exception:
    """Return an error of the disk as the `OSError` that any other file would raise."""
    name = _code_of(error)
    if name not in _OF_THE_DISK:
        return error
    cause = OSError(_OF_THE_DISK[name], os.strerror(_OF_THE_DISK[name]))
    cause.__cause__ = error
    return cause
