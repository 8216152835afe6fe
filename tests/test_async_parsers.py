from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from crawler.document.page import Page
from crawler.errors import EncodingError, ParseError
from crawler.models import Request
from crawler.parsing.asynchronous import parse_async
from crawler.parsing.worker import Encoders, Parsed

pytestmark = pytest.mark.both_loops

URL = "http://a.example/"


class Fake:
    """Stands for the crawler."""

    async def compute(self, function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args)


async def generate(page: Page) -> AsyncIterator[Any]:
    yield page.title
    await asyncio.sleep(0)
    yield page.follow("a")


async def generate_computed(page: Page, crawler: Any) -> AsyncIterator[Any]:
    yield await crawler.compute(len, page.body)


async def return_list(page: Page) -> list[Any]:
    return [page.title, Request("b", label="x")]


async def return_one(page: Page, crawler: Any) -> Any:
    return await crawler.compute(str.upper, page.title)


async def return_nothing(page: Page) -> None:
    return None


async def with_default(page: Page, depth: Any = "nothing") -> Any:
    return depth


async def with_crawler_by_default(page: Page, crawler: Any = None) -> Any:
    return type(crawler).__name__


async def with_keyword(page: Page, *, suffix: str = "") -> str:
    return page.title + suffix


async def raise_late(page: Page) -> AsyncIterator[str]:
    yield "lost"
    raise KeyError("price")


async def leave(page: Page) -> None:
    raise SystemExit(3)


async def raise_parse_error(page: Page) -> None:
    raise ParseError("no price", "line 3")


async def request_mail(page: Page) -> Request:
    return Request("mailto:a@b.example")


def encode(item: Any) -> bytes:
    if not isinstance(item, str):
        raise TypeError("no text")
    return item.encode()


class Method:
    async def parse(self, page: Page, crawler: Any) -> Any:
        return await crawler.compute(str.lower, page.title)

    async def __call__(self, page: Page) -> str:
        return page.title


def page() -> Page:
    return Page(URL, b"<title>Title</title>")


async def parsed(parser: Callable[..., Any], encoders: Encoders = (None,)) -> Parsed:
    return await parse_async(parser, page(), Fake(), encoders)


@pytest.mark.parametrize(
    ("parser", "items", "links"),
    [
        (generate, ["Title"], (f"{URL}a",)),
        (generate_computed, [20], ()),
        (return_list, ["Title"], ()),
        (return_one, ["TITLE"], ()),
        (return_nothing, [], ()),
        (with_default, ["nothing"], ()),
        (with_crawler_by_default, ["Fake"], ()),
        (partial(with_keyword, suffix="!"), ["Title!"], ()),
        (Method().parse, ["title"], ()),
        (Method(), ["Title"], ()),
    ],
)
async def test_async_parsers_return_or_yield_and_may_take_the_crawler(
    parser: Callable[..., Any], items: list[Any], links: tuple[str, ...]
) -> None:
    result = await parsed(parser)
    assert result.error is None
    assert (result.items_for(0), result.links) == (items, links)
    assert result.seconds > 0


async def test_requests_are_normalised_and_sorted_out_as_in_workers() -> None:
    assert (await parsed(return_list)).requests == (Request(f"{URL}b", label="x"),)


async def test_items_are_encoded_for_each_sink() -> None:
    result = await parsed(generate, (None, encode))
    assert [result.items_for(sink) for sink in (0, 1)] == [["Title"], [b"Title"]]


async def test_items_stay_in_this_process_and_need_not_pickle() -> None:
    item = object()

    async def parse(page: Page) -> object:
        return item

    assert (await parsed(parse)).items_for(0)[0] is item


@pytest.mark.parametrize(
    ("parser", "kind", "message"),
    [
        (raise_late, ParseError, "KeyError: 'price' ("),
        (leave, ParseError, "SystemExit: 3 ("),
        (raise_parse_error, ParseError, "no price"),
        (request_mail, ParseError, "a request that cannot be made"),
    ],
)
async def test_whatever_a_parser_raises_is_in_the_result(
    parser: Callable[..., Any], kind: type[Exception], message: str
) -> None:
    result = await parsed(parser)
    assert type(result.error) is kind
    assert message in str(result.error)
    assert result.items == 0


async def test_the_traceback_comes_along_as_text() -> None:
    error = (await parsed(raise_late)).error
    assert isinstance(error, ParseError)
    assert "in raise_late" in error.traceback


async def test_an_item_that_cannot_be_encoded_is_named() -> None:
    result = await parsed(generate_computed, (encode,))
    assert isinstance(result.error, EncodingError)
    assert "an item of type 'int'" in str(result.error)


async def test_a_parser_that_is_cancelled_ends_and_is_no_failure_of_its_page() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(page: Page) -> AsyncIterator[str]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield "never"
        finally:
            ended.set()

    parsing = asyncio.ensure_future(parsed(wait))
    await begun.wait()
    parsing.cancel()
    await asyncio.wait((parsing,))
    assert parsing.cancelled()
    assert ended.is_set()
