"""What is noted is a value of its moment, and what cannot be written is refused before anything is noted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import ParseError
from crawler.models import Request, State
from crawler.state.memory_journal import MemoryJournal
from crawler.state.record import QueuePart
from crawler.state.sqlite_store import Store

DIGEST = bytes(16)
BAD = [
    Request("http://host/", metadata={"key": lambda: None}, serial=1),
    Request("http://host/", label="\ud800", serial=1),
]


@pytest.mark.parametrize("request_", BAD, ids=["metadata", "text"])
def test_what_cannot_be_written_down_is_refused_at_once_and_not_noted(request_: Request) -> None:
    calls: list[None] = []
    journal = MemoryJournal(lambda: calls.append(None))
    with pytest.raises(ParseError, match="give it plain data"):
        journal.found(request_, DIGEST, 0, 5)
    with pytest.raises(ParseError, match="give it plain data"):
        journal.refused(request_, DIGEST, 0, "why")
    with pytest.raises(ParseError, match="give it plain data"):
        journal.put_off(request_, DIGEST, 0)
    assert journal.is_empty
    assert not calls


def test_metadata_is_written_as_it_was_when_its_request_was_found(tmp_path: Path) -> None:
    journal = MemoryJournal(lambda: None)
    metadata: dict[str, Any] = {"seen": [1]}
    journal.found(Request("http://host/", metadata=metadata, serial=1), DIGEST, 0, 5)
    metadata["seen"].append(2)
    with closing(Store(tmp_path)) as store:
        store.commit(journal.take())
        [[row]] = store.waiting([QueuePart(5, float("-inf"), 0, 10)])
    assert row.request().metadata == {"seen": [1]}


def test_it_says_once_that_there_is_something_to_take() -> None:
    calls: list[None] = []
    journal = MemoryJournal(lambda: calls.append(None))
    for serial in (1, 2):
        journal.found(Request("http://host/", serial=serial), DIGEST, 0, 5)
    journal.ended(Request("http://host/", serial=1), State.DONE, 200)
    assert (journal.size, len(calls)) == (3, 1)
    assert [each.request.serial for each in journal.take().found] == [1, 2]
    assert (journal.size, journal.is_empty) == (0, True)
    journal.taken(DIGEST)
    assert len(calls) == 2
