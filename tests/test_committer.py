"""What makes pages last: in which order, and what is left where that is cut off."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from crawler.committer import Committer
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.page import Page
from crawler.policy.politeness import HostRule
from crawler.sinks.jsonl import JsonLines
from crawler.state.changes import Changes
from crawler.state.record import Record
from crawler.state.store import Store

URL = "http://host/{}"


async def test_counters_of_pages_that_were_not_written_are_not_kept(tmp_path: Path) -> None:
    items, sink = 0, JsonLines(tmp_path / "out.jsonl")

    def complete(changes: Changes) -> None:
        changes.facts["tally"] = str(items).encode()

    with closing(Store(tmp_path / "state")) as store:
        record = Record(store, "process")
        frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal)
        committer = Committer(frontier, [sink], lambda: None, record, complete)
        await sink.open()
        await committer.begin()
        for number in (1, 2):
            frontier.add(Request(URL.format(number)))
            request = frontier.acquire(0.0)
            assert request is not None
            items += 1
            await committer.put([Page(request.url, request=request)], [[b"line\n"]])
            if number == 1:
                await committer.commit()
        await committer.salvage()
        await sink.close()
        kept = store.load()
    assert (kept.facts["tally"], kept.ledger.done, kept.ledger.pending) == (b"1", 1, 1)
    assert (tmp_path / "out.jsonl").read_bytes() == b"line\n"
