"""Opens the database of a state folder, or says why it cannot be used. It is never made anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from crawler.errors import StateError
from crawler.runtime.private import make_private
from crawler.state.schema import APPLICATION_ID, SCHEMA, VERSION

NAME = "state.sqlite"
_LOCK_SECONDS = 5.0  # that another process, which reads the file, may hold it; arbitrary
# Errors that do not mean a damaged file: the disk is full or fails, the file is locked, or may not be written.
_OF_THE_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
_CHECKPOINT_PAGES = 8000  # of 4 KiB; arbitrary: the default copies pages eight times as often
_CACHE_KIB = 64 * 1024  # for the pages of what is pending at present; arbitrary


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: the name of its file, the numbers that it is known by, and the tables of a new one."""

    name: str
    application_id: int
    version: int
    schema: str


STATE = Kind(NAME, APPLICATION_ID, VERSION, SCHEMA)


def open_database(
    folder: Path, *, synchronous: str, kind: Kind = STATE, patience: float = _LOCK_SECONDS
) -> sqlite3.Connection:
    """Open the database in ``folder``, or make it where there is none.

    Args:
        folder: Where it is.
        synchronous: As SQLite has it.
        kind: What it is.
        patience: Seconds that another process may hold the file, now and later.

    Raises:
        StateError: It is another program's, of another version, damaged, or cannot be written.
    """
    path = folder / kind.name
    is_new = not path.exists()
    with suppress(OSError):  # SQLite says why it cannot be made
        make_private(path)  # its log and index get the mode of the database
    connection = _connect(path, "rwc", patience)
    with _closed_on_error(connection, path):
        if is_new or _is_empty(connection):
            _create(connection, kind)
        _check(connection, path, kind)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def read_database(folder: Path, kind: Kind = STATE) -> sqlite3.Connection:
    """Open the database in ``folder`` to look into it, also while a crawl uses it.

    Raises:
        StateError: There is none, or it cannot be used.
    """
    path = folder / kind.name
    if not path.exists():
        raise StateError(f"{str(folder)!r} is no state folder: there is no {kind.name} in it")
    connection = _connect(path, "ro", _LOCK_SECONDS)
    with _closed_on_error(connection, path):
        if _is_empty(connection):
            raise StateError(f"there is nothing in {str(path)!r} yet: the crawl ended before it had begun")
        _check(connection, path, kind)
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except BaseException:
        connection.close()
        raise


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    try:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        # One thread after the other uses it, never two at once.
        return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StateError(f"the state {str(path)!r} cannot be opened: {error}") from error


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether there is nothing in it, as where the process that made it was killed before it was done."""
    kind, version, tables = _marks(connection)
    return (kind, version, tables) == (0, 0, 0)


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    queries = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    kind, version, tables = (connection.execute(query).fetchone()[0] for query in queries)
    return int(kind), int(version), int(tables)


def _create(connection: sqlite3.Connection, kind: Kind) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in kind.schema.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {kind.application_id}")
    connection.execute(f"PRAGMA user_version = {kind.version}")
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path, wanted: Kind) -> None:
    kind, version, _ = _marks(connection)
    if kind != wanted.application_id:
        raise _refused(path, "it is another program's file")
    if version > wanted.version:
        known = f"this program knows versions up to {wanted.version}"
        raise _refused(path, f"it is of version {version}, and {known}: update it")
    if version < wanted.version:
        raise _refused(path, f"it is of version {version}, which this program does not know any more")


def _unusable(path: Path, error: sqlite3.Error) -> StateError:
    if getattr(error, "sqlite_errorname", "").startswith(_OF_THE_DISK):
        return StateError(f"the state {str(path)!r} cannot be opened: {error}")
    remedy = "put a copy back, or name another folder"
    return _refused(path, f"{error}; it is damaged, or no database of a crawl: {remedy}")


def _refused(path: Path, reason: str) -> StateError:
    return StateError(f"the state {str(path)!r} cannot be used, and is left as it is: {reason}")
