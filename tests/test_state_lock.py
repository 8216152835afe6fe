from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.errors import StateError
from crawler.state.lock import FolderLock, owner_of

HOLD = "import sys; from pathlib import Path; from crawler.state.lock import FolderLock; lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"  # noqa: E501  # a program


def test_a_lock_is_held_once_and_says_by_whom(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(StateError, match=rf"in use by process {os.getpid()}; wait for it, end it, or name another"):
        FolderLock(tmp_path)
    assert owner_of(tmp_path) == f"process {os.getpid()}"
    lock.release()
    assert owner_of(tmp_path) == ""
    FolderLock(tmp_path).release()


def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=pipe, stdout=pipe) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        assert owner_of(tmp_path) == f"process {owner.pid}"
        owner.kill()
        owner.wait()
    FolderLock(tmp_path).release()


def test_nobody_has_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert owner_of(tmp_path / "none") == ""
    with pytest.raises(StateError, match="cannot be written"):
        FolderLock(tmp_path / "none")
