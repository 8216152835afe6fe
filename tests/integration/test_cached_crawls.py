"""Whole crawls with a cache on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crawler import Cache, Cpu, Crawler, Fetch, Page, Politeness, Summary
from crawler.policy.caching import CacheMode
from tests.integration.sites import links, serve

pytestmark = pytest.mark.both_loops

PAGES = {"/robots.txt": "User-agent: *\nDisallow: /no\n", "/": links("/a", "/no", "/missing"), "/a": links("/")}


def parse(page: Page) -> Any:
    yield page.url, page.changed
    yield from page.links()


async def crawled(url: str, path: Path, mode: CacheMode, **options: Any) -> tuple[Summary, dict[str, bool | None]]:
    items: list[tuple[str, bool | None]] = []
    fetch = Fetch(cache=Cache(path, mode=mode))
    crawler = Crawler(parse, cpu=Cpu(executor="inline"), fetch=fetch, sinks=[items.append], **options)
    async with crawler:
        summary = await crawler.run(url)
    return summary, {url.rpartition("/")[2]: changed for url, changed in items}


@pytest.mark.parametrize("name", ["folder", "file.sqlite"])
async def test_a_replay_repeats_a_crawl_without_a_server_and_without_delays(tmp_path: Path, name: str) -> None:
    async with serve(PAGES) as site:
        first, items = await crawled(site.url, tmp_path / name, "forever")
    slow = Politeness(delay=30.0)
    again, same = await crawled(site.url, tmp_path / name, "replay", politeness=slow)
    assert same == items
    assert (again.done, again.denied, again.failed) == (first.done, first.denied, first.failed) == (2, 1, 1)
    assert again.errors == first.errors == {"StatusError": 1}
    assert again.cache is not None
    assert (again.cache.served, again.cache.missing) == (4, 0)


async def test_what_a_replay_does_not_have_fails_and_says_so(tmp_path: Path) -> None:
    async with serve(PAGES) as site:
        await crawled(site.url, tmp_path / "cache", "forever")
    summary, _ = await crawled(f"{site.url}other", tmp_path / "cache", "replay")
    assert (summary.failed, summary.errors) == (1, {"NotCachedError": 1})


async def test_a_second_crawl_says_which_pages_have_changed(tmp_path: Path) -> None:
    async with serve(PAGES) as site:
        first, items = await crawled(site.url, tmp_path / "cache", "changed")
        site.pages["/a"] = links("/", "/b")
        site.pages["/b"] = links()
        second, later = await crawled(site.url, tmp_path / "cache", "changed")
    assert items == {"": None, "a": None}
    assert later == {"": False, "a": True, "b": None}
    assert first.cache is not None
    assert second.cache is not None
    assert (first.cache.new, second.cache.new, second.cache.changed, second.cache.unchanged) == (2, 1, 1, 1)
    assert "cache: " in str(second)


async def test_what_the_cache_has_starts_no_delay(tmp_path: Path) -> None:
    pages = {"/": links(*(f"/{number}" for number in range(50)))} | {f"/{number}": links() for number in range(50)}
    async with serve(pages) as site:
        await crawled(site.url, tmp_path / "cache", "forever")
        # With the delay, fifty pages would take longer than a test may.
        summary, _ = await crawled(site.url, tmp_path / "cache", "forever", politeness=Politeness(delay=1.0))
    assert summary.done == 51
