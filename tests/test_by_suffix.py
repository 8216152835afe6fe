from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler import Cpu, Crawler, Csv, JsonLines, Page, Parquet, Politeness, Sqlite, Warc
from crawler.cli.options.output import CrawlOutput
from crawler.cli.output import output_for
from crawler.cli.screen import Screen
from crawler.errors import ConfigurationError
from crawler.sinks.by_suffix import sink_for
from tests.integration.sites import links, serve


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("out.jsonl", JsonLines),
        ("out.ndjson", JsonLines),
        ("out.json", JsonLines),
        ("out.txt", JsonLines),
        ("out", JsonLines),
        ("csv", JsonLines),
        (".csv", JsonLines),
        ("a.csv.jsonl", JsonLines),
        ("out.gz", JsonLines),
        ("/dev/null", JsonLines),
        ("out.csv", Csv),
        ("v1.2.CSV", Csv),
        ("out.sqlite", Sqlite),
        ("out.sqlite3", Sqlite),
        ("folder.csv/out.db", Sqlite),
        ("out.parquet", Parquet),
        ("out.warc", Warc),
        ("a.b.warc.gz", Warc),
    ],
)
def test_the_suffix_says_what_is_written(name: str, kind: type) -> None:
    assert type(sink_for(name)) is kind
    assert type(sink_for(Path(name))) is kind
    screen = Screen(quiet=True, verbose=False)
    [sink] = output_for(CrawlOutput(path=name), (), screen).sinks
    assert type(sink) is kind


def test_all_responses_are_for_archives() -> None:
    screen = Screen(quiet=True, verbose=False)
    for wanted in (False, True):
        [sink] = output_for(CrawlOutput(path="a.warc.gz", all_responses=wanted), (), screen).sinks
        assert isinstance(sink, Warc)
        assert sink.wants_responses is wanted
    CrawlOutput(path="a.WARC", all_responses=True).check()
    for path in (None, "-", "a.jsonl"):
        with pytest.raises(ConfigurationError, match=r"--output pages\.warc\.gz"):
            CrawlOutput(path=path, all_responses=True).check()


def parse(page: Page) -> Iterator[Any]:
    yield {"url": page.url, "title": page.title, "tags": ["a"]}
    yield from page.links()


async def test_one_crawl_may_write_to_all_of_them(tmp_path: Path) -> None:
    names = ("out.jsonl", "out.csv", "out.db", "out.parquet", "out.warc.gz")
    sinks = [sink_for(tmp_path / name) for name in names]
    async with serve({"/": links("/a"), "/a": links()}) as site:
        polite = Politeness(robots=False)
        async with Crawler(parse, sinks=sinks, cpu=Cpu(workers=1, executor="thread"), politeness=polite) as crawler:
            await crawler.run(site.url)
            await crawler.run(site.url)  # goes on in the same files
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 4
    assert (tmp_path / "out.csv").read_bytes().count(b"\r\n") == 5
    assert all((tmp_path / name).exists() for name in names)
