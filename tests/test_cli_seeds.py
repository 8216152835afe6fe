from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from crawler.cli.seed_file import named, split
from crawler.errors import ConfigurationError
from fixtures_server import FixturesServer, Web
from tests.cli_process import run

URLS = "# of mine\nhttp://127.0.0.1:1/a\n\n  http://127.0.0.1:1/b  \nhttp://127.0.0.1:1/c\n"


def test_a_file_of_seeds_is_read_as_needed(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(URLS)
    known, more = named(["http://127.0.0.1:1/"], str(tmp_path / "urls"))
    assert known == ["http://127.0.0.1:1/", "http://127.0.0.1:1/a"]
    assert more is not None
    assert list(more) == ["http://127.0.0.1:1/b", "http://127.0.0.1:1/c"]


@pytest.mark.parametrize(
    ("content", "complaint"), [("", "has no URL"), ("\n# none\n", "has no URL"), (b"\xef\xbb\xbf", "has no URL")]
)
def test_a_file_without_seeds_is_an_error_that_names_it(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    file = tmp_path / "urls"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError, match=rf"urls.*{complaint}|{complaint}.*urls"):
        named([], str(file))


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.*No such file"):
        named([], str(tmp_path / "none"))


def test_an_iterator_has_its_first_at_hand() -> None:
    known, more = split(iter(["a", "b"]))
    assert (known, list(more or ())) == (["a"], ["b"])
    assert split(iter(())) == ([], None)


async def test_a_site_is_crawled_from_the_urls_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    async with FixturesServer(Web(pages=500, page_bytes=500)) as server:
        file.write_text("".join(f"{server.url}p/{number}.html\n" for number in range(300, 350)))
        out = tmp_path / "out.jsonl"
        done = await run("site", "--seeds", str(file), "--max-depth", "0", "-o", str(out))
    assert done.code == 0, done.err
    assert len(out.read_text().splitlines()) == 50


async def test_bounds_for_hosts_and_folders_are_options(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    async with FixturesServer(Web(pages=500, page_bytes=500)) as server:
        done = await run("site", server.url, "--max-per-path", "7", "--max-per-host", "9", "-o", str(out))
    assert done.code == 0, done.err
    assert len(out.read_text().splitlines()) == 8  # the front page, and seven of its folder


@pytest.mark.parametrize(
    "data",
    [
        URLS.encode("utf-8-sig"),
        URLS.encode("utf-16"),
        b"\xfe\xff" + URLS.encode("utf-16-be"),
        URLS.replace("\n", "\r\n").encode(),
        URLS.replace("\n", "\r").encode(),
        URLS.rstrip().encode(),
    ],
    ids=["utf-8 with mark", "utf-16", "utf-16-be", "crlf", "cr", "no last newline"],
)
def test_files_of_other_systems_have_the_same_seeds(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "urls").write_bytes(data)
    known, more = named([], str(tmp_path / "urls"))
    assert [*known, *(more or ())] == [f"http://127.0.0.1:1/{name}" for name in "abc"]


async def test_one_line_in_another_encoding_costs_no_other_seed(tmp_path: Path) -> None:
    asked: list[str] = []

    async def page(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.raw_path)
        return web.Response(text="", content_type="text/html")

    runner = web.ServerRunner(web.Server(page))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    lines = [f"{url}{number}".encode() for number in range(600)]
    lines[300] = f"{url}caf\u00e9".encode("latin-1")
    lines[400] = b"http://\xe9.example/"
    (tmp_path / "urls").write_bytes(b"\n".join(lines))
    done = await run("site", "--seeds", str(tmp_path / "urls"), "--max-depth", "0", "-o", str(tmp_path / "out.jsonl"))
    await runner.cleanup()
    assert done.code == 0, done.err
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 599
    assert "/caf%E9" in asked
    assert "line 301: not in UTF-8" in done.err
    assert "InvalidURLError" in done.err
    assert "Traceback" not in done.err
