"""The documentation's programs run, and print what it says they print; its commands have options that exist.

Each block of Python in a page is one of two things:

- a program, with ``if __name__ == "__main__":``, or without a word that only its page explains. It runs in a process of
  its own. If it defines tests, it is a test file. A block of text right behind it is its output, but for the order of
  the lines.
- a piece, which `PIECES` names. It runs in this process, in a folder of its own, with a few names that its page takes
  for granted; it may await. A line of ``...`` stands for a crawl.

``https://books.example/`` and its like stand for the bookshop, which has a sitemap and a login here.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import shutil
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
from aiohttp import web

import crawler
from crawler import Cpu, Crawler, Fetch, Network, Scope
from crawler.cli.commands import app
from examples.books import SHOP
from fixtures_server import FixturesServer, HostileServer
from tests import preloaded
from tests.cli_process import environment
from tests.integration.parsers import urls
from tests.integration.sites import links, serve
from tests.needs import need

ROOT = Path(__file__).parent.parent
PAGES = {page.name: page for page in (*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")}
PROGRAM = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHOPS = ("https://books.example/", "https://docs.example/", "http://127.0.0.1:8080/")
INLINE = Cpu(executor="inline")
EVERYWHERE: dict[str, Any] = {"scope": Scope("any"), "fetch": Fetch(network=Network(allow_private=True))}
A_CRAWL = re.compile(r"^( *)\.\.\.(?= |$)", re.MULTILINE)
WITH_ITS_OWN_TEST = {"access.md-2": "a login", "command_line.md-1": "a file for crawler run"}


class Database:
    async def execute(self, *_: Any) -> None:
        raise AssertionError("nothing is written: this is a piece")


PIECES: dict[str, dict[str, Any]] = {
    "access.md-1": {"password": "secret", "token": "secret"},
    "bodies.md-1": {},
    "concepts.md-1": {"Crawler": Crawler},
    "concepts.md-2": {},
    "fixtures_server.md-1": {},
    "hostile.md-1": {},
    "network.md-1": {},
    "network.md-2": {"Network": crawler.Network},
    "politeness.md-1": {},
    "robots.md-2": {},
    "sinks.md-1": {},
    "sinks.md-2": {"database": Database()},
    "state.md-1": {"Crawler": Crawler, "JsonLines": crawler.JsonLines},
    "README.md-2": {"Crawler": Crawler, "Limits": crawler.Limits},
}


def blocks() -> Iterator[tuple[str, str, str]]:
    """Yield the blocks of Python: page and number, text, and the output that follows, if one does."""
    for name, page in PAGES.items():
        for number, match in enumerate(PROGRAM.finditer(page.read_text(encoding="utf-8")), 1):
            yield f"{name}-{number}", match[1], match[2] or ""


BLOCKS = {name: (text, output) for name, text, output in blocks()}
PROGRAMS = [name for name in BLOCKS if name not in {**PIECES, **WITH_ITS_OWN_TEST}]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[str]:
    """The bookshop on this machine, with a sitemap."""
    folder = Path(shutil.copytree(SHOP, tmp_path / "shop"))
    async with FixturesServer(root=folder) as server:
        (folder / "sitemap.xml").write_text(sitemap(folder, server.url), encoding="utf-8")
        yield server.url


def sitemap(folder: Path, url: str) -> str:
    books = [book.relative_to(folder) for book in sorted(folder.glob("books/*.html"))]
    entries = (f"<url><loc>{url}{book}</loc><lastmod>2026-01-02</lastmod></url>" for book in books)
    return f"<urlset>{''.join(entries)}</urlset>"


def at(url: str, text: str) -> str:
    """Put the shop's URL in place of those that stand for it."""
    for name in SHOPS:
        text = text.replace(name, url)
    return text


async def run(text: str, folder: Path, **more: str) -> tuple[int, str, str]:
    file = written(folder, text)
    command = [str(file)]
    if "def test_" in text:
        command = ["-m", "pytest", "-o", "asyncio_default_fixture_loop_scope=function", *command]  # the plugin asks
    return await preloaded.run(*command, cwd=folder, environment={**environment(), **more})


def written(folder: Path, text: str, name: str = "program.py") -> Path:
    folder.mkdir()
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


# ── programs and pieces ──


def test_each_piece_is_there() -> None:
    assert {*PIECES, *WITH_ITS_OWN_TEST} <= BLOCKS.keys()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_in_the_documentation_does_what_it_says(name: str, shop: str, tmp_path: Path) -> None:
    text, output = BLOCKS[name]
    code, out, err = await run(at(shop, text), tmp_path / "run")
    assert (code, err) == (0, ""), out + err
    if output:
        assert sorted(out.splitlines()) == sorted(at(shop, output).splitlines())


@pytest.mark.parametrize("name", PIECES)
async def test_a_piece_of_a_program_in_the_documentation_runs(
    name: str, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crawl(server: Any) -> None:
        if isinstance(server, FixturesServer | HostileServer):  # once is enough, and not from another process
            async with Crawler(urls, cpu=INLINE, **EVERYWHERE) as crawler:
                names["crawled_urls"] = {url async for url in crawler.stream(names.get("url", server.url))}

    monkeypatch.chdir(tmp_path)
    (tmp_path / "our-authority.pem").write_bytes(authority())
    names: dict[str, Any] = {"parse": urls, "crawl_it": crawl, "server": None, **PIECES[name]}
    text = A_CRAWL.sub(r"\1await crawl_it(server)", at(shop, BLOCKS[name][0]))
    code = compile(text, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if awaited := eval(code, names):  # noqa: S307  # our own documentation
        await awaited


def authority() -> bytes:
    need(find_spec("trustme") is not None, "trustme")
    import trustme  # noqa: PLC0415

    return trustme.CA().cert_pem.bytes()


async def test_the_program_that_logs_in_gets_to_see_the_pages_inside(tmp_path: Path) -> None:
    async def login(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(text='<form><input name="token" value="t0k3n"></form>', content_type="text/html")
        assert await request.text() == "user=me&password=secret&token=t0k3n"
        answer = web.Response(status=303, headers={"Location": "/inside"})
        answer.set_cookie("session", "s3cret")
        return answer

    async def inside(request: web.Request) -> web.StreamResponse:
        assert request.cookies["session"] == "s3cret"
        return web.Response(text=links("/logout", "/book"), content_type="text/html")

    async with serve({"/login": login, "/inside": inside, "/book": inside}) as site:
        text = at(site.url, BLOCKS["access.md-2"][0])
        code, out, err = await run(text, tmp_path / "run", SHOP_USER="me", SHOP_PASSWORD="secret")
    assert (code, err) == (0, "")
    found = [ast.literal_eval(line)["url"].rpartition("/")[2] for line in out.splitlines()]
    assert found == ["inside", "book"]
    assert "/logout" not in site.asked


async def test_the_file_of_the_command_line_is_a_crawl(shop: str, tmp_path: Path) -> None:
    file = written(tmp_path / "run", at(shop, BLOCKS["command_line.md-1"][0]), "titles.py")
    arguments = ("-m", "crawler", "run", file.name, "--executor", "inline", "-q")
    code, out, err = await preloaded.run(*arguments, cwd=file.parent, environment=environment())
    assert (code, err) == (0, "")
    assert f"{shop}index.html" in {json.loads(line)["url"] for line in out.splitlines()}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_give_options_that_exist(name: str) -> None:
    for call in ast.walk(compile(BLOCKS[name][0], name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in crawler.__all__:
            known = inspect.signature(getattr(crawler, call.func.id)).parameters
            if not any(option.kind is option.VAR_KEYWORD for option in known.values()):
                assert {keyword.arg for keyword in call.keywords} <= {*known, None}, ast.unparse(call)


# ── commands ──


def commands() -> Iterator[str]:
    for page in PAGES.values():
        for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                command = re.split(r" +(?:#|&|\|)", line.removeprefix("$ "))[0]
                if line.startswith(("$ crawler ", "$ python -m ")):
                    yield command


@pytest.mark.parametrize("command", sorted({*commands()}))
def test_a_command_in_the_documentation_has_options_that_exist(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "crawler":
        typed = typer.main.get_command(app)
        context = typed.make_context("crawler", arguments[:1])
        chosen: Any = typed.get_command(context, arguments[0])  # type: ignore[attr-defined]
        chosen.make_context(arguments[0], arguments[1:], parent=context, resilient_parsing=False)
    else:
        assert find_spec(arguments[1]) is not None


def test_pages_link_to_pages_that_exist() -> None:
    for page in ROOT.glob("docs/*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"
