"""Requests that are fetched again: after errors, because a parser says so, and what was seen before."""

from __future__ import annotations

import json
import pickle
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import (
    Cache,
    ConfigurationError,
    Cpu,
    Crawler,
    Failure,
    Fetch,
    JsonLines,
    Limits,
    Page,
    PageRetryError,
    Politeness,
    Request,
    Retry,
    StateFolder,
    Summary,
)
from crawler.policy.retry_budget import FREE
from tests.integration.sites import Answer, Site, links, redirect, serve

INLINE = Cpu(executor="inline")
NO_WAIT = Retry(wait=0)


def flaky(page: str, failures: int) -> Answer:
    """Fail each of the addresses so many times, then answer with ``page``."""
    left: dict[str, int] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        left[request.path] = left.get(request.path, failures) - 1
        if left[request.path] >= 0:
            return web.Response(status=500)
        return web.Response(text=page, content_type="text/html")

    return answer


def banned(times: int, page: str = "") -> Answer:
    """Answer so often that the visitor is banned, with the status of a page."""
    left = [times]

    async def answer(_: web.Request) -> web.StreamResponse:
        left[0] -= 1
        text = f"<title>banned</title>{links('/never')}" if left[0] >= 0 else (page or links("/next"))
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "max-age=600"})

    return answer


def checks_for_bans(page: Page) -> Iterator[Any]:
    yield {"url": page.url, "title": page.title}
    yield from page.links()
    if page.title == "banned":
        yield page.retry(reason="banned", wait=0)
        raise AssertionError("nobody asks for more")


async def checks_on_the_loop(page: Page) -> AsyncIterator[Any]:
    for result in checks_for_bans(page):
        yield result


async def crawled(
    site: Site, *seeds: str | Request, parser: Any = checks_for_bans, **options: Any
) -> tuple[list[Any], Summary, list[Failure]]:
    items: list[Any] = []
    given: dict[str, Any] = {"cpu": INLINE, "retry": NO_WAIT, "sinks": [items.append]} | options
    crawler = Crawler(parser, **given)
    async with crawler:
        summary = await crawler.run(*(seeds or (site.url,)))
    return items, summary, list(crawler.failures)


# ── the budget of retries ──


@pytest.mark.parametrize(("count", "fails"), [(600, 1), (3000, 1), (2000, 2)])
async def test_pages_that_fail_at_first_all_come_however_many_there_are(count: int, fails: int) -> None:
    names = [f"/{number}" for number in range(count)]
    pages: dict[str, Answer] = dict.fromkeys(names, flaky(links(), fails))
    async with serve({**pages, "/": links(*names)}) as site:
        items, summary, failures = await crawled(site, retry=Retry(attempts=3, wait=0))
    assert (len(items), summary.fetched, failures) == (count + 1, count + 1, [])
    assert (summary.retries, summary.retries_refused) == (count * fails, 0)


async def test_an_outage_uses_the_budget_up_and_each_failure_says_so() -> None:
    names = [f"/{number}" for number in range(FREE)]
    down: dict[str, Answer] = dict.fromkeys(names, flaky("", 9))
    async with serve({**down, "/": links(*names)}) as site:
        _, summary, failures = await crawled(
            site,
            retry=Retry(attempts=3, wait=0, budget=0.0),
            politeness=Politeness(give_up_after=None),
        )
    early = [failure for failure in failures if failure.attempts < 3]
    assert summary.retries == FREE
    assert summary.retries_refused == len(early) > 0
    assert all(f"the retry budget of {site.url.split('/')[2]} is used up" in failure.message for failure in early)
    assert "not attempted again" in str(summary)


async def test_without_a_bound_every_attempt_is_made() -> None:
    names = [f"/{number}" for number in range(FREE)]
    down: dict[str, Answer] = dict.fromkeys(names, flaky("", 9))
    async with serve({**down, "/": links(*names)}) as site:
        _, summary, failures = await crawled(
            site,
            retry=Retry(attempts=3, wait=0, budget=None),
            politeness=Politeness(give_up_after=None),
        )
    assert {failure.attempts for failure in failures} == {3}
    assert (summary.retries, summary.retries_refused) == (2 * FREE, 0)


# ── a parser has its page fetched again ──


@pytest.mark.parametrize(
    ("parser", "cpu"),
    [(checks_for_bans, INLINE), (checks_for_bans, Cpu(workers=1)), (checks_on_the_loop, INLINE)],
    ids=["inline", "process", "async"],
)
async def test_a_page_that_its_parser_rejects_is_fetched_again_and_brings_its_items_once(parser: Any, cpu: Cpu) -> None:
    async with serve({"/": banned(2), "/next": links()}) as site:
        items, summary, failures = await crawled(site, parser=parser, cpu=cpu)
        assert site.asked == ["/", "/", "/", "/next"]
    assert [item["title"] for item in items] == ["page", "page"]
    assert (summary.fetched, summary.retries, summary.done, failures) == (2, 2, 2, [])


async def test_a_page_that_is_rejected_too_often_fails_with_the_reason() -> None:
    async with serve({"/": banned(9)}) as site:
        items, summary, [failure] = await crawled(site)
        assert site.asked == ["/"] * 3
    assert (failure.error, failure.message, failure.attempts) == ("PageRetryError", "banned", 3)
    assert (items, summary.failed, summary.done) == ([], 1, 0)


async def test_a_rejected_page_does_not_count_for_the_limit_of_pages() -> None:
    async with serve({"/": banned(2), "/next": links()}) as site:
        items, summary, _ = await crawled(site, limits=Limits(max_pages=1))
    assert (len(items), summary.fetched) == (1, 1)


async def test_a_rejected_page_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    async with serve({"/": banned(1), "/next": links()}) as site:
        fetch = Fetch(cache=Cache(tmp_path))
        items, _, failures = await crawled(site, fetch=fetch)
        assert site.asked.count("/") == 2
    assert (len(items), failures) == (2, [])


async def test_attempts_of_rejected_pages_survive_the_crawl(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    async with serve({"/a": banned(2, links()), "/b": links()}) as site:
        seeds = [f"{site.url}{name}" for name in "ab"]
        for most in (1, None):
            crawler = Crawler(
                checks_for_bans,
                cpu=INLINE,
                retry=Retry(wait=0, attempts=3),
                state=StateFolder(tmp_path / "state"),
                sinks=[JsonLines(out)],
                limits=Limits(max_pages=most),
            )
            async with crawler:
                summary = await crawler.run(seeds)
        assert site.asked.count("/a") == 3
    assert sorted(json.loads(line)["url"] for line in out.read_text().splitlines()) == seeds
    assert (summary.done, summary.fetched, summary.retries) == (2, 2, 2)


@pytest.mark.parametrize(("reason", "wait"), [("", None), (None, None), ("x", -1), ("x", "soon"), ("x", float("nan"))])
def test_a_retry_says_why_and_when(reason: Any, wait: Any) -> None:
    with pytest.raises(ConfigurationError):
        Page("http://a.example/").retry(reason, wait)


def test_the_error_of_a_rejected_page_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(PageRetryError("banned", wait=3.0)))  # noqa: S301  # our own
    assert (str(error), error.wait) == ("banned", 3.0)


# ── what was seen before ──


async def test_a_known_url_is_fetched_and_delivered_again_where_a_parser_says_so() -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield f"{page.url}{page.label}"
        yield from page.links()
        if page.url.endswith("/login") and not page.label:
            yield page.follow("/", label="in", again=True)

    async with serve({"/": links("/login", "/a"), "/login": links("/"), "/a": links()}) as site:
        items, summary, failures = await crawled(site, parser=parse)
        assert sorted(site.asked) == ["/", "/", "/a", "/login"]
    assert sorted(items) == [site.url, f"{site.url}a", f"{site.url}in", f"{site.url}login"]
    assert (summary.done, summary.discovered, failures) == (4, 4, [])


async def test_what_was_not_seen_before_is_known_after_it_was_asked_for_again() -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield page.url
        yield from page.links()
        if page.url.endswith("/"):
            yield page.follow("/a", again=True)

    async with serve({"/": links(), "/a": links("/a", "/b"), "/b": links("/a")}) as site:
        items, _, _ = await crawled(site, parser=parse)
    assert items == [site.url, f"{site.url}a", f"{site.url}b"]


async def test_a_page_that_yields_itself_ends_at_the_limit_of_urls_that_are_alike(tmp_path: Path) -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield {"depth": page.depth}
        yield page.follow("", again=True)

    async with serve({"/": links()}) as site:
        items, summary, _ = await crawled(site, parser=parse, limits=Limits(max_alike=20), state=tmp_path / "state")
        assert len(items) == len(site.asked) == 21
    assert (summary.done, summary.refused) == (21, 1)


async def test_a_request_that_is_made_again_survives_the_crawl(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def parse(page: Page) -> Iterator[Any]:
        yield {"url": page.url, "label": page.label}
        if not page.label:
            yield page.follow("/", label="second", again=True)
            yield page.follow("/", label="third", again=True)

    async with serve({"/": links()}) as site:
        for most in (1, 2, None):
            sinks = [JsonLines(out)]
            crawler = Crawler(
                parse, cpu=INLINE, state=tmp_path / "state", sinks=sinks, limits=Limits(max_pages=most, max_depth=1)
            )
            async with crawler:
                summary = await crawler.run(site.url)
        assert len(site.asked) == 3
    labels = [json.loads(line)["label"] for line in out.read_text().splitlines()]
    assert sorted(labels) == ["", "second", "third"]
    assert (summary.done, summary.pending) == (3, 0)


async def test_a_request_that_is_made_again_and_redirected_brings_its_page() -> None:
    def parse(page: Page) -> Iterator[Any]:
        yield f"{page.url}{page.label}"
        yield from page.links()
        if page.url.endswith("/b") and not page.label:
            yield page.follow("/a", label="#again", again=True)

    async with serve({"/": links("/a"), "/a": redirect("/b"), "/b": links()}) as site:
        items, _, failures = await crawled(site, parser=parse)
    assert items == [site.url, f"{site.url}b", f"{site.url}b#again"]
    assert failures == []
