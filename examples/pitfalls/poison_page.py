"""A page that kills its process costs only itself: the crawler's CPU stage consists of slots.

See `dead_worker` for other pools.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator

from crawler import Cpu, Crawler, Page, Request
from fixtures_server import FixturesServer, Web

PAGES = 30


def parse(page: Page) -> Iterator[str | Request]:
    yield from page.links()
    if page.url.endswith("/p/7.html"):
        os._exit(7)  # like a segmentation fault in a parser written in C
    yield page.url


async def crawl() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cpu = Cpu(workers=2, quarantine=folder)
        async with FixturesServer(Web(pages=PAGES)) as server, Crawler(parse, cpu=cpu) as crawler:
            summary = await crawler.run(server.url)
            print(f"{summary.items} of {PAGES} pages parsed, {summary.quarantined} in quarantine")
            for failure in crawler.failures:
                print(failure.message)


def main() -> None:
    asyncio.run(crawl())


if __name__ == "__main__":
    main()
