"""What a crawl leaves of cookies, credentials and pages behind a login is for the eyes of its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler import Cache, Cpu, Crawler, Fetch, Page, Politeness, StateFolder
from crawler.runtime.private import make_private, make_private_folder, open_private, write_private
from tests.integration.sites import links, serve


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_in(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): mode(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_file_is_private_and_so_is_an_old_one_that_was_not(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("kept")
    old.chmod(0o644)
    for path in (tmp_path / "new", old):
        make_private(path)
        assert mode(path) == 0o600
    assert old.read_text() == "kept"
    old.chmod(0o640)
    os.close(open_private(old, os.O_RDWR))
    assert mode(old) == 0o600
    write_private(old, b"more")
    write_private(tmp_path / "written", b"more")
    assert (old.read_bytes(), mode(tmp_path / "written")) == (b"more", 0o600)


def test_a_new_folder_is_private_and_one_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "parent" / "new")
    assert (mode(tmp_path / "parent"), mode(tmp_path / "parent" / "new")) == (0o755, 0o700)
    (tmp_path / "there").mkdir(mode=0o755)
    make_private_folder(tmp_path / "there")
    assert mode(tmp_path / "there") == 0o755


def die(page: Page) -> Iterator[Any]:
    if page.url.endswith("die"):
        os.abort()
    yield from page.links()


@pytest.mark.parametrize("cache", ["cache", "cache.sqlite"])
async def test_all_that_a_crawl_leaves_beside_its_outputs_is_private(cache: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("state", "quarantine")]
    async with (
        serve({"/": links("/die"), "/die": links()}) as site,
        Crawler(
            die,
            state=StateFolder(folders[0], keep_bodies=True),
            cpu=Cpu(workers=1, quarantine=folders[1]),
            fetch=Fetch(cache=Cache(tmp_path / cache)),
            politeness=Politeness(robots=False),
        ) as crawler,
    ):
        await crawler.run(site.url)
        during = modes_in(tmp_path)
    assert len(during) >= 8
    for modes in (during, modes_in(tmp_path)):
        assert {name: found for name, found in modes.items() if found != 0o600} == {}
    assert [mode(folder) for folder in folders] == [0o700, 0o700]
    if (tmp_path / cache).is_dir():
        assert mode(tmp_path / cache) == 0o700
