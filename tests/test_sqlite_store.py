from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
from msgspec.structs import replace

from crawler.errors import SinkError, StateError
from crawler.frontier.frontier import Frontier
from crawler.models import Failure, Ledger, Refusal, Request, State
from crawler.policy.politeness import HostRule
from crawler.robots.decision import parse_robots
from crawler.state.changes import Changes, Found, Snapshot, Wait
from crawler.state.digests import DigestSet, digest_of
from crawler.state.full_disk import is_full
from crawler.state.host_record import HostRecord
from crawler.state.memory_journal import MemoryJournal
from crawler.state.moment import Moment
from crawler.state.record import QueuePart
from crawler.state.sqlite_store import Store

FAILURE = Failure("http://a.example/1", State.FAILED, "ConnectError", "refused", attempts=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


class Crawl:
    """A frontier that finds URLs, whose changes are to be committed."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(lambda: None, clock=lambda: 1000.0)
        self.frontier = Frontier(lambda _: HostRule(0.0, None), journal=self.journal, window=10)

    def add(self, *urls: str) -> None:
        for url in urls:
            self.frontier.add(Request(url))


def sets_of(store: Store) -> tuple[set[bytes], set[bytes]]:
    seen, too_deep = DigestSet(), DigestSet()
    store.fill(seen, too_deep, DigestSet())
    return set(seen), set(too_deep)


def test_what_is_committed_is_read_again(store: Store) -> None:
    found = Crawl()
    found.add("http://a.example/1", "http://a.example/2")
    found.frontier.refuse(Request("http://b.example/"), Refusal.SCOPE)
    found.frontier.refuse(Request("http://a.example/deep"), Refusal.DEPTH)
    changes = found.journal.take()
    changes.tokens = {"JsonLines out": b"17"}
    store.commit(changes)
    kept = store.load()
    assert kept.ledger == Ledger(discovered=4, pending=2, refused=2) == store.recount()
    assert (kept.serial, kept.sinks) == (3, {"JsonLines out": b"17"})
    urls = ("http://a.example/1", "http://a.example/2", "http://b.example/")
    assert sets_of(store) == ({digest_of(url) for url in urls}, {digest_of("http://a.example/deep")})


def test_a_commit_that_fails_changes_nothing(store: Store) -> None:
    found = Crawl()
    found.add("http://a.example/1")
    store.commit(found.journal.take())
    found.add("http://a.example/2")
    changes = found.journal.take()
    changes.tokens = {"x": b"1"}
    changes.facts = {"y": cast("bytes", object())}  # stands for a disk that fails
    with pytest.raises(StateError, match="cannot be written"):
        store.commit(changes)
    assert store.ledger == store.recount() == Ledger(discovered=1, pending=1)
    assert store.load().sinks == {}
    changes.facts.clear()
    store.commit(changes)
    assert store.recount() == Ledger(discovered=2, pending=2)


def test_the_ends_of_requests_are_counted(store: Store) -> None:
    found = Crawl()
    found.add(*(f"http://a.example/{number}" for number in range(4)))
    taken = [found.frontier.acquire(0.0) for _ in range(3)]
    for request, state in zip(taken, (State.DONE, State.FAILED, State.DENIED), strict=True):
        assert request is not None
        found.frontier.release(request, 0.0)
        found.frontier.end(request, state, failure=FAILURE if state is State.FAILED else None, reason="why")
    store.commit(found.journal.take())
    assert store.recount() == store.ledger == Ledger(discovered=4, pending=1, done=1, failed=1, denied=1)


def test_what_was_put_off_and_then_taken_is_a_request(store: Store) -> None:
    found = Crawl()
    deep = Request("http://a.example/deep", depth=5, label="x")
    found.frontier.refuse(deep, Refusal.DEPTH)
    store.commit(found.journal.take())
    assert [row.request() for row in store.no_longer_too_deep(5)] == [deep]
    assert store.no_longer_too_deep(4) == []
    found.frontier.add(Request("http://a.example/deep", depth=1))
    store.commit(found.journal.take())
    assert store.recount() == Ledger(discovered=1, pending=1)
    assert store.no_longer_too_deep(None) == []


def test_a_state_that_was_deleted_under_a_crawl_is_no_quiet_end(store: Store) -> None:
    store.recount()
    store.path.unlink()
    with pytest.raises(StateError, match="was deleted or replaced while the crawl used it"):
        store.recount()
    store.path.write_bytes(b"")
    with pytest.raises(StateError, match="deleted or replaced"):
        store.recount()


def test_digests_are_the_same_with_a_snapshot_in_between(store: Store) -> None:
    found = Crawl()
    for part in range(3):
        found.add(*(f"http://a.example/{part}/{number}" for number in range(100)))
        changes = found.journal.take()
        if part == 1:
            seen = found.frontier.discovered.seen.digests
            changes.snapshot = Snapshot(200, seen.lengths(), seen)
            found.add("http://a.example/later")  # while it is being written
        store.commit(changes)
    urls = {f"http://a.example/{part}/{number}" for part in range(3) for number in range(100)}
    assert sets_of(store)[0] == {digest_of(url) for url in urls | {"http://a.example/later"}}


def test_the_queue_of_a_host_is_read_part_by_part(store: Store) -> None:
    found = Crawl()
    for number in range(10):
        found.frontier.add(Request(f"http://a.example/{number}", priority=number % 2))
        found.add(f"http://b.example/{number}")
    store.commit(found.journal.take())
    key = found.frontier.host(Request("http://a.example/")).key
    rank, serial, read = float("-inf"), 0, []
    while rows := store.waiting([QueuePart(key, rank, serial, 3)])[0]:
        read += [row.url[-1] for row in rows]
        rank, serial = rows[-1].rank, rows[-1].serial
    assert read == list("1357902468")


def test_each_host_with_pending_requests_is_found_once(store: Store) -> None:
    found = Crawl()
    found.add("http://a.example/1", "http://a.example/2", "http://b.example:81/1", "http://c.example/1")
    done = found.frontier.acquire(0.0)
    assert done is not None
    found.frontier.release(done, 0.0)
    found.frontier.end(done, State.DONE)
    found.frontier.refuse(Request("http://d.example/"), Refusal.SCOPE)
    store.commit(found.journal.take())
    urls = {"http://a.example/1", "http://a.example/2", "http://b.example:81/1", "http://c.example/1"} - {done.url}
    hosts = store.waiting_hosts()
    assert set(hosts) <= urls
    assert len({url.split("/")[2] for url in hosts}) == len(hosts) == len({url.split("/")[2] for url in urls})


def test_a_retry_keeps_its_number_and_its_time(store: Store) -> None:
    found = Crawl()
    found.add("http://a.example/1")
    request = found.frontier.acquire(0.0)
    assert request is not None
    found.frontier.release(request, 0.0)
    found.frontier.retry(request, 77.0, FAILURE)
    store.commit(found.journal.take())
    [[row]] = store.waiting([QueuePart(found.frontier.host(request).key, float("-inf"), 0, 9)])
    assert (row.request().attempt, row.ready_at) == (1, 77.0)


def test_times_are_moved_to_the_clock_of_a_machine_that_was_restarted(store: Store) -> None:
    request = Request("http://a.example/", serial=1)
    changes = Changes(
        found=[Found(request, digest_of(request.url), 0, None, 5)], waits=[Wait(replace(request, attempt=1), 500.0)]
    )
    changes.robots["http://a.example"] = 600.0, parse_robots(b"", "x")
    changes.facts["clock"] = b"{}"
    changes.hosts["a.example"] = HostRecord(700.0)
    store.commit(changes)
    now = Moment.now()
    before = Moment(monotonic=100.0, wall=now.wall - 60.0, boot="another start of the machine")
    with sqlite3.connect(store.path) as file:
        file.execute("UPDATE facts SET value = ? WHERE name = 'clock'", (msgspec.json.encode(before),))
    file.close()
    kept = store.load()
    assert kept.robots["http://a.example"][0] == pytest.approx(now.monotonic + 500.0 - 60.0, abs=5.0)
    [[row]] = store.waiting([QueuePart(5, float("-inf"), 0, 9)])
    assert row.ready_at == pytest.approx(now.monotonic + 400.0 - 60.0, abs=5.0)
    assert kept.hosts["a.example"].free_at == pytest.approx(now.monotonic + 600.0 - 60.0, abs=5.0)
    assert (store.load().hosts, store.load().robots) == (kept.hosts, kept.robots)  # once is enough


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EDQUOT, "quota"), True),
        (OSError(errno.EIO, "broken"), False),
        (sqlite3.OperationalError("no name"), False),
        (ValueError("x"), False),
    ],
)
def test_a_full_disk_is_known_by_its_cause(error: Exception, full: bool) -> None:
    outer = SinkError("cannot be written")
    outer.__cause__ = error
    assert is_full(outer) is full


def test_a_file_that_somebody_holds_may_be_free_later(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x", isolation_level=None) as one:
        two = sqlite3.connect(tmp_path / "x", timeout=0.0, isolation_level=None)
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            two.execute("BEGIN EXCLUSIVE")
        two.close()
        one.execute("ROLLBACK")
    one.close()
    assert is_full(caught.value)
