"""What is said of a database that cannot be used: only what is damaged is called so."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from crawler.errors import StateError
from crawler.state.database import NAME, open_database
from crawler.state.full_disk import is_full
from crawler.state.sqlite_store import Store
from tests.no_descriptors import none_left


def foreign(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("harm", [foreign, cut])
def test_what_is_damaged_is_called_so_and_left_as_it_is(harm: Callable[[Path], None], tmp_path: Path) -> None:
    Store(tmp_path).close()
    harm(tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(StateError, match="damaged"), closing(Store(tmp_path)) as store:
        store.load()
    assert (tmp_path / NAME).read_bytes() == before


def test_what_somebody_else_holds_is_not_called_damaged(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="locked") as caught:
            open_database(tmp_path, synchronous="NORMAL", patience=0.01)
    assert "damaged" not in str(caught.value)
    assert is_full(caught.value)


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("SQLITE_FULL", True),
        ("SQLITE_BUSY_SNAPSHOT", True),
        ("SQLITE_IOERR_SHMSIZE", True),  # what SQLite says where the index of its log does not fit on the disk
        ("SQLITE_IOERR_WRITE", False),
        ("SQLITE_CORRUPT", False),
    ],
)
def test_what_may_pass_is_told_from_what_does_not(name: str, passes: bool) -> None:
    cause = sqlite3.OperationalError("no")
    cause.sqlite_errorname = name
    error = StateError("the state cannot be written")
    error.__cause__ = cause
    assert is_full(error) is passes


def test_that_no_file_can_be_opened_may_pass(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with none_left():
        with pytest.raises(StateError) as caught:
            open_database(tmp_path, synchronous="NORMAL")
        assert is_full(caught.value)
    assert "damaged" not in str(caught.value)
    assert not is_full(caught.value)  # now it would be another fault


def test_the_lack_of_descriptors_for_an_output_may_pass() -> None:
    assert is_full(OSError(errno.EMFILE, "Too many open files"))
