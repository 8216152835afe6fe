"""What a display is told of the workers while they work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from crawler import Cpu, Crawler, Page, Request
from tests.integration.sites import serve


def wait_for_the_pipe(page: Page) -> Iterator[str]:
    """Return when somebody has written to the pipe that the request names."""
    yield Path(page.metadata["pipe"]).read_text("ascii")


async def test_a_worker_is_told_with_the_page_that_it_is_at(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with serve({"/": ""}) as site, Crawler(wait_for_the_pipe, cpu=Cpu(workers=1)) as crawler:
        stream = crawler.stream(Request(site.url, metadata={"pipe": str(pipe)}))
        item = asyncio.ensure_future(anext(stream))
        writing = await asyncio.to_thread(pipe.open, "w", encoding="ascii")  # returns when the parser reads
        [worker] = crawler.statistics().stage.workers
        await asyncio.to_thread(writing.write, "written")
        await asyncio.to_thread(writing.close)
        assert (worker.page, worker.page_seconds >= 0, await item) == (site.url, True, "written")
        assert [each async for each in stream] == []
        [worker] = crawler.statistics().stage.workers
    assert (worker.page, worker.page_seconds) == ("", 0.0)
