"""What a page puts into an item may be anything: where an output cannot hold it, that costs the page, and no other."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from crawler import Cpu, Crawler, Csv, JsonLines, Page, Parquet, Politeness, Sqlite, Warc
from crawler.errors import EncodingError
from crawler.models import Failure
from crawler.sinks.sink import Sink
from tests.integration.sites import links, serve

USUAL = {"name": "book", "price": 1}
ODD: dict[str, Any] = {
    "another type": {"name": "book", "price": "free"},
    "a late field": {"name": "book", "price": 1, "late": True},
    "two thousand fields": {f"field{number}": number for number in range(2001)},
    "names that differ in case": {"name": 1, "Name": 2},
    "a name of the sink's own": {"_id": 1},
    "NUL in a name": {"a\0b": 1},
    "a mixed list": {"name": [1, "a"]},
    "a large integer": {"name": "book", "price": 2**70},
    "nested deep": {"name": json.loads("[" * 900 + "]" * 900)},
    "no fields": [1, 2],
    "no plain value": {"name": object()},
}
NAMES = list(ODD)


def parse(page: Page) -> Iterator[Any]:
    path = page.url.rpartition("/")[2]
    yield {**USUAL, "name": path or "front"}
    if path.startswith("odd"):
        yield ODD[NAMES[int(path[3:])]]
    yield from page.links()


def site_of(odd: int) -> dict[str, Any]:
    """Return a site of pages of which one has an odd item."""
    paths = [f"/good{number}" for number in range(8)] + [f"/odd{odd}"] + [f"/more{number}" for number in range(8)]
    return {"/": links(*paths), **{path: links() for path in paths}}


def read_jsonl(path: Path) -> list[str]:
    items = [json.loads(line) for line in path.read_text().splitlines()]
    return [item["name"] for item in items if isinstance(item, dict) and "name" in item]


def read_csv(path: Path) -> list[str]:
    return [row["name"] for row in csv.DictReader(path.read_text().splitlines())]


def read_sqlite(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM items")]


def read_parquet(path: Path) -> list[str]:
    return [row["name"] for part in sorted(path.glob("part-*")) for row in pq.ParquetFile(part).read().to_pylist()]


SINKS: dict[str, tuple[Callable[[Path], Sink], Callable[[Path], list[str]], set[str]]] = {
    # with those of the odd items that it can hold
    "jsonl": (JsonLines, read_jsonl, {*NAMES} - {"no plain value"}),
    "csv": (Csv, read_csv, {"another type", "a mixed list", "a large integer", "nested deep"}),
    "sqlite": (Sqlite, read_sqlite, {"another type", "a late field", "a mixed list", "a large integer", "nested deep"}),
    "parquet": (Parquet, read_parquet, {"a late field", "a name of the sink's own", "NUL in a name"}),
}  # fmt: skip


def is_of_usual(name: object) -> bool:
    return isinstance(name, str) and name.startswith(("front", "good", "more", "odd"))


@pytest.mark.parametrize("odd", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("kind", SINKS)
async def test_an_odd_item_costs_its_page_alone_or_nothing(kind: str, odd: int, tmp_path: Path) -> None:
    make, read, holds = SINKS[kind]
    failures: list[Failure] = []
    out = tmp_path / "out"
    async with serve(site_of(odd)) as site:
        for _ in range(2):  # a resumed crawl has nothing left to do, and does not fail again
            async with Crawler(
                parse,
                sinks=[make(out)],
                state=tmp_path / "state",
                cpu=Cpu(workers=1, executor="inline"),
                politeness=Politeness(robots=False),
                on_failure=failures.append,
            ) as crawler:
                summary = await crawler.run(site.url)
    found = [str(name) for name in read(out) if is_of_usual(name)]
    assert len(found) == len(set(found))
    if NAMES[odd] in holds:
        assert failures == []
        assert (len(found), summary.done) == (18, 18)
    else:
        [failure] = failures
        assert (failure.error, failure.url) == ("EncodingError", f"{site.url}odd{odd}")
        assert f"odd{odd}" not in found
        assert (len(found), summary.done, summary.failed, summary.items) == (17, 17, 1, 17)


@pytest.mark.parametrize("is_durable", [True, False], ids=["state", "no state"])
async def test_a_page_that_one_output_cannot_hold_is_in_no_output_that_can_be_cut_back(
    is_durable: bool, tmp_path: Path
) -> None:
    kinds = {name: (make(tmp_path / name), read) for name, (make, read, _) in SINKS.items()}
    called: list[Any] = []
    warc = Warc(tmp_path / "pages.warc")
    async with (
        serve(site_of(NAMES.index("a late field"))) as site,
        Crawler(
            parse,
            sinks=[called.append, *(sink for sink, _ in kinds.values()), warc],
            state=tmp_path / "state" if is_durable else None,
            cpu=Cpu(workers=1),
            politeness=Politeness(robots=False),
        ) as crawler,
    ):
        summary = await crawler.run(site.url)
    assert (summary.done, summary.failed, summary.items) == (17, 1, 17)
    expected = {"front", *(f"{kind}{number}" for kind in ("good", "more") for number in range(8))}
    for name, (_, read) in kinds.items():
        found = [each for each in read(tmp_path / name) if each != "book"]
        # Without a state folder nothing is taken back of what the outputs before that one have.
        more = {"odd1"} if name == "jsonl" and not is_durable else set()
        assert sorted(found) == sorted(expected | more), name
    assert len([item for item in called if is_of_usual(item["name"])]) == 18
    archived = (tmp_path / "pages.warc").read_bytes().count(b"WARC-Type: response")
    assert archived == 17


def late(page: Page) -> Iterator[Any]:
    yield {"url": page.url} if page.url.endswith("/") else {"url": page.url, "late": 1}
    yield from page.links()


def unencodable(page: Page) -> Iterator[Any]:
    yield {"what": object()}
    yield from page.links()


@pytest.mark.parametrize(("parser", "why"), [(late, "the field 'late'"), (unencodable, "object is no JSON type")])
async def test_where_nearly_all_items_are_odd_the_crawl_ends_and_says_why(
    parser: Any, why: str, tmp_path: Path
) -> None:
    paths = [f"/{number}" for number in range(60)]
    async with (
        serve({"/": links(*paths), **{path: links() for path in paths}}) as site,
        Crawler(
            parser,
            sinks=[Csv(tmp_path / "out.csv")],
            state=tmp_path / "state",
            cpu=Cpu(workers=1),
            politeness=Politeness(robots=False),
        ) as crawler,
    ):
        with pytest.raises(EncodingError, match=rf"the items of \d\d of \d\d pages cannot be written.*{why}"):
            await crawler.run(site.url, *(site.url + path[1:] for path in paths))
