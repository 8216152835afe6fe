from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from crawler.crawl.seeding import Seeding, sorted_out
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import Request


class Urls:
    """An iterator that counts what it was asked for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.given == self.count:
            raise StopIteration
        self.given += 1
        return f"http://a.example/{self.given}"


def test_lists_are_at_hand_and_iterators_are_not_touched() -> None:
    urls = Urls(5)
    known, others = sorted_out(["http://a.example/", ["http://b.example", Request("http://c.example/")], urls])
    assert [request.url for request in known] == ["http://a.example/", "http://b.example/", "http://c.example/"]
    assert urls.given == 0
    assert others is not None
    assert next(others) == "http://a.example/1"


def test_what_is_no_url_is_refused_at_once_where_it_is_at_hand() -> None:
    with pytest.raises(InvalidURLError):
        sorted_out(["http://a.example/", ["ftp://a.example/"]])


async def test_no_more_is_asked_for_than_may_be_pending() -> None:
    urls, pending = Urls(1000), [0]
    seeding = Seeding((), sorted_out([urls])[1], ahead=10)

    def add(_request: Request) -> None:
        pending[0] += 1

    running = asyncio.create_task(seeding.run(add, _never, lambda: pending[0]))
    for fetched in (0, 1, 5, 10):
        pending[0] -= fetched
        before = urls.given
        seeding.note_pending(pending[0])
        for _ in range(40):  # turns of the loop, more than enough
            await asyncio.sleep(0)
        assert (urls.given, pending[0]) == (before + (fetched or 10), 10)
    assert not seeding.is_over
    running.cancel()


async def test_what_is_no_url_is_told_and_ends_nothing() -> None:
    lines = iter(["http://a.example/\n", "\n", "not a url\n", "  http://b.example/  \n"])
    added: list[str] = []
    refused: list[object] = []
    seeding = Seeding((), sorted_out([lines])[1])
    await seeding.run(lambda request: added.append(request.url), lambda seed, _: refused.append(seed), lambda: 0)
    assert added == ["http://a.example/", "http://b.example/"]
    assert refused == ["not a url\n"]
    assert seeding.is_over


async def test_an_iterator_without_a_seed_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no seed"):
        await Seeding((), iter(())).run(_never, _never, lambda: 0)


def test_seeds_at_hand_are_all_there_is() -> None:
    assert Seeding([Request("http://a.example/")]).is_over


def _never(*_: object) -> None:
    raise AssertionError("not to be called")
