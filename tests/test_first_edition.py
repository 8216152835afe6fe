"""State folders that the first edition has written are read, parsed again, and gone on with."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.models import Ledger
from crawler.state.counters_record import CountersRecord
from crawler.state.record import Restored
from crawler.state.sqlite_store import Store
from tests.first_edition import HOME, ITEMS, crawler_of, hosts

FOLDER = Path(__file__).parent / "data" / "first_edition.zip"
THEN = Ledger(discovered=51, pending=21, done=15, failed=2, denied=1, refused=12)
PARSER = """
def parse(page):
    yield {"titles": [node.text() for node in page.css("h1")]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.unpack_archive(FOLDER, tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_its_status_has_the_counts_and_the_counters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = told(capsys, "status", str(folder / "state"))

    assert Ledger(**status["ledger"]) == THEN
    assert status["counts"]["fetched"] == 15
    assert status["counts"]["errors"] == {"StatusError": 1, "ParseError": 1}
    assert status["queues"] == {"first.example": 21}
    assert status["retries"] == 1


def test_its_urls_are_listed_in_their_states(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(folder / "state")]) == 0
    states = Counter(line.split("\t")[0] for line in capsys.readouterr().out.splitlines())

    assert states == {"pending": 21, "done": 15, "failed": 2, "denied": 1, "refused": 12}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("book", "state       done, status 200"),
        ("busy", "StatusError: 503 Service Unavailable"),
        ("odd", "ParseError: ValueError: an odd page"),
        ("private/x", "robots.txt forbids it"),
        ("note3", "limits.max_depth is 2"),
        ("chapter20", f"→ {HOME}book (link)"),
        ("goal", f"→ {HOME}goal (redirect)"),
    ],
)
def test_its_urls_are_explained(path: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder / "state"), HOME + path]) == 0

    assert said in capsys.readouterr().out


def test_its_pages_are_parsed_again(folder: Path) -> None:
    (folder / "changed.py").write_text(PARSER)
    items = folder / "again.txt"

    assert main(["reparse", str(folder / "state"), str(folder / "changed.py"), "-o", str(items), "--workers", "1"]) == 0

    titles = [json.loads(line)["titles"] for line in items.read_text().splitlines()]
    assert len(titles) == 15
    assert ["a page that the parser does not like"] in titles


def test_all_that_it_remembers_is_restored(folder: Path) -> None:
    with closing(Store(folder / "state")) as store:
        restored, counted = store.load(), store.recount()
        rows = store.no_longer_too_deep(3)

    assert restored.ledger == counted == THEN
    assert restored.counters == CountersRecord(
        fetched=15,
        items=14,
        retries=1,
        redirects=1,
        bytes=1356,
        seconds=restored.counters.seconds,
        errors={"StatusError": 1, "ParseError": 1},
    )
    assert restored.hosts["first.example"].pace.crawl_delay == 0.001
    assert restored.robots["http://first.example"][1].delay == 0.001
    assert {"cookies", "options"} <= restored.facts.keys()
    assert not restored.is_new
    assert Restored().is_new
    assert {row.request().url for row in rows} == {f"{HOME}note{number}" for number in range(11)}


async def test_it_is_gone_on_with_to_the_end(folder: Path) -> None:
    done_before = [json.loads(line)["url"] for line in (folder / ITEMS).read_text().splitlines()]

    async with hosts() as (proxy, asked), crawler_of(folder, proxy, max_pages=None, max_depth=3) as crawler:
        summary = await crawler.run(HOME)

    paths = [request.path.removeprefix(HOME) for request in asked]
    items = [json.loads(line) for line in (folder / ITEMS).read_text().splitlines()]
    urls = [item["url"] for item in items]
    # 19 chapters, a busy page and a search were pending; 30 notes, which are absent, are not too deep any more.
    assert (summary.discovered, summary.done, summary.failed, summary.denied) == (70, 36, 32, 1)
    assert (summary.refused, summary.pending, summary.fetched_before) == (1, 0, 15)
    assert urls[:14] == done_before
    assert len(urls) == len(set(urls)) == summary.items == 35
    assert not {"", "book", "chapter3", "absent", "odd", "private/x"} & set(paths)
    [search] = [request for request in asked if request.path.endswith("/search")]
    assert (search.method, search.headers["x-of"], search.headers["Cookie"]) == ("POST", "the parser", "visitor=7")
    assert [item["metadata"] for item in items if item["url"].endswith("/search")] == [{"query": 1}]
