from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import CacheError, ClosedError
from crawler.fetching.cache_choice import Choice
from crawler.fetching.cache_store import Store, open_store
from crawler.fetching.cache_store_format import VERSION
from crawler.http.stored import Stored, key_of
from crawler.models import Request
from crawler.policy.caching import Cache
from tests.stored_answers import (
    KINDS,
    body_of,
    files_of,
    found_in,
    keep,
    make,
    serve_any,
    sql,
)

if sys.platform != "win32":
    import resource


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store that is not there yet, of each kind."""
    name: str = request.param
    return tmp_path / name


# ── what is not ours ──


def make_foreign(path: Path) -> str:
    if path.suffix:
        sql(path, "CREATE TABLE places (url)")
        return "another program's"
    path.mkdir()
    (path / "thesis.tex").write_text("years of work")
    return "no cache"


def make_foreign_head(path: Path) -> str:
    if path.suffix:
        sql(path, "PRAGMA application_id = 7")
        return "another program's"
    path.mkdir()
    (path / "cache.json").write_text('{"format": "theirs", "version": 1, "generation": 1}')
    return "another program's"


def make_newer(path: Path) -> str:
    asyncio.run(make(path))
    if path.suffix:
        sql(path, "PRAGMA user_version = 99")
    else:
        head = path / "cache.json"
        head.write_text(head.read_text().replace('"version": 1', '"version": 99'))
    return f"of version 99, and this is version {VERSION}"


def make_garbage(path: Path) -> str:
    if path.suffix:
        path.write_bytes(b"garbage" * 1000)
    else:
        path.mkdir()
        (path / "cache.json").write_bytes(b"garbage" * 1000)
    return "damaged"


def make_incomplete(path: Path) -> str:
    asyncio.run(make(path))
    if path.suffix:
        sql(path, "DELETE FROM state")
    else:
        (path / "cache.json").write_text('{"format": "crawler HTTP cache"}')
    return "damaged"


def make_tables_missing(path: Path) -> str:
    asyncio.run(make(path))
    if path.suffix:
        sql(path, "DROP TABLE state")
        return "damaged"
    (path / "cache.json").rename(path / "cache.json.bak")
    return "no cache"


MAKERS = (make_foreign, make_foreign_head, make_newer, make_garbage, make_incomplete, make_tables_missing)


@pytest.mark.parametrize("mode", ["standard", "replay"])
@pytest.mark.parametrize("maker", MAKERS)
async def test_what_is_not_ours_is_refused_by_name_and_left_as_it_is(path: Path, maker: Any, mode: Any) -> None:
    complaint = await asyncio.to_thread(maker, path)
    before = files_of(path)
    with pytest.raises(CacheError, match=complaint) as caught:
        async with open_store(Cache(path, mode=mode)):
            pass
    assert str(path) in str(caught.value)
    assert "delete this one" in str(caught.value)
    assert files_of(path) == before


async def test_there_must_be_something_to_replay(path: Path) -> None:
    with pytest.raises(CacheError, match=r"no cache '.*' to replay; make one with mode='forever'"):
        async with open_store(Cache(path, mode="replay")):
            pass
    assert files_of(path) == {}


def put_there(path: Path, *, is_folder: bool) -> None:
    """Make an empty folder or file."""
    if is_folder:
        path.mkdir()
    else:
        path.touch()


async def test_an_empty_file_or_folder_is_a_new_cache_and_nothing_to_replay(path: Path) -> None:
    put_there(path, is_folder=not path.suffix)
    with pytest.raises(CacheError):
        async with open_store(Cache(path, mode="replay")):
            pass
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    assert await found_in(path, "http://a/")


async def test_a_path_of_the_wrong_kind_cannot_be_opened(path: Path) -> None:
    in_the_way = path.parent / "file"
    put_there(in_the_way, is_folder=False)
    put_there(path, is_folder=bool(path.suffix))
    for wrong in (path, in_the_way / path.name):
        with pytest.raises(CacheError, match="cannot be opened"):
            async with open_store(Cache(wrong)):
                pass


async def test_a_replay_changes_no_file(path: Path) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    before = files_of(path)
    async with open_store(Cache(path, mode="replay")) as store:
        assert await body_of(store, "http://a/") == b"hello"
    assert files_of(path) == before


# ── several crawls at once ──


async def test_several_crawls_may_make_and_use_a_store_at_once(path: Path) -> None:
    async def use(number: int) -> None:
        async with open_store(Cache(path)) as store:
            for step in range(10):
                await keep(store, f"http://a/{number}/{step}", b"%d" % number)
                await keep(store, "http://a/shared", b"%d" % number * 1000)
            for step in range(10):
                assert await body_of(store, f"http://a/{number}/{step}") == b"%d" % number
            assert not store.is_broken

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(use(number))
    async with open_store(Cache(path)) as store:
        body = await body_of(store, "http://a/shared")
        assert body is None or body in {b"%d" % number * 1000 for number in range(6)}


_WRITER = """
import asyncio, itertools, sys
from crawler.fetching.cache_store import open_store
from crawler.models import Request
from crawler.policy.caching import Cache
from crawler.http.stored import Stored, key_of

async def write(store, page):
    for number in itertools.count(1):
        stored = Stored(f"http://a/{page}", 200, (("x-number", str(number)),), 1.0, float(number))
        await store.keep(key_of(Request(stored.url)), stored, b"%d " % number * 500 * page, None)
        print(page, number, flush=True)

async def main():
    async with open_store(Cache(sys.argv[1])) as store:
        await asyncio.gather(*(write(store, page) for page in range(1, 9)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 60, 300])
def test_a_killed_crawl_leaves_whole_entries_and_all_that_it_was_told_are_kept(path: Path, lines: int) -> None:
    kept: dict[int, int] = {}
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            page, number = map(int, writer.stdout.readline().split())
            kept[page] = number
        writer.kill()
    asyncio.run(check_whole(path, kept))


async def check_whole(path: Path, kept: dict[int, int]) -> None:
    async with open_store(Cache(path)) as store:
        for page in range(1, 9):
            found = await store.find(key_of(Request(f"http://a/{page}")), serve_any)
            if found.answer is None:
                assert page not in kept
                continue
            number = int(dict(found.answer.fields)["x-number"])
            assert number >= kept.get(page, 0)
            assert found.body == b"%d " % number * 500 * page
        assert await keep(store, "http://a/", b"and it takes more")


def test_a_crawl_killed_while_it_made_a_folder_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    (path / "unfinished").mkdir(parents=True)
    (path / "unfinished" / "half").write_text('{"form')
    asyncio.run(make(path))
    assert (path / "cache.json").exists()


def test_what_a_killed_crawl_left_unfinished_is_deleted_when_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    asyncio.run(make(path))
    old, new = path / "unfinished" / "old", path / "unfinished" / "new"
    old.write_text("half a bo")
    new.write_text("half a bo")
    os.utime(old, (0, 0))
    asyncio.run(make(path))
    assert (old.exists(), new.exists()) == (False, True)


# ── a disk that fails ──


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: what a full disk is like."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
async def test_a_full_disk_is_said_once_and_ends_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "crawler.cache")
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/before", b"hello")
        with files_up_to(400_000):
            for number in range(3):
                await keep(store, f"http://a/{number}", os.urandom(2**20))
                assert await body_of(store, f"http://a/{number}") is None
                assert await body_of(store, "http://a/before") == b"hello"
        await store.forget([key_of(Request("http://a/before"))])  # it goes on without writing
        assert await body_of(store, "http://a/before") == b"hello"
        assert store.is_broken
    [record] = caplog.records
    assert f"the cache {path} cannot be written, and the crawl goes on without" in record.getMessage()
    async with open_store(Cache(path)) as store:
        assert await body_of(store, "http://a/before") == b"hello"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
async def test_who_only_reads_is_served_while_writing_fails(path: Path) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
        with files_up_to(400_000):
            first = asyncio.ensure_future(body_of(store, "http://a/"))  # keeps the thread busy: the others are a batch
            bodies = (body_of(store, "http://a/") for _ in range(3))
            writes = (keep(store, "http://b/", os.urandom(2**20)) for _ in range(3))
            assert await asyncio.gather(first, *bodies, *writes, body_of(store, "http://a/")) == [
                *([b"hello"] * 4),
                *([None] * 3),
                b"hello",
            ]


def make_unreadable(path: Path) -> None:
    if path.suffix:
        sql(path, "DROP TABLE bodies")
    else:
        [body] = path.glob("??/*.html")
        body.unlink()
        body.mkdir()


async def test_a_store_that_cannot_be_read_is_said_once_and_has_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "crawler.cache")
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
        make_unreadable(path)
        for _ in range(2):
            assert await store.find(key_of(Request("http://a/")), serve_any) == (None, None)
    [record] = caplog.records
    assert f"the cache {path} cannot be read" in record.getMessage()


# ── the thread ──


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    async with open_store(Cache(path)) as store:
        yield store


async def test_a_cancelled_call_is_made_nevertheless_and_whole(path: Path) -> None:
    async with opened(path) as store:
        tasks = [asyncio.ensure_future(keep(store, f"http://a/{number}", b"body" * 1000)) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        for number in range(20):
            assert await body_of(store, f"http://a/{number}") == b"body" * 1000


async def test_what_waits_is_written_before_it_closes_and_nothing_after(path: Path) -> None:
    async with opened(path) as store:
        tasks = [asyncio.ensure_future(keep(store, f"http://a/{number}", b"body")) for number in range(20)]
        await asyncio.sleep(0)
    assert [task.done() for task in tasks] == [True] * 20
    with pytest.raises(ClosedError):
        await keep(store, "http://a/", b"late")
    assert all([await found_in(path, f"http://a/{number}") for number in range(20)])


async def test_a_defect_reaches_its_caller_and_the_thread_goes_on(path: Path) -> None:
    def choose_badly(stored: Sequence[Stored]) -> Choice:
        raise ZeroDivisionError

    async with opened(path) as store:
        with pytest.raises(ZeroDivisionError):
            await store.find(key_of(Request("http://a/")), choose_badly)
        await keep(store, "http://a/", b"hello")
        assert await body_of(store, "http://a/") == b"hello"
