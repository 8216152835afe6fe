"""A request that was written down is the same when it is read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from crawler.models import Request
from crawler.state.memory_journal import MemoryJournal
from crawler.state.record import QueuePart
from crawler.state.sqlite_store import Store

REQUESTS = {
    "a URL alone": Request("http://host/", serial=1),
    "its place in the queue": Request("http://host/", depth=3, rank=3.0, serial=1),
    "a place before all others": Request("http://host/", rank=float("-inf"), serial=1),
    "what a parser adds": Request("http://host/", "POST", (("A", "b"),), b"\0", "label", 7, {"key": 1}, serial=1),
    "how it was found": Request("http://host/", depth=1, redirects=2, parent="http://host/from", serial=1),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    request, journal = REQUESTS[name], MemoryJournal(lambda: None)
    journal.found(request, b"d" * 16, 0, 5)
    with closing(Store(tmp_path)) as store:
        store.commit(journal.take())
        [[row]] = store.waiting([QueuePart(5, float("-inf"), 0, 10)])
    assert row.request() == request
