"""What strangers write reaches no terminal as it is, and passes for no line of ours: neither pages nor errors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from crawler.cli.output import encode_for_terminal
from crawler.observe.plain import escaped_json, plain_entry
from tests.cli_process import run
from tests.cli_terminal import terminal
from tests.integration.sites import Site, links, serve

BAD = "\x1b]0;owned\x07\x1b[31m\x9b31m\x7f\r\n12:00:00 done        999 pages"
PARSER = """
BAD = {bad!r}

def parse(page):
    if page.url.endswith("prints"):
        print(BAD)
    if page.url.endswith("raises"):
        raise KeyError(BAD)
    if page.url.endswith("raises-text"):
        raise ValueError(BAD)
    if page.url.endswith("again"):
        yield page.retry(BAD)
    yield {{"bad": BAD}}
    yield from page.links()
"""
# Line feeds, tabs, and nothing else below the blank; nothing of C1.
STRANGE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async def odd(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(
            b"HTTP/1.1 502 Bad \x1b[31m\x9b\x07Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        request.transport.close()
        await asyncio.Future()
        raise AssertionError("it was cancelled")

    paths = ["/prints", "/raises", "/raises-text", "/again"]
    async with serve({"/": links(*paths, "/odd"), **{path: links() for path in paths}, "/odd": odd}) as made:
        yield made


@pytest.mark.parametrize("executor", ["process", "inline"])
@pytest.mark.parametrize("verbose", [(), ("-v",)], ids=["usual", "verbose"])
async def test_a_log_in_a_file_has_no_control_characters_and_no_forged_lines(
    verbose: tuple[str, ...], executor: str, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "crawl.py").write_text(PARSER.format(bad=BAD))
    options = ("--executor", executor, "--attempts", "1", "-o", "items.jsonl", *verbose)
    done = await run("run", "crawl.py", site.url, *options, cwd=tmp_path)
    assert STRANGE.search(done.err) is None
    assert [line for line in done.err.splitlines() if line.startswith("12:00:00")] == []
    assert "999 pages" in done.err
    items = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert items == [{"bad": BAD}] * 2  # items in files are as they were


@pytest.mark.parametrize("is_dumb", [False, True], ids=["terminal", "dumb terminal"])
async def test_items_on_a_terminal_have_no_control_characters(is_dumb: bool, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "crawl.py"
    file.write_text(PARSER.format(bad=BAD))
    term = "dumb" if is_dumb else "xterm"
    async with terminal(
        "run", str(file), f"{site.url}prints", "-q", "--executor", "inline", stdout=None, TERM=term
    ) as screen:
        done = await screen.finish()
    assert done.code == 0, screen.shown
    [line] = [line for line in screen.shown.splitlines() if line.startswith("{")]
    assert STRANGE.search(line) is None
    assert json.loads(line) == {"bad": BAD}


def test_an_entry_of_a_log_is_one_entry() -> None:
    assert plain_entry("a\nb\r\n\x1bc") == "a\n    b�\n    �c"


def test_what_is_escaped_is_the_same_json() -> None:
    item = {"all": "".join(map(chr, range(0x200)))}
    line = encode_for_terminal(item).decode()
    assert json.loads(line) == item
    assert STRANGE.search(line.removesuffix("\n")) is None
    assert escaped_json(line) == line
