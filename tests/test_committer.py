from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crawler.crawl.committer import Committer
from crawler.crawl.group import Part
from crawler.document.page import Page
from crawler.errors import SinkError
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.policy.state_folder import StateFolder
from crawler.sinks.sink import Sink
from crawler.state.changes import Changes
from crawler.state.counters_record import CountersRecord
from crawler.state.null_record import NullRecord
from crawler.state.record import Record
from crawler.state.sqlite_record import open_record

FULL = OSError(errno.ENOSPC, "No space left on device")


class Lines:
    """A sink in memory that can be cut back; `fail` may raise before, or in the middle of, a write."""

    encode = None
    name = "Lines"

    def __init__(self, fail: Callable[[Lines], None] = lambda _: None) -> None:
        self.lines: list[Any] = []
        self.calls: list[str] = []
        self.fail = fail

    async def open(self) -> None: ...

    async def write(self, items: list[Any]) -> None:
        self.calls.append("write")
        self.lines += items[:1]
        self.fail(self)
        self.lines += items[1:]

    async def checkpoint(self) -> bytes | None:
        self.calls.append("checkpoint")
        return b"%d" % len(self.lines)

    async def restore(self, token: bytes | None) -> None:
        self.calls.append("restore")
        del self.lines[int(token or b"0") :]

    async def sync(self) -> None:
        self.calls.append("sync")

    async def close(self) -> None: ...


class Crawl:
    """A committer with a frontier, and pages in flight for it."""

    def __init__(
        self, sink: Sink, record: Record | None = None, complete: Callable[[Changes], None] = lambda _: None
    ) -> None:
        record = record or NullRecord()
        self.frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
        self.paused: list[bool] = []
        self.committer = Committer(self.frontier, [sink], record, complete, pause=self.paused.append)

    def page(self) -> Page:
        self.frontier.add(Request(f"http://a.example/{self.frontier.statistics().ledger.discovered}"))
        request = self.frontier.acquire(0.0)
        assert request is not None
        self.frontier.release(request, 0.0)
        return Page(request.url, b"body", request=request)

    async def put(self, pages: list[Page], outputs: list[list[Any]]) -> None:
        """Hand over pages, with all items those of the first."""
        lengths = [tuple(map(len, outputs)), *[(0,) * len(outputs)] * (len(pages) - 1)]
        parts = [Part(page.request, page.status, 0, some) for page, some in zip(pages, lengths, strict=True)]
        await self.committer.put(pages, outputs, parts)

    @property
    def done(self) -> int:
        return self.frontier.statistics().ledger.done


@asynccontextmanager
async def running(crawl: Crawl) -> AsyncIterator[asyncio.Task[None]]:
    await crawl.committer.begin()
    task = asyncio.create_task(crawl.committer.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_without_a_record_pages_are_done_when_their_items_are_written() -> None:
    crawl = Crawl(sink := Lines())
    async with running(crawl):
        await crawl.put([crawl.page(), crawl.page()], [["a", "b"]])
        assert sink.lines == ["a", "b"]
        assert crawl.done == 2
    assert "checkpoint" not in sink.calls


async def test_a_write_that_fails_leaves_its_pages_undone_and_ends_the_crawl(tmp_path: Path) -> None:
    def fail(_: Lines) -> None:
        raise SinkError("broken")

    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Lines(fail), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a"]])
            with pytest.raises(SinkError, match="broken"):
                await task
        await crawl.committer.salvage()
        assert crawl.done == 0
        assert (await record.load()).ledger.discovered == 0  # neither its end nor what was found with it


async def test_what_is_done_is_on_the_disk_with_the_token_of_its_output(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Lines(), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page(), crawl.page()], [["a", "b", "c"]])
            await crawl.committer.end(task)
        kept = await record.load()
        assert kept.sinks == {"Lines": b"3"}
        assert (kept.ledger.done, crawl.done) == (2, 2)


async def test_ending_writes_what_gathered_while_the_last_commit_went_on(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record)
        async with running(crawl) as task:
            for number in range(5):
                await crawl.put([crawl.page()], [[number]])
                await asyncio.sleep(0)
            await crawl.committer.end(task)
        assert sink.lines == list(range(5))
        assert (await record.load()).ledger.done == 5


async def test_a_commit_goes_on_where_whoever_waited_for_it_is_cut_off(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a"]])
            flushing = asyncio.create_task(crawl.committer.flush())
            while not sink.lines:  # noqa: ASYNC110  # it has begun
                await asyncio.sleep(0)
            flushing.cancel()
            await crawl.committer.end(task)
        kept = await record.load()
        assert (kept.ledger.done, crawl.done, kept.sinks) == (1, 1, {"Lines": b"1"})


async def test_a_full_disk_pauses_the_crawl_and_the_group_is_written_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([True, True, False])

    def fail(sink: Lines) -> None:
        if next(failures):
            assert len(sink.lines) == 2  # what was there, and the half of this write
            error = SinkError("output cannot be written: No space left on device")
            raise error from FULL

    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a"]])
            await crawl.committer.flush()
            sink.fail = fail
            await crawl.put([crawl.page()], [["b", "c"]])
            await crawl.committer.end(task)
        assert sink.lines == ["a", "b", "c"]
        assert (await record.load()).sinks == {"Lines": b"3"}
    assert crawl.paused == [True, False]
    assert caplog.text.count("the crawl waits until there is space") == 1


async def test_a_full_disk_is_an_error_where_the_output_cannot_be_cut_back(tmp_path: Path) -> None:
    class Pipe(Lines):
        async def checkpoint(self) -> bytes | None:
            return None

    def fail(_: Lines) -> None:
        raise SinkError("output cannot be written") from FULL

    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Pipe(fail), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a"]])
            with pytest.raises(SinkError, match="cannot be written"):
                await task


@pytest.mark.parametrize(("durability", "synced"), [("process", False), ("power", True)])
async def test_outputs_are_on_the_disk_before_the_record_where_power_may_fail(
    tmp_path: Path, durability: Any, synced: bool
) -> None:
    async with open_record(StateFolder(tmp_path, durability), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a"]])
            await crawl.committer.end(task)
    assert ("sync" in sink.calls) is synced


async def test_what_was_found_is_kept_when_a_crawl_is_cut_off(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Lines(), record)
        crawl.page()
        await crawl.committer.salvage()
        ledger = (await record.load()).ledger
        assert (ledger.discovered, ledger.pending) == (1, 1)


async def test_a_sink_that_is_cancelled_from_within_is_an_error_and_no_silent_end() -> None:
    def fail(_: Lines) -> None:
        raise asyncio.CancelledError

    crawl = Crawl(Lines(fail))
    async with running(crawl) as task:
        putting = asyncio.create_task(crawl.put([crawl.page()], [["a"]]))
        with pytest.raises(SinkError, match="was cancelled by something"):
            await task
        putting.cancel()
        await asyncio.wait((putting,))
    assert crawl.done == 0


async def test_counters_of_pages_that_were_not_written_are_not_kept(tmp_path: Path) -> None:
    made = 0

    def complete(changes: Changes) -> None:
        changes.counters = CountersRecord(items=made)

    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record, complete)
        await crawl.committer.begin()
        for number in (1, 2):
            made += 1
            await crawl.put([crawl.page()], [["line"]])
            if number == 1:
                await crawl.committer.commit()
        await crawl.committer.salvage()
        kept = await record.load()
    assert (kept.counters.items, kept.ledger.done, kept.ledger.pending) == (1, 1, 1)
    assert sink.lines == ["line"]


async def test_a_disk_that_is_full_when_the_output_is_cut_back_is_waited_for_too(tmp_path: Path) -> None:
    class Table(Lines):
        """As a database, it has to write also in order to take something back."""

        rooms = iter([False, True])

        async def restore(self, token: bytes | None) -> None:
            if not next(self.rooms):
                raise SinkError("rows cannot be deleted") from FULL
            await super().restore(token)

    failures = iter([True, False])

    def fail(_: Lines) -> None:
        if next(failures):
            raise SinkError("output cannot be written") from FULL

    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Table(fail), record)
        async with running(crawl) as task:
            await crawl.put([crawl.page()], [["a", "b"]])
            await crawl.committer.end(task)
        assert crawl.done == 1
    assert sink.lines == ["a", "b"]


async def test_what_is_salvaged_before_the_first_commit_says_which_outputs_the_crawl_has(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Lines(), record)
        await crawl.committer.begin()
        crawl.page()
        await crawl.committer.salvage()
        assert (await record.load()).sinks == {"Lines": b"0"}


async def test_pages_wait_while_encoded_items_of_many_bytes_are_not_written(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(sink := Lines(), record)
        await crawl.committer.begin()
        await crawl.put([crawl.page()], [[b"-"]])
        putting = asyncio.create_task(crawl.put([crawl.page()], [[bytes(2**24)]]))
        await asyncio.sleep(0)
        await crawl.committer.commit()
        assert len(sink.lines) == 2
        await putting
        putting = asyncio.create_task(crawl.put([crawl.page()], [[bytes(2**24)]]))
        await asyncio.sleep(0)
        assert not putting.done()
        await crawl.committer.commit()
        await putting


async def test_nothing_is_committed_again_where_nothing_has_changed(tmp_path: Path) -> None:
    async with open_record(StateFolder(tmp_path), is_depth_first=False) as record:
        crawl = Crawl(Lines(), record)
        await crawl.committer.begin()
        page = crawl.page()
        await crawl.committer.commit()
        await crawl.put([page], [["a"]])
        await crawl.committer.commit()
        assert not record.noted.is_set()
