"""``crawler run``: finds parser, seeds and options in a file or a module."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crawler import Cpu
from crawler.cli.options import CrawlOptions
from crawler.cli.options.parsing import ParsingOptions
from crawler.cli.site import parse
from crawler.crawl.configuration import Configuration
from fixtures_server import FixturesServer, Web
from tests.cli_process import run

PARSER = """
def parse(page):
    yield {"url": page.url, "depth": page.depth}
    yield from page.links()
"""


@pytest.fixture
async def server() -> AsyncIterator[FixturesServer]:
    async with FixturesServer(Web(pages=40, numbers=2, page_bytes=0)) as server:
        yield server


async def test_the_file_says_what_to_crawl_and_how(server: FixturesServer, tmp_path: Path) -> None:
    options = f"from crawler import Limits\nseeds = [{server.url!r}]\nlimits = Limits(max_depth=1)\n"
    (tmp_path / "crawl.py").write_text(options + PARSER)

    finished = await run("run", str(tmp_path / "crawl.py"))

    lines = [json.loads(line) for line in finished.out.splitlines()]
    assert finished.code == 0, finished.err
    assert sorted(line["depth"] for line in lines) == [0, 1, 1, 1, 1]


async def test_the_command_line_replaces_seeds_and_single_fields(server: FixturesServer, tmp_path: Path) -> None:
    options = """
from crawler import Cpu, Limits
seeds = ["http://127.0.0.1:1/"]
limits = Limits(max_depth=1, max_pages=2)
cpu = Cpu("thread", workers=1)
"""
    (tmp_path / "crawl.py").write_text(options + PARSER)

    finished = await run("run", str(tmp_path / "crawl.py"), server.url, "--max-pages", "100", "--json")

    summary = json.loads(finished.out)
    assert (summary["fetched"], summary["failed"], len(summary["workers"])) == (5, 0, 1)


def test_the_guards_of_workers_are_options() -> None:
    parsing = ParsingOptions(deadline=2.5, memory=2**28, recycle_pages=7, niceness=3, quarantine="bad pages")

    cpu = CrawlOptions(parsing=parsing).applied_to(Configuration(parse, cpu=Cpu(workers=3))).cpu

    assert (cpu.workers, cpu.deadline, cpu.memory_bytes, cpu.recycle_pages) == (3, 2.5, 2**28, 7)
    assert (cpu.niceness, cpu.quarantine) == (3, "bad pages")


def test_each_guard_can_be_taken_away() -> None:
    parsing = ParsingOptions(deadline=0.0, memory=0, recycle_pages=0, niceness=0, quarantine="none")

    cpu = CrawlOptions(parsing=parsing).applied_to(Configuration(parse, cpu=Cpu(recycle_pages=9))).cpu

    assert (cpu.deadline, cpu.memory_bytes, cpu.recycle_pages, cpu.quarantine) == (None, None, None, None)
    assert cpu.niceness == 0


async def test_a_module_is_found_in_the_working_directory(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "books.py").write_text(PARSER)

    finished = await run("run", "shop.books", server.url, "--max-pages", "1", cwd=tmp_path)

    assert json.loads(finished.out) == {"url": server.url, "depth": 0}


async def test_a_file_imports_its_neighbours_also_in_workers(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("def title(page):\n    return page.title\n")
    (tmp_path / "my-crawl.py").write_text("from neighbour import title\ndef parse(page):\n    yield title(page)\n")

    finished = await run("run", str(tmp_path / "my-crawl.py"), server.url, "--workers", "1")

    assert json.loads(finished.out) == "Front page of the only site"


async def test_items_go_to_the_sinks_of_the_file(server: FixturesServer, tmp_path: Path) -> None:
    output = tmp_path / "items.jsonl"
    options = f"from crawler import Cpu, JsonLines\ncpu = Cpu('inline')\nsinks = [JsonLines({str(output)!r})]\n"
    (tmp_path / "crawl.py").write_text(options + PARSER)

    finished = await run("run", str(tmp_path / "crawl.py"), server.url)

    assert finished.out == ""
    assert len(output.read_text().splitlines()) == 40


async def test_output_replaces_the_sinks_of_the_file(server: FixturesServer, tmp_path: Path) -> None:
    refused, output = tmp_path / "refused.jsonl", tmp_path / "items.jsonl"
    options = f"from crawler import Cpu, JsonLines\ncpu = Cpu('inline')\nsinks = [JsonLines({str(refused)!r})]\n"
    (tmp_path / "crawl.py").write_text(options + PARSER)

    await run("run", str(tmp_path / "crawl.py"), server.url, "-o", str(output))

    assert not refused.exists()
    assert len(output.read_text().splitlines()) == 40


async def test_a_parser_that_raises_fails_its_page_and_tells_where(server: FixturesServer, tmp_path: Path) -> None:
    (tmp_path / "crawl.py").write_text("def parse(page):\n    yield from page.links()\n    yield 1 / page.depth\n")

    finished = await run("run", str(tmp_path / "crawl.py"), server.url, "-v", "--executor", "inline")

    assert finished.code == 0
    assert "ParseError: ZeroDivisionError: division by zero" in finished.err
    assert f'File "{tmp_path / "crawl.py"}", line 3, in parse' in finished.err
