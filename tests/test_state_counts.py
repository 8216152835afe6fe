from __future__ import annotations

from crawler.frontier.state_counts import StateCounts
from crawler.models import Ledger, State


def test_a_url_is_counted_in_one_state_at_a_time() -> None:
    counts = StateCounts()
    for _ in range(3):
        counts.enter(State.PENDING)
    counts.move(State.PENDING, State.IN_FLIGHT)
    counts.move(State.IN_FLIGHT, State.DONE)
    counts.leave(State.PENDING)
    counts.enter(State.REFUSED)
    assert counts.ledger(3) == Ledger(discovered=3, pending=1, done=1, refused=1)
    assert counts[State.PENDING] == 1
    assert repr(counts) == "<StateCounts 1 pending, 1 done, 1 refused>"


def test_what_is_in_flight_is_pending_once_it_is_abandoned() -> None:
    counts = StateCounts()
    counts.resume(Ledger(discovered=9, pending=2, in_flight=3, done=4))
    counts.abandon()
    assert counts.ledger(9) == Ledger(discovered=9, pending=5, done=4)


def test_nothing_is_counted_at_first() -> None:
    assert repr(StateCounts()) == "<StateCounts empty>"
