"""Parsers of the tests of whole crawls; at the top level of a module, as worker processes find them by name."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

from crawler import Crawler, Page, Request


def urls(page: Page) -> Iterator[Any]:
    yield page.url
    yield from page.links()


def relative(page: Page) -> Iterator[Any]:
    """Yield relative requests that the parser made itself."""
    yield page.url
    yield from (Request(node.attributes["href"] or "") for node in page.css("a[href]"))


def links_only(page: Page) -> Iterator[Any]:
    yield from page.links()


def raises_on_p2(page: Page) -> Iterator[Any]:
    if page.url.endswith("/p/2.html"):
        raise KeyError("missing title")
    yield from urls(page)


def dies_on_p2(page: Page) -> Iterator[Any]:
    if page.url.endswith("/p/2.html"):
        os._exit(7)
    yield from urls(page)


def stops_on_p2(page: Page) -> Iterator[Any]:
    if page.url.endswith("/p/2.html"):
        os.kill(os.getpid(), signal.SIGSTOP)
    yield from urls(page)


def unencodable(page: Page) -> Iterator[Any]:
    yield {"url": page.url, "what": object()}


def double(number: int) -> int:
    return number * 2


def in_process(_: int) -> int:
    return os.getpid()


def divide(number: int) -> float:
    return 1 / number


async def computing(page: Page, crawler: Crawler) -> AsyncIterator[Any]:
    yield await crawler.compute(double, page.depth + 1)
    for request in page.links():
        yield request


async def listing(page: Page) -> list[Any]:
    return [page.url, *page.links()]
