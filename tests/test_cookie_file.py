from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import ConfigurationError, CrawlerError
from crawler.fetching.cookie_file import load, open_cookie_jar, save
from crawler.http.cookie import Cookie
from crawler.http.cookie_jar import CookieJar
from crawler.policy.access import Cookies

NOW = 1_767_323_045.0  # 2 January 2026
URL = "https://www.example.org/a/b"
FIELDS = [
    "sid=hush; Secure; Path=/; Max-Age=60",
    "a=1; Path=/; Domain=example.org",
    "b; Path=/a",
    'c=\u00f6\t"; Path=/',
]
HEAD: dict[str, Any] = {"format": "crawler cookies", "version": 1}


def filled() -> CookieJar:
    jar = CookieJar()
    jar.store(URL, FIELDS, NOW)
    return jar


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    jar = filled()
    save(jar.cookies(NOW), file)
    again = load(file, NOW)
    assert again.cookies(NOW) == jar.cookies(NOW)
    for url in (URL, "https://example.org/", "https://www.example.org:8443/"):
        assert again.header_for(url, NOW) == jar.header_for(url, NOW)
        assert "a=1" in again.header_for(url, NOW)


def test_what_has_ended_is_neither_saved_nor_loaded(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    save(filled().cookies(NOW), file)
    assert "sid" not in {cookie.name for cookie in load(file, NOW + 60).cookies(NOW)}
    save(filled().cookies(NOW + 60), file)
    assert "sid" not in file.read_text(encoding="utf-8")


def test_the_file_is_json_that_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    first = Cookie("https://example.org", "/", "a", "1", is_secure=True, expires=NOW)
    save([first, Cookie("http://x", "/", "b", "")], file)
    assert json.loads(file.read_text(encoding="utf-8")) == {
        **HEAD,
        "cookies": [
            {"place": "https://example.org", "path": "/", "name": "a", "value": "1", "secure": True, "expires": NOW},
            {"place": "http://x", "path": "/", "name": "b", "value": ""},
        ],
    }


def test_where_there_is_no_file_the_jar_is_empty_and_none_is_made(tmp_path: Path) -> None:
    assert len(load(tmp_path / "cookies.json", NOW)) == 0
    assert list(tmp_path.iterdir()) == []


# ── what is no file of cookies ──

GOOD = {"place": "https://example.org", "path": "/", "name": "a", "value": "1"}


def text_of(*cookies: dict[str, Any], **head: Any) -> str:
    return json.dumps({**HEAD, **head, "cookies": cookies})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no file of cookies"),
        ("{", "no file of cookies"),
        ("[]", "no file of cookies"),
        ("null", "no file of cookies"),
        ("{}", "no file of cookies"),
        ("\udcff", "no file of cookies"),
        ("[" * 100_000, "no file of cookies"),
        ('{"x": ' + "[" * 100_000, "no file of cookies"),
        (text_of()[:-5], "no file of cookies"),
        (json.dumps(HEAD), "no file of cookies"),
        (text_of(version=2), "version 2"),
        (text_of(version="1"), "no file of cookies"),
        (text_of(format="something"), "another format"),
        (text_of({**GOOD, "name": 1}), "no file of cookies"),
        (text_of({**GOOD, "expires": "soon"}), "no file of cookies"),
        (text_of({**GOOD, "httpOnly": True}), "no file of cookies"),
        (text_of({**GOOD})[:-2] + ', {"place": "https://a", "expires": 1e999}]}', "no file of cookies"),
        (text_of({**GOOD}, {**GOOD, "value": "hush\r\nX: 1"}), "cookie 1 .*is broken"),
        (text_of({**GOOD, "place": "https://.example.org", "path": "a"}), "no server"),
        (text_of({**GOOD, "place": "https://me:hush@example.org"}), "cookie 0"),
    ],
    ids=range(20),
)
def test_a_broken_file_is_named_and_left_as_it_is(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "cookies.json"
    data = text.encode("utf-8", "surrogateescape")
    file.write_bytes(data)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        load(file, NOW)
    assert str(file) in str(caught.value)
    assert "delete it" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert file.read_bytes() == data


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_bytes(b"")
    os.truncate(file, 2**40)  # of which the disk keeps nothing
    with pytest.raises(ConfigurationError, match="more than 67108864 bytes"):
        load(file, NOW)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cookies"):
        load(tmp_path, NOW)


def test_a_folder_that_is_not_there_is_an_error_before_the_crawl_and_not_after_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load(tmp_path / "nowhere" / "cookies.json", NOW)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    os.mkfifo(file)
    with pytest.raises(ConfigurationError, match="it is no file"):
        load(file, NOW)


# ── writing ──


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_you_can_read_it_even_where_others_could_before(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text("{}", encoding="utf-8")
    file.chmod(0o644)
    save(filled().cookies(NOW), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text("old", encoding="utf-8")
    with file.open(encoding="utf-8") as old:
        save(filled().cookies(NOW), file)
        assert old.read() == "old"  # whoever reads it meanwhile sees one of the two, never a part
    assert [path.name for path in tmp_path.iterdir()] == ["cookies.json"]


def test_a_file_that_cannot_be_written_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(CrawlerError, match=r"cannot be written to .*folder"):
        save([], target)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "folder" / "real.json", tmp_path / "cookies.json"
    target.parent.mkdir()
    link.symlink_to(target)
    save(filled().cookies(NOW), link)
    assert link.is_symlink()
    assert len(load(target, NOW)) == len(FIELDS)


# ── a crawl ──


async def crawl_that_fails(cookies: Cookies, before: Callable[[], None] = lambda: None) -> None:
    async with open_cookie_jar(cookies) as jar:
        jar.store(URL, ["a=1"], NOW)
        before()
        raise KeyError


async def test_a_crawl_begins_with_the_cookies_that_the_last_one_left(tmp_path: Path) -> None:
    cookies = Cookies(tmp_path / "cookies.json")
    async with open_cookie_jar(cookies) as jar:
        assert len(jar) == 0
        jar.store(URL, ["a=1"], NOW)
    async with open_cookie_jar(cookies) as jar:
        assert jar.header_for(URL, NOW) == "a=1"


async def test_without_a_file_cookies_are_forgotten() -> None:
    async with open_cookie_jar(Cookies()) as jar:
        jar.store(URL, ["a=1"], NOW)
    async with open_cookie_jar(Cookies()) as jar:
        assert len(jar) == 0


async def test_cookies_are_saved_when_the_crawl_fails_or_is_cancelled(tmp_path: Path) -> None:
    cookies = Cookies(str(tmp_path / "cookies.json"))
    with pytest.raises(KeyError):
        await crawl_that_fails(cookies)
    filled = asyncio.Event()

    async def crawl() -> None:
        async with open_cookie_jar(cookies) as jar:
            jar.store(URL, ["b=2"], NOW)
            filled.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(crawl())
    await filled.wait()
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    async with open_cookie_jar(cookies) as jar:
        assert jar.header_for(URL, NOW) == "a=1; b=2"


async def test_a_crawl_that_failed_fails_with_its_own_error_where_cookies_cannot_be_saved_either(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(KeyError) as caught:
        await crawl_that_fails(Cookies(folder / "cookies.json"), folder.rmdir)
    assert "cannot be written" in caught.value.__notes__[0]


async def test_cookies_that_cannot_be_saved_are_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(CrawlerError, match="cannot be written"):
        async with open_cookie_jar(Cookies(folder / "cookies.json")):
            folder.rmdir()
