"""A crawl without a state folder keeps nothing, and needs nothing that could be kept."""

from __future__ import annotations

from crawler.frontier.frontier import Frontier
from crawler.models import Failure, Refusal, Request, State
from crawler.policy.politeness import HostRule
from crawler.state.changes import Changes
from crawler.state.digests import DigestSet
from crawler.state.null_record import NullRecord
from crawler.state.record import QueuePart, Record, Restored

FAILURE = Failure("http://host/", State.FAILED, "ConnectError", "refused")


async def test_nothing_that_a_frontier_notes_is_there_afterwards() -> None:
    record: Record = NullRecord()
    frontier = Frontier(lambda _: HostRule(0.0, None), journal=record.journal, window=record.window)
    frontier.add(Request("http://host/", metadata={"cannot be pickled": lambda: None}))
    frontier.refuse(Request("http://host/a"), Refusal.SCOPE)
    frontier.refuse(Request("http://host/b"), Refusal.DEPTH)
    request = frontier.acquire(0.0)
    assert request is not None
    frontier.release(request, 0.0)
    frontier.retry(request, 0.0, FAILURE)
    again = frontier.acquire(1.0)
    assert again is not None
    frontier.release(again, 1.0)
    frontier.end(again, State.FAILED, failure=FAILURE)

    assert record.journal.is_empty
    changes = record.journal.take()
    assert changes == Changes()
    await record.commit(changes)
    assert await record.load() == Restored()
    assert not record.noted.is_set()
    assert not record.low.is_set()


async def test_it_knows_of_no_url() -> None:
    record: Record = NullRecord()
    seen, too_deep = DigestSet(), DigestSet()
    await record.fill(seen, too_deep, DigestSet())

    assert len(seen) == len(too_deep) == 0
    assert await record.waiting_hosts() == []
    assert await record.no_longer_too_deep(None) == []
    assert [urls async for urls in record.seeds()] == []
    assert await record.waiting([QueuePart(1, 0.0, 0, 10)]) == [[]]
    assert (await record.recount()).discovered == 0
