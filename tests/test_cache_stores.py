from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import CacheError, ClosedError
from crawler.fetching.store import Store, open_store
from crawler.fetching.store_format import MOST_VARIANTS, VERSION
from crawler.models import Request
from crawler.policy.caching import Cache
from crawler.policy.reuse import Choice, choose
from crawler.policy.stored import Stored, digest_of, key_of

if sys.platform != "win32":
    import resource

pytestmark = pytest.mark.both_loops

NOW = 1_700_000_000.0
KINDS = ("cache.sqlite", "cache")
HTML = (("content-type", "text/html; charset=utf-8"), ("etag", '"1"'))

serve_any = partial(choose, "replay", sent={}, now=NOW)
serve_none = partial(choose, "changed", sent={}, now=NOW)


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store that is not there yet, of each kind."""
    return tmp_path / request.param


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


# ── what is kept ──


@pytest.mark.parametrize("body", [b"", b"x", b"<p>hello</p>" * 1000, os.urandom(100_000), bytes(5 * 2**20)])
async def test_what_was_kept_is_found_by_the_next_crawl(path: Path, body: bytes) -> None:
    async with open_store(Cache(path)) as store:
        kept = await keep(store, "http://a/", body)
        assert kept is not None
        assert (kept.digest, kept.size, kept.generation) == (digest_of(body), len(body), 1)
    async with open_store(Cache(path)) as store:
        assert await store.find(key_of(Request("http://a/")), serve_any) == (kept, body)
        assert await store.find(key_of(Request("http://a/")), serve_none) == (kept, None)
        assert await store.find(key_of(Request("http://b/")), serve_any) == (None, None)
        assert not store.is_broken


async def test_the_new_takes_the_place_of_the_old_and_leaves_nothing_behind(path: Path) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"old")
        await keep(store, "http://a/", b"new", status=203)
        found = await store.find(key_of(Request("http://a/")), serve_any)
        assert (found.answer.status if found.answer else None, found.body) == (203, b"new")
        await store.forget([key_of(Request("http://a/"))])
        assert await body_of(store, "http://a/") is None
        await keep(store, "http://b/", b"other")
    assert count_bodies(path) == 1


def count_bodies(path: Path) -> int:
    if path.is_dir():
        return sum(not file.name.endswith(".meta.json") for file in path.glob("??/*"))
    return int(sql(path, "SELECT count(*) FROM bodies")[0])


async def test_in_sqlite_equal_bodies_are_kept_once_until_the_last_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    urls = [f"http://a/{number}" for number in range(3)]
    async with open_store(Cache(path)) as store:
        for url in urls:
            await keep(store, url, b"same")
        assert count_bodies(path) == 1
        for url in urls:
            assert await body_of(store, url) == b"same"
            await store.forget([key_of(Request(url))])
        assert count_bodies(path) == 0


async def test_a_folder_can_be_read_without_any_tool(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"<p>hello</p>")
    [meta] = path.glob("??/*.meta.json")
    [said] = json.loads(meta.read_text())
    assert (said["url"], said["status"], dict(said["fields"])["etag"]) == ("http://a/", 200, '"1"')
    [body] = path.glob("??/*.html")
    assert body.read_bytes() == b"<p>hello</p>"
    assert body.name == f"{meta.name.removesuffix('.meta.json')}.{said['digest']}.html"


async def test_a_confirmed_answer_keeps_its_body(path: Path) -> None:
    async with open_store(Cache(path)) as store:
        before = await keep(store, "http://a/", b"body")
        assert before is not None
        renewed = answer(digest=before.digest, size=before.size, answered=NOW + 9)
        refreshed = await store.refresh(key_of(Request("http://a/")), renewed, before)
        assert refreshed is not None
        assert refreshed[1] == b"body"
        assert await store.find(key_of(Request("http://a/")), serve_any) == refreshed
        assert refreshed[0].answered == NOW + 9


async def test_answers_that_depend_on_the_request_are_kept_side_by_side_but_not_any_number(path: Path) -> None:
    async with open_store(Cache(path)) as store:
        for number in range(MOST_VARIANTS + 3):
            variant = (("accept", str(number)),)
            await keep(store, "http://a/", b"%d" % number, selected_by=variant, answered=NOW + number)
        seen: list[int] = []

        def look(stored: Sequence[Stored]) -> Choice:
            seen.append(len(stored))
            return Choice(max(stored, key=lambda one: one.answered), is_served=True)

        assert (await store.find(key_of(Request("http://a/")), look)).body == b"%d" % (MOST_VARIANTS + 2)
        assert seen == [MOST_VARIANTS]
    assert count_bodies(path) == MOST_VARIANTS


async def test_an_error_that_may_pass_does_not_take_the_place_of_a_page(path: Path) -> None:
    passing = {"status": 503, "message": "503"}
    async with open_store(Cache(path)) as store:
        first = await keep(store, "http://a/", b"", **passing)
        page = await keep(store, "http://a/", b"page", first)
        await keep(store, "http://a/", b"", page, **passing)
        assert await body_of(store, "http://a/") == b"page"
        await keep(store, "http://a/", b"", page, status=404, message="404")
        found = await store.find(key_of(Request("http://a/")), serve_any)
        assert found.answer is not None
        assert found.answer.is_error


async def test_odd_bytes_in_header_fields_survive(path: Path) -> None:
    fields = (("x", b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")), ("y", "\ud800"))
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/\udce9", b"body", fields=fields)
        found = await store.find(key_of(Request("http://a/\udce9")), serve_any)
        assert found.answer is not None
        assert found.answer.fields[0] == fields[0]


async def test_a_finished_crawl_begins_a_generation(path: Path) -> None:
    for generation in (1, 2, 2):
        async with open_store(Cache(path)) as store:
            kept = await keep(store, "http://a/", b"body")
            assert kept is not None
            assert kept.generation == generation
            if generation == 1:
                await store.finish()
                kept = await keep(store, "http://a/", b"body")
                assert kept is not None
                assert kept.generation == 2


# ── bounds ──


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


async def test_the_least_recently_used_make_room(path: Path) -> None:
    clock = Clock()
    size = 10_000
    async with open_store(Cache(path, max_bytes=120 * size), clock) as store:
        for number in range(100):
            clock.now += 1
            await keep(store, f"http://a/{number}", os.urandom(size))
        clock.now += 7200
        assert await body_of(store, "http://a/0")  # the oldest, but used
        for number in range(100, 130):
            clock.now += 1
            await keep(store, f"http://a/{number}", os.urandom(size))
        there = {number for number in range(130) if await body_of(store, f"http://a/{number}")}
    assert {0, *range(100, 130)} <= there
    assert not {1, 2, 3, 4, 5} & there
    assert sum(len(data) for data in files_of(path).values()) < 200 * size
    async with open_store(Cache(path, max_bytes=1), clock) as store:
        await keep(store, "http://a/", b"x" * size)
    assert count_bodies(path) == 0


async def test_uses_are_remembered_from_one_crawl_to_the_next(path: Path) -> None:
    clock, bound = Clock(), Cache(path, max_bytes=35_000)
    async with open_store(bound, clock) as store:
        for url in ("http://a/1", "http://a/2", "http://a/3"):
            clock.now += 1
            await keep(store, url, os.urandom(10_000))
    async with open_store(bound, clock) as store:
        clock.now += 7200
        assert await body_of(store, "http://a/1")
    async with open_store(bound, clock) as store:
        await keep(store, "http://a/4", os.urandom(10_000))
    assert [await found_in(path, f"http://a/{number}") for number in range(1, 5)] == [True, False, True, True]


async def found_in(path: Path, url: str) -> bool:
    async with open_store(Cache(path)) as store:
        return await body_of(store, url) is not None


# ── what is damaged ──


@pytest.mark.parametrize("damaged", [b"", b"garbage", b"(\xb5/\xfd" + b"\xff" * 20, b"hell\x00"])
async def test_a_damaged_body_is_none_and_is_repaired_by_the_next(path: Path, damaged: bytes) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    damage(path, damaged)
    async with open_store(Cache(path)) as store:
        assert await store.find(key_of(Request("http://a/")), serve_any) == (None, None)
        found = await store.find(key_of(Request("http://a/")), serve_none)
        assert found.answer is not None
        assert await store.refresh(key_of(Request("http://a/")), found.answer, found.answer) is None
        await keep(store, "http://a/", b"hello")
        assert await body_of(store, "http://a/") == b"hello"
        assert not store.is_broken


async def test_each_flipped_bit_of_a_body_is_noticed(path: Path) -> None:
    body = b"<p>hello</p>" * 3
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", body)
    whole = stored_body(path)
    for position in range(len(whole)):
        damage(path, whole[:position] + bytes((whole[position] ^ 1 << position % 8,)) + whole[position + 1 :])
        async with open_store(Cache(path)) as store:
            assert await body_of(store, "http://a/") in {None, body}  # not each bit of zstd's header says something


def stored_body(path: Path) -> bytes:
    if path.is_dir():
        [file] = path.glob("??/*.html")
        return file.read_bytes()
    return bytes(sql(path, "SELECT data FROM bodies")[0])


@pytest.mark.parametrize("damaged", [b"", b"garbage", b"[]", b"{}", b"[{}]", b'["a"]', b"\xff", b"[" * 100_000])
async def test_a_damaged_answer_is_none(path: Path, damaged: bytes) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    if path.is_dir():
        [meta] = path.glob("??/*.meta.json")
        meta.write_bytes(damaged)
    else:
        sql(path, "UPDATE entries SET meta = ?", damaged)
    async with open_store(Cache(path)) as store:
        assert await store.find(key_of(Request("http://a/")), serve_any) == (None, None)
        await keep(store, "http://a/", b"hello")
        assert await body_of(store, "http://a/") == b"hello"


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


async def make(path: Path) -> None:
    async with open_store(Cache(path)):
        pass


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
    assert not path.exists()


async def test_an_empty_file_or_folder_is_a_new_cache_and_nothing_to_replay(path: Path) -> None:
    if path.suffix:
        path.touch()
    else:
        path.mkdir()
    with pytest.raises(CacheError):
        async with open_store(Cache(path, mode="replay")):
            pass
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    assert await found_in(path, "http://a/")


async def test_a_path_of_the_wrong_kind_cannot_be_opened(path: Path) -> None:
    in_the_way = path.parent / "file"
    in_the_way.write_text("a file")
    if path.suffix:
        path.mkdir()
    else:
        path.write_text("a file")
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
from crawler.fetching.store import open_store
from crawler.models import Request
from crawler.policy.caching import Cache
from crawler.policy.stored import Stored, key_of

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


async def test_a_store_that_cannot_be_read_is_said_once_and_has_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "crawler.cache")
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
        if path.suffix:
            sql(path, "DROP TABLE bodies")
        else:
            [body] = path.glob("??/*.html")
            body.unlink()
            body.mkdir()
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
