"""Texts of megabytes, from pages and from parsers' errors: what is stored and told of them is bounded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import Cpu, Crawler, JsonLines, Page, Politeness
from crawler.errors import ParseError
from crawler.models import Failure
from crawler.runtime.shortened import shortened, without_middle
from tests.integration.sites import links, serve

LONG = 1_000_000  # characters
MOST = 60_000  # characters of all that is told of one page


class ChattyError(Exception):
    """An error of a parser that says all that it has seen."""


def parse(page: Page) -> Iterator[Any]:
    name = page.url.rpartition("/")[2]
    if not name:
        yield {"url": page.url}  # one good item, so that not all of them are bad
    if name == "raises":
        raise ChattyError("x" * LONG)
    if name == "raises-ours":
        raise ParseError("x" * LONG, "y" * LONG)
    if name == "again":
        yield page.retry("x" * LONG)
    if name == "item":
        yield {"a": LateError("x" * LONG)}
    yield from page.links()


class LateError:
    """Its conversion says all that it has."""

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def model_dump(self) -> Any:
        raise ValueError(self._text)


PATHS = ["/raises", "/raises-ours", "/again", "/item"]


@pytest.mark.parametrize("executor", ["process", "inline"])
async def test_what_is_told_of_a_failure_is_bounded_whatever_the_parser_says(executor: Any, tmp_path: Path) -> None:
    failures: list[Failure] = []
    async with (
        serve({"/": links(*PATHS), **{path: links() for path in PATHS}}) as site,
        Crawler(
            parse,
            sinks=[JsonLines(tmp_path / "out.jsonl")],
            state=tmp_path / "state",
            cpu=Cpu(workers=1, executor=executor, quarantine=tmp_path / "quarantine"),
            politeness=Politeness(robots=False),
            on_failure=failures.append,
        ) as crawler,
    ):
        await crawler.run(site.url)
    assert sorted(failure.url.removeprefix(site.url) for failure in failures) == sorted(path[1:] for path in PATHS)
    for failure in failures:
        assert len(failure.message) + len(failure.traceback) < MOST
        assert "characters" in failure.message + failure.traceback  # what was cut is said
    assert sum(path.stat().st_size for path in (tmp_path / "state").iterdir()) < 1_000_000


async def test_a_link_of_megabytes_is_refused_and_its_beginning_is_noted_once(tmp_path: Path) -> None:
    long = [f"/{letter * LONG}" for letter in "ab"]
    async with serve({"/": links(*long, "/a"), "/a": links(*long)}) as site:
        async with Crawler(
            parse, state=tmp_path / "state", cpu=Cpu(workers=1), politeness=Politeness(robots=False)
        ) as crawler:
            summary = await crawler.run(site.url)
        assert (summary.done, summary.refused) == (2, 2)
        with closing(sqlite3.connect(tmp_path / "state" / "state.sqlite")) as connection:
            rows = connection.execute("SELECT url FROM requests WHERE length(url) > 1000").fetchall()
    assert len({url for (url,) in rows}) == 2
    assert all(len(url) < 3000 and f"({LONG + len(site.url) - 2000:,} characters more)" in url for (url,) in rows)


@given(st.text(max_size=200), st.integers(1, 100))
def test_a_short_text_stays_and_a_long_one_says_how_much_is_missing(text: str, most: int) -> None:
    short, without = shortened(text, most), without_middle(text, most)
    if len(text) <= most:
        assert short == without == text
    else:
        assert short == f"{text[:most]}… ({len(text) - most} characters more)"
        half = max(1, most // 2)
        assert without == f"{text[:half]}\n… ({len(text) - 2 * half:,} characters left out) …\n{text[-half:]}"
