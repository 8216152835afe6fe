"""What a crawl is brought back to."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.resume import resume_frontier
from crawler.state.record import Record
from crawler.state.store import Store


async def test_what_an_earlier_crawl_noted_and_did_not_write_down_is_forgotten(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        record = Record(store, "process")
        for url in ("http://host/1", "http://host/2"):
            frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
            await resume_frontier(frontier, record, await record.load(), None)
            frontier.add(Request(url))  # under the serial number that the first had, too
        await record.commit(record.journal.take(), ())
        assert store.recount().pending == 1
