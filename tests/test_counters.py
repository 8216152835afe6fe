from __future__ import annotations

import pytest

from crawler.crawl.counters import MOST_FAILURES, Counters
from crawler.models import Failure, State


def counters(**moments: int) -> Counters:
    made = Counters()
    for moment, count in moments.items():
        for _ in range(count):
            limit, _, host = moment.partition("__")
            made.note_moment(limit, host)
    return made


def failure(number: int, error: str = "ConnectError") -> Failure:
    return Failure(f"http://example.org/{number}", State.FAILED, error, "")


def test_a_crawl_that_was_never_looked_at_was_limited_by_nothing() -> None:
    assert Counters().limited_by == ""
    assert Counters().shares == {}


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ({"cpu": 3, "sink": 2}, "cpu"),
        ({"sink": 1}, "sink"),
        ({"network": 1, "cpu": 2, "politeness__a": 2, "politeness__b": 3}, "politeness of b"),
        ({"cpu": 4, "politeness__a": 3, "politeness__b": 2}, "politeness of a"),
        ({"cpu": 6, "politeness__a": 3, "politeness__b": 2}, "cpu"),
    ],
)
def test_what_held_most_often_limited_the_crawl(moments: dict[str, int], expected: str) -> None:
    assert counters(**moments).limited_by == expected


def test_shares_are_those_of_all_looks_largest_first() -> None:
    shares = counters(sink=1, cpu=3).shares
    assert list(shares.items()) == [("cpu", 0.75), ("sink", 0.25)]


def test_politeness_counts_as_one_limit_however_many_hosts_it_is_due_to() -> None:
    made = counters(cpu=1, politeness__a=2, politeness__b=1)
    assert made.shares == {"politeness": 0.75, "cpu": 0.25}
    for number in range(5000):
        made.note_moment("politeness", f"host{number}")
    assert made.limited_by == "politeness of a"


def test_all_failures_are_counted_and_the_last_thousand_kept() -> None:
    made = Counters()
    for number in range(MOST_FAILURES + 5):
        made.note_failure(failure(number))
    made.note_failure(failure(-1, "ParseError"))
    assert made.errors == {"ConnectError": MOST_FAILURES + 5, "ParseError": 1}
    assert len(made.failures) == MOST_FAILURES == 1000
    assert made.failures[0].url.endswith("/6")
    assert repr(made) == "<Counters 0 pages, 0 items, 1006 failures>"


def test_the_clock_stops_at_the_first_end() -> None:
    made = Counters()
    made.end()
    seconds = made.seconds
    made.end()
    assert made.seconds == seconds > 0
