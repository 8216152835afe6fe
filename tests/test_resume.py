"""What a crawl is brought back to."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from crawler.crawl.resume import resume_frontier
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.state.record import Restored
from crawler.state.sqlite_record import SqliteRecord
from crawler.state.sqlite_store import Store


async def test_what_an_earlier_crawl_noted_and_did_not_write_down_is_forgotten(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        record = SqliteRecord(store)
        for url in ("http://host/1", "http://host/2"):
            frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
            await resume_frontier(frontier, record, await record.load(), None, 0.0)
            frontier.add(Request(url))  # under the serial number that the first had, too
        await record.commit(record.journal.take())
        assert store.recount().pending == 1


async def test_all_digests_are_written_in_one_piece_also_by_a_crawl_of_many_short_parts(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        record = SqliteRecord(store)
        frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
        await resume_frontier(frontier, record, Restored(serial=199_999), None, 0.0)
        frontier.add(Request("http://host/"))
        snapshot = frontier.discovered.take_snapshot()
        assert snapshot is not None
        changes = record.journal.take()
        changes.snapshot = snapshot
        await record.commit(changes)
        frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
        await resume_frontier(frontier, record, await record.load(), None, 0.0)
        assert frontier.discovered.take_snapshot() is None


async def test_others_have_their_turns_while_a_hundred_thousand_hosts_come_back(tmp_path: Path) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    class Hosts(SqliteRecord):
        async def waiting_hosts(self) -> list[str]:
            nonlocal turns
            hosts = await super().waiting_hosts()
            turns = 0
            return hosts

    with closing(Store(tmp_path)) as store:
        record = Hosts(store)
        frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
        for number in range(2000):  # a fiftieth of them
            frontier.add(Request(f"http://host{number}.example/"))
        await record.commit(record.journal.take())
        counting = asyncio.create_task(count())
        frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal, window=100)
        await resume_frontier(frontier, record, await record.load(), None, 0.0)
        counting.cancel()
    assert turns >= 10
