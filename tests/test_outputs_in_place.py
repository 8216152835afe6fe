"""An output that is removed, moved or replaced while a crawl writes to it is not lost without a word."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import Cpu, Crawler, Csv, JsonLines, Page, Parquet, Politeness, Sqlite, Warc
from crawler.errors import SinkError
from crawler.sinks.sink import CheckpointedSink
from tests.integration.sites import links, serve

SINKS: dict[str, Callable[[Path], CheckpointedSink]] = {
    "items.jsonl": JsonLines,
    "items.csv": Csv,
    "items.db": Sqlite,
    "items.parquet": Parquet,
    "pages.warc.gz": Warc,
}


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replace(path: Path) -> None:
    is_folder = path.is_dir()
    move(path)
    if is_folder:
        path.mkdir()
    else:
        path.write_bytes(b"")


def parse(page: Page) -> Iterator[Any]:
    yield {"url": page.url}
    yield from page.links()


@pytest.mark.parametrize("harm", [remove, move, replace])
@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("is_durable", [True, False], ids=["state", "no state"])
async def test_an_output_that_is_not_where_it_was_ends_the_crawl_and_is_named(
    is_durable: bool, name: str, harm: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    crawler = Crawler(
        parse,
        sinks=[SINKS[name](path)],
        state=tmp_path / "state" if is_durable else None,
        cpu=Cpu(workers=1, executor="inline"),
        politeness=Politeness(robots=False),
    )

    async def last(_: web.Request) -> web.StreamResponse:
        harm(path)
        return web.Response(text=links(), content_type="text/html")

    async with serve({"/": links("/a"), "/a": links("/b"), "/b": last}) as site:
        with pytest.raises(SinkError, match=f"{name}' was (removed or moved away|replaced by another file)"):
            async with crawler:
                await crawler.run(site.url)


async def test_whoever_changes_the_folder_of_the_process_moves_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def last(_: web.Request) -> web.StreamResponse:
        monkeypatch.chdir("/")
        return web.Response(text=links(), content_type="text/html")

    cpu, polite = Cpu(workers=1, executor="inline"), Politeness(robots=False)
    sinks = [make(Path(name)) for name, make in SINKS.items()]
    crawler = Crawler(parse, sinks=sinks, cpu=cpu, politeness=polite)
    async with serve({"/": links("/a"), "/a": last}) as site, crawler:
        summary = await crawler.run(site.url)
    assert summary.items == 2
    assert all((tmp_path / name).exists() for name in SINKS)
