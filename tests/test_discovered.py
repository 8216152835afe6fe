from __future__ import annotations

from msgspec.structs import replace

from crawler.frontier.discovered import Discovered
from crawler.frontier.state_counts import StateCounts
from crawler.models import Ledger, Refusal, Request
from crawler.state.null_record import NullJournal

PAGE = Request("http://a.example/")


def discovered() -> tuple[Discovered, StateCounts]:
    counts = StateCounts()
    return Discovered(counts, NullJournal()), counts


def numbered(known: Discovered, request: Request) -> Request:
    return replace(request, serial=known.serial + 1)


def test_a_request_is_known_once_it_was_added_refused_or_put_off() -> None:
    known, counts = discovered()
    others = Request("http://a.example/refused"), Request("http://a.example/deep")
    known.add(numbered(known, PAGE), 0, 1)
    known.refuse(others[0], Refusal.SCOPE, 0)
    known.put_off(others[1], 0)
    assert all(each.fingerprint in known for each in (PAGE, *others))
    assert "http://a.example/else" not in known
    assert len(known) == 3
    assert counts.ledger(len(known)) == Ledger(discovered=3, pending=1, refused=2)


def test_serial_numbers_count_requests_and_not_what_is_too_deep() -> None:
    known, _ = discovered()
    known.put_off(PAGE, 0)
    assert known.serial == 0
    known.refuse(Request("http://a.example/1"), Refusal.TRAP, 0)
    known.add(numbered(known, Request("http://a.example/2")), 0, 1)
    assert known.serial == 2


def test_what_was_too_deep_is_counted_once_when_it_is_added_later() -> None:
    known, counts = discovered()
    known.put_off(PAGE, 0)
    known.add(numbered(known, PAGE), 0, 1)
    assert (len(known), len(known.too_deep)) == (1, 0)
    assert counts.ledger(len(known)) == Ledger(discovered=1, pending=1)


def test_a_snapshot_is_taken_after_many_requests_and_then_after_a_quarter_more() -> None:
    known, _ = discovered()
    known.resume(199_999, 0)
    assert known.take_snapshot() is None
    known.resume(200_000, 0)
    snapshot = known.take_snapshot()
    assert snapshot is not None
    assert snapshot.serial == 200_000
    assert known.take_snapshot() is None
    known.resume(449_999, 200_000)
    assert known.take_snapshot() is None
    known.resume(450_000, 200_000)
    assert known.take_snapshot() is not None
