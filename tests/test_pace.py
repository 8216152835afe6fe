from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    ConnectError,
    DecodingError,
    FetchError,
    FetchTimeoutError,
    ProtocolError,
    ResolveError,
    StatusError,
    TLSError,
)
from crawler.policy.pace import PAUSES, PROMPT_SECONDS, Outcome, Pace, outcome_of, pause_of
from crawler.policy.politeness import HostRule

FREE = HostRule(0.0, None)
POLITE = HostRule(1.0, 2)
OUTCOMES = st.lists(st.tuples(st.sampled_from(Outcome), st.floats(0, 100)), max_size=50)


def pace(rule: HostRule = POLITE, *outcomes: Outcome) -> Pace:
    made = Pace(rule)
    for outcome in outcomes:
        made.note(outcome, 0.1)
    return made


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StatusError("", 404), Outcome.ANSWERED),
        (StatusError("", 403), Outcome.ANSWERED),
        (StatusError("", 429), Outcome.OVERLOADED),
        (StatusError("", 503), Outcome.OVERLOADED),
        (StatusError("", 500), Outcome.BROKEN),
        (StatusError("", 999), Outcome.BROKEN),
        (FetchTimeoutError(""), Outcome.SILENT),
        (ConnectError(""), Outcome.BROKEN),
        (ResolveError(""), Outcome.BROKEN),
        (TLSError(""), Outcome.BROKEN),
        (ProtocolError(""), Outcome.BROKEN),
        (DecodingError(""), Outcome.ANSWERED),
        (BodyTooLargeError(""), Outcome.ANSWERED),
        (BlockedAddressError(""), Outcome.UNKNOWN),
    ],
    ids=lambda value: (
        f"{type(value).__name__} {getattr(value, 'status', '')}" if isinstance(value, Exception) else None
    ),
)
def test_an_error_says_something_of_the_host(error: FetchError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


def test_a_host_asks_for_a_pause_by_the_statuses_that_mean_it() -> None:
    assert [pause_of(StatusError("", status, 30.0)) for status in (429, 503, 500, 301)] == [30.0, 30.0, 0.0, 0.0]
    assert pause_of(StatusError("", 429)) == 0.0
    assert pause_of(ConnectError("")) == 0.0


def test_a_host_keeps_the_delay_of_its_rule_while_it_answers_quickly() -> None:
    made = pace()
    for _ in range(10):
        made.note_latency(0.2)
        made.note(Outcome.ANSWERED, 0.3)
    assert made.delay == 1.0


def test_a_host_that_takes_longer_to_answer_than_its_delay_is_given_as_long() -> None:
    made = pace()
    for _ in range(20):
        made.note_latency(4.0)
    assert made.delay == pytest.approx(4.0)
    for _ in range(20):
        made.note_latency(0.1)
    assert made.delay == 1.0


def test_latency_makes_no_delay_where_none_is_wanted() -> None:
    made = pace(FREE)
    made.note_latency(4.0)
    assert made.delay == 0.0


def test_a_crawl_delay_holds_where_it_is_longer_than_ours() -> None:
    for rule, expected in ((POLITE, 5.0), (HostRule(9.0, 1), 9.0), (FREE, 5.0)):
        made = pace(rule)
        made.crawl_delay = 5.0
        assert made.delay == expected


def test_no_host_gets_more_than_the_longest_delay_unless_its_rule_says_so() -> None:
    made = pace(HostRule(1.0, 2, max_delay=10.0))
    made.crawl_delay = 3600.0
    assert made.delay == 10.0
    assert pace(HostRule(100.0, 2, max_delay=10.0)).delay == 100.0


def test_an_overloaded_host_is_given_twice_the_time_each_time_and_recovers() -> None:
    made = pace(POLITE, Outcome.OVERLOADED)
    delays = [made.delay]
    for outcome in [Outcome.OVERLOADED] * 3 + [Outcome.ANSWERED] * 3:
        made.note(outcome, 0.1)
        delays.append(made.delay)
    assert delays == [2.0, 3.0, 5.0, 9.0, 5.0, 3.0, 2.0]
    for _ in range(20):
        made.note(Outcome.ANSWERED, 0.1)
    assert made.delay == 1.0


def test_an_overloaded_host_without_a_delay_gets_one_until_it_recovers() -> None:
    made = pace(FREE, Outcome.OVERLOADED, Outcome.OVERLOADED)
    assert made.delay == pytest.approx(0.2)
    for _ in range(5):
        made.note(Outcome.ANSWERED, 0.1)
    assert made.delay == 0.0


def test_a_host_is_prompt_by_its_last_fetch() -> None:
    made = pace()
    assert not made.is_prompt
    for seconds, expected in ((PROMPT_SECONDS, True), (PROMPT_SECONDS + 0.1, False), (0.0, True)):
        made.note(Outcome.ANSWERED, seconds)
        assert made.is_prompt is expected
    made.note(Outcome.OVERLOADED, 0.0)
    assert not made.is_prompt


def test_failures_count_in_a_row_alone() -> None:
    made = Pace(HostRule(0.0, None, give_up_after=3))
    failures = [Outcome.BROKEN, Outcome.OVERLOADED, Outcome.ANSWERED, Outcome.BROKEN, Outcome.UNKNOWN, Outcome.BROKEN]
    assert [made.note(outcome, 0.1) for outcome in failures] == [0.0] * 6
    assert made.note(Outcome.BROKEN, 0.1) > 0


def test_each_failure_after_a_pause_is_followed_by_a_longer_one_and_the_last_by_giving_up() -> None:
    made = Pace(HostRule(0.0, None, give_up_after=2, max_delay=1000.0))
    pauses = [made.note(Outcome.BROKEN, 0.1) for _ in range(2 + PAUSES)]
    assert pauses == [0.0, 30.0, 60.0, 120.0, 0.0]
    assert made.is_down
    assert made.delay == 0.0


def test_an_answer_after_a_pause_starts_the_count_again() -> None:
    made = Pace(HostRule(0.0, None, give_up_after=1))
    assert (made.note(Outcome.BROKEN, 0.1), made.is_failing) == (30.0, True)
    assert (made.note(Outcome.ANSWERED, 0.1), made.is_failing) == (0.0, False)
    assert made.note(Outcome.BROKEN, 0.1) == 30.0


def test_a_host_without_a_patience_is_never_given_up() -> None:
    made = pace(FREE, *[Outcome.BROKEN] * 1000)
    assert not made.is_down


@given(OUTCOMES, st.floats(0, 1, exclude_max=True))
def test_whatever_happens_the_delay_lies_between_the_rule_and_the_longest(
    outcomes: list[tuple[Outcome, float]], jitter: float
) -> None:
    rule = HostRule(0.5, 2, jitter=0.5, max_delay=20.0, give_up_after=30)
    made = Pace(rule)
    for outcome, seconds in outcomes:
        made.note_latency(seconds)
        assert 0 <= made.note(outcome, seconds) <= rule.max_delay
        assert made.is_down or 0.5 <= made.delay <= 20.0
        assert made.delay <= made.delay_by(jitter) <= 1.5 * made.delay


def test_a_prompt_page_undoes_three_silences_and_a_slow_one_undoes_one() -> None:
    for seconds, delay in ((0.1, 2.0), (5.0, 5.0)):
        made = pace(POLITE, *[Outcome.SILENT] * 4)
        assert made.delay == 9.0
        made.note(Outcome.ANSWERED, seconds)
        assert made.delay == delay
