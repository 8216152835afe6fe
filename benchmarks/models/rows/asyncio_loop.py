"""asyncio with everything on the loop, the arithmetic too."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.models.aio import get, session
from benchmarks.models.pages import Crawl, Visit, examine


class Model:
    """A session, and as many tasks as may be in flight."""

    async def open(self, width: int) -> None:
        """Open the session."""
        self.http, self.limit = session(width), asyncio.Semaphore(width)

    async def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, a task each."""

        async def call(item: Any) -> Any:
            return function(item)

        return await asyncio.gather(*map(call, items))

    async def fetch_one(self, url: str, keep_alive: bool) -> int:
        """Return the checksum of a page."""
        async with self.limit:
            return zlib.crc32(await get(self.http, url, keep_alive=keep_alive))

    async def fetch(self, urls: Sequence[str], *, keep_alive: bool) -> Iterable[int]:
        """Return the checksum of the page at each of ``urls``."""
        return await asyncio.gather(*(self.fetch_one(url, keep_alive) for url in urls))

    async def visit(self, url: str) -> Visit:
        """Fetch a page and do its work."""
        return examine(url, await get(self.http, url))

    async def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``: a task for each page."""
        crawl = Crawl(seeds)

        async def follow(url: str) -> None:
            async with self.limit:
                visit = await self.visit(url)
            for link in crawl.add(visit):
                group.create_task(follow(link))

        async with asyncio.TaskGroup() as group:
            for seed in seeds:
                group.create_task(follow(seed))
        return crawl

    async def close(self) -> None:
        """Close the session."""
        await self.http.close()
