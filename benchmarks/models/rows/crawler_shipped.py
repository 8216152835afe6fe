"""This project, as shipped, but for robots.txt: no other row asks for it.

Pages go to its worker processes in batches; `Crawler.compute` is a call.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.models.pages import Crawl, Visit
from benchmarks.models.primality import is_prime
from crawler import Crawler, Fetch, Page, Politeness, Request, Router


def parse(page: Page) -> Iterator[tuple[str, list[int]] | Request]:
    """Test the numbers of a page, and follow its links."""
    numbers = [int(node.text()) for node in page.css(".number")]
    yield page.url, [number for number in numbers if is_prime(number)]
    yield from page.links()


async def checksum(page: Page) -> int:
    """Return the checksum of a page: on the loop, as there is nothing to compute."""
    return zlib.crc32(page.body)


class Model:
    """The crawler."""

    async def open(self, width: int) -> None:
        """Open it."""
        parser = Router({"fetch": checksum}, default=parse)
        fetch, politeness = Fetch(concurrency=width), Politeness(robots=False)
        self.crawler = await Crawler(parser, fetch=fetch, politeness=politeness).__aenter__()

    async def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, a call each."""
        return await asyncio.gather(*(self.crawler.compute(function, item) for item in items))

    async def fetch(self, urls: Sequence[str], *, keep_alive: bool) -> Iterable[int]:
        """Return the checksum of the page at each of ``urls``."""
        headers = () if keep_alive else (("Connection", "close"),)
        seeds = [Request(url, label="fetch", headers=headers) for url in urls]
        return [each async for each in self.crawler.stream(seeds)]

    async def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl = Crawl(seeds)
        async for url, primes in self.crawler.stream(seeds):
            crawl.add(Visit(url, primes, []))
        return crawl

    async def close(self) -> None:
        """Close it."""
        await self.crawler.__aexit__(None, None, None)
