from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from crawler.fetching.cache_choice import Choice
from crawler.fetching.cache_store import open_store
from crawler.fetching.cache_store_format import MOST_VARIANTS
from crawler.http.stored import Stored, digest_of, key_of
from crawler.models import Request
from crawler.policy.caching import Cache
from tests.cached_site import Clock
from tests.stored_answers import (
    KINDS,
    NOW,
    answer,
    body_of,
    count_bodies,
    damage,
    files_of,
    found_in,
    keep,
    serve_any,
    serve_none,
    sql,
    stored_body,
)

if sys.platform != "win32":
    pass


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store that is not there yet, of each kind."""
    name: str = request.param
    return tmp_path / name


# ── what is kept ──


@pytest.mark.parametrize(
    "body", [b"", b"x", b"<p>hello</p>" * 1000, random.Random(1).randbytes(100_000), bytes(5 * 2**20)]
)
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
    passing: dict[str, Any] = {"status": 503, "message": "503"}
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


async def test_another_body_in_the_place_of_one_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
        await keep(store, "http://b/", b"hell")
        sql(path, "UPDATE bodies SET data = (SELECT data FROM bodies WHERE digest = ?)", digest_of(b"hell"))
        assert [await body_of(store, url) for url in ("http://a/", "http://b/")] == [None, b"hell"]


async def test_each_flipped_bit_of_a_body_is_noticed(path: Path) -> None:
    body = b"<p>hello</p>" * 3
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", body)
    whole = stored_body(path)
    for position in range(len(whole)):
        damage(path, whole[:position] + bytes((whole[position] ^ 1 << position % 8,)) + whole[position + 1 :])
        async with open_store(Cache(path)) as store:
            assert await body_of(store, "http://a/") in {None, body}  # not each bit of zstd's header says something


def damage_answer(path: Path, damaged: bytes) -> None:
    if path.is_dir():
        [meta] = path.glob("??/*.meta.json")
        meta.write_bytes(damaged)
    else:
        sql(path, "UPDATE entries SET meta = ?", damaged)


@pytest.mark.parametrize(
    "damaged", [b"", b"garbage", b"[]", b"{}", b"[{}]", b'["a"]', b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000]
)
async def test_a_damaged_answer_is_none(path: Path, damaged: bytes) -> None:
    async with open_store(Cache(path)) as store:
        await keep(store, "http://a/", b"hello")
    damage_answer(path, damaged)
    async with open_store(Cache(path)) as store:
        assert await store.find(key_of(Request("http://a/")), serve_any) == (None, None)
        await keep(store, "http://a/", b"hello")
        assert await body_of(store, "http://a/") == b"hello"
