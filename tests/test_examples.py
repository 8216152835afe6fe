"""Each example runs for real, on a small web."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
import typer
import uvloop
from aiohttp import web
from aiohttp.test_utils import TestClient

from crawler import Crawler, Page, Request
from examples import books, custom_executor, embed, primes
from fixtures_server import FixturesServer, ServerProcess, Truth, Web, digest
from tests import preloaded
from tests.cli_process import environment, run

REPOSITORY = Path(__file__).parent.parent
EXAMPLES = sorted(path for path in REPOSITORY.glob("examples/*.py") if path.name != "__init__.py")

MakeClient = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]


def python(*arguments: str | Path, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Run Python strictly: a warning is an error, a forgotten task or file a complaint."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_no_example_is_longer_than_sixty_lines(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 60


# ── primes ──


def test_primes_finds_the_truth_with_processes_and_without() -> None:
    done = python("-m", "examples.primes", "--pages", "40", "--bits", "20", "--latency", "0", "--workers", "2")
    assert done.returncode == 0, done.stderr
    truth = Web(pages=40, bits=20).truth("anywhere")
    assert f"{truth.primes} primes" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith((" processes: 2", " one core"))]
    assert [row[-1] for row in rows] == ["true", "true"]


def test_primes_runs_as_a_file_from_anywhere(tmp_path: Path) -> None:
    file = REPOSITORY / "examples" / "primes.py"
    done = python(file, "--pages", "5", "--bits", "8", "--latency", "0", "--workers", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def without_a_page(truth: Truth) -> Truth:
    return dataclasses.replace(truth, reachable=frozenset(sorted(truth.reachable)[1:]))


def with_a_prime_more(truth: Truth) -> Truth:
    return dataclasses.replace(truth, prime_digest=digest([2]))


@pytest.mark.parametrize("falsify", [without_a_page, with_a_prime_more])
def test_primes_fails_when_the_crawl_misses_the_truth(
    falsify: Callable[[Truth], Truth], capsys: pytest.CaptureFixture[str]
) -> None:
    def truth_of(server: ServerProcess) -> Truth:
        return falsify(server.truth())

    with pytest.raises(typer.Exit) as raised:
        uvloop.run(primes.demo(Web(pages=8, bits=8), workers=1, truth_of=truth_of))
    assert raised.value.exit_code == 1
    assert "wrong" in capsys.readouterr().out


# ── books ──


def on_disk() -> list[tuple[str, ...]]:
    """The books of the shop, read without the crawler."""
    fields = r'<h1 class="book">(.+?)</h1>.*class="author">(.+?)<.*€(.+?)<.*title="(\d) of'
    pages = (path.read_text(encoding="utf-8") for path in books.SHOP.glob("books/*.html"))
    found = (re.search(fields, page, re.DOTALL) for page in pages)
    return sorted(match.groups() for match in found if match)


async def test_books_finds_every_book_of_the_shop() -> None:
    async with FixturesServer(root=books.SHOP) as server, Crawler(books.parse) as crawler:
        found = [book async for book in crawler.stream(server.url)]
    assert all(type(book) is books.Book for book in found)
    assert len(found) == 12
    fields = [(book.title.replace("&", "&amp;"), book.author, str(book.price), str(book.stars)) for book in found]
    assert sorted(fields) == on_disk()


async def test_books_prints_a_line_a_book(capsys: pytest.CaptureFixture[str]) -> None:
    await books.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert " 11.00 €  ★★★★★  Nine Borrowed Ladders, by Tobias Renn" in lines


def test_books_parsers_can_be_tested_without_a_crawl() -> None:
    url = "http://shop.test/books/soup-and-consequences.html"
    page = Page(url, (books.SHOP / "books" / "soup-and-consequences.html").read_bytes())
    assert list(books.parse_book(page)) == [
        books.Book(url, "Soup & Consequences", "Greta Holm", Decimal("15.80"), stars=5)
    ]
    shelf = Page("http://shop.test/", b'<a class="category" href="shelves/new.html">New</a>')
    assert list(books.parse(shelf)) == [Request("http://shop.test/shelves/new.html", label="shelf")]


async def test_books_is_a_crawl_for_the_command_line(tmp_path: Path) -> None:
    async with ServerProcess(root=books.SHOP) as server:
        done = await run("run", "examples/books.py", server.url, "-o", str(tmp_path / "books.jsonl"), cwd=REPOSITORY)
    assert done.code == 0, done.err
    lines = (tmp_path / "books.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["price"] for line in lines) == sorted(price for _, _, price, _ in on_disk())


# ── site_index ──


async def site_index(*arguments: str) -> tuple[int, str, str]:
    return await preloaded.run("-m", "examples.site_index", *arguments, cwd=REPOSITORY, environment=environment())


def write_site(folder: Path, **pages: str) -> Path:
    for name, body in pages.items():
        title = f"<title>The {name}</title>"
        (folder / f"{name}.html").write_text(f"<!doctype html>{title}{body}", encoding="utf-8")
    return folder


async def test_site_index_writes_a_line_a_page(tmp_path: Path) -> None:
    links = (
        '<a href="guide.html#start">guide</a> <a href="guide.html">again</a> <a href="https://elsewhere.test/">x</a>'
    )
    site = write_site(tmp_path, index=links, guide='<a href="index.html">back</a>', orphan="nobody links here")
    code, _, err = await site_index(str(site), "-o", str(tmp_path / "site.jsonl"))
    assert code == 0, err
    lines = [json.loads(line) for line in (tmp_path / "site.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.pop("url").rpartition("/")[2] for line in lines] == ["index.html", "guide.html"]
    assert lines == [
        {"status": 200, "depth": 0, "title": "The index", "out_links": 2},
        {"status": 200, "depth": 1, "title": "The guide", "out_links": 1},
    ]


async def test_site_index_names_the_page_with_a_broken_link(tmp_path: Path) -> None:
    site = write_site(tmp_path, index='<a href="guide.html">guide</a>', guide='<a href="gone.html">gone</a>')
    code, out, err = await site_index(str(site), "-o", str(tmp_path / "site.jsonl"))
    assert code == 1, err
    assert re.search(r"/guide\.html links to http://\S+/gone\.html: 404", out)


@pytest.mark.parametrize(("arguments", "complaint"), [((), "Missing argument"), (("examples",), "no index.html")])
async def test_site_index_says_what_it_needs(arguments: tuple[str, ...], complaint: str) -> None:
    code, _, err = await site_index(*arguments)
    assert code == 2
    assert complaint in err


# ── embed ──


async def test_embed_answers_with_a_line_a_page(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(embed.make_app())
    async with FixturesServer(Web(pages=30)) as server:
        response = await client.get("/crawl", params={"url": server.url})
        lines = [json.loads(line) async for line in response.content]
        assert {line["url"] for line in lines} == server.truth().reachable
    assert len(lines) == 30
    assert response.content_type == "application/jsonl"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://crawler.test/", 403),
        ("http://127.0.0.1@crawler.test/", 403),
        ("http://169.254.169.254/latest/", 403),
        ("//localhost", 400),
        ("ftp://localhost/", 400),
        ("", 400),
    ],
)
async def test_embed_crawls_nothing_but_this_machine(aiohttp_client: MakeClient, url: str, status: int) -> None:
    client = await aiohttp_client(embed.make_app())
    assert (await client.get("/crawl", params={"url": url})).status == status


async def test_embed_ends_the_crawl_and_its_worker_when_the_client_leaves(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(embed.make_app(crawls=1))

    async def processes_of_a_crawl(server: FixturesServer) -> set[int]:
        """Read one line and leave; return the processes that there are at that time."""
        async with client.get("/crawl", params={"url": server.url}) as response:
            assert await response.content.readline()
            return {process.pid for process in psutil.Process().children(recursive=True)}

    async with FixturesServer(Web(pages=None)) as endless, FixturesServer(Web(pages=1)) as small:
        await processes_of_a_crawl(small)  # starts what stays: the server that forks workers
        abandoned = await processes_of_a_crawl(endless)
        # There is one turn, and it comes when the crawl before is over and its worker gone.
        later = await processes_of_a_crawl(small)
        assert len(abandoned - later) == 1
        assert endless.statistics().requests < 1000  # it was not the limit on pages that ended it


# ── custom_executor ──


def test_custom_executors_find_the_same_and_stay_open(capsys: pytest.CaptureFixture[str]) -> None:
    custom_executor.main()
    said = capsys.readouterr().out
    assert said.count(f"{custom_executor.WEB.truth('anywhere').primes} primes:") == 2
    assert said.count("still at your service: True") == 2
