from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crawler.errors
from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    ConfigurationError,
    ConnectError,
    ContentTypeError,
    DecodingError,
    FetchError,
    FetchTimeoutError,
    HostDownError,
    InvalidRequestError,
    NotCachedError,
    OpenFilesError,
    OutOfScopeError,
    ProtocolError,
    ProxyError,
    ResolveError,
    RobotsDeniedError,
    StatusError,
    TLSError,
    TooManyRedirectsError,
)
from crawler.policy.retry import AGAIN, NEVER, TABLE, Retry, Rule

PASSING: list[FetchError] = [
    ConnectError("refused"),
    ResolveError("the name servers do not answer"),
    ProxyError("refuses"),
    FetchTimeoutError("late"),
    ProtocolError("garbage"),
    DecodingError("too short"),
    *(StatusError("later", status) for status in (408, 425, 429, 500, 502, 503, 504)),
]
LASTING: list[FetchError] = [
    FetchError("what else"),
    ResolveError("no such name", is_final=True),
    TLSError("expired"),
    BlockedAddressError("10.0.0.1"),
    RobotsDeniedError("/private"),
    HostDownError("left alone"),
    InvalidRequestError("a line break"),
    TooManyRedirectsError("round and round"),
    BodyTooLargeError("large"),
    ContentTypeError("image/png"),
    NotCachedError("not there"),
    OutOfScopeError("elsewhere"),
    OpenFilesError(),
    *(StatusError("never", status) for status in (304, 400, 401, 403, 404, 405, 410, 418, 451, 501, 505)),
]

jitters = st.floats(0, 1, exclude_max=True)


def named(error: object) -> str:
    return f"{type(error).__name__}-{getattr(error, 'status', '')}{getattr(error, 'is_final', '')}"


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_what_may_pass_is_tried_again(error: FetchError) -> None:
    assert Retry().wait_after(error, 0, 0.5) == 0.25


@pytest.mark.parametrize("error", LASTING, ids=named)
def test_what_will_not_pass_is_not(error: FetchError) -> None:
    assert Retry().wait_after(error, 0, 0.0) is None


@pytest.mark.parametrize(
    ("attempts", "attempt", "again"), [(1, 0, False), (2, 0, True), (2, 1, False), (3, 1, True), (3, 7, False)]
)
def test_attempts_are_counted_in_all(attempts: int, attempt: int, again: bool) -> None:
    assert (Retry(attempts=attempts).wait_after(PASSING[0], attempt, 0.0) is not None) is again


@pytest.mark.parametrize(("attempt", "most"), [(0, 2.0), (1, 4.0), (2, 8.0), (3, 10.0), (4, 10.0)])
def test_waits_double_and_all_of_each_is_jitter(attempt: int, most: float) -> None:
    retry = Retry(attempts=9, wait=2.0, max_wait=10.0)
    assert retry.wait_after(PASSING[0], attempt, 0.0) == 0
    assert retry.wait_after(PASSING[0], attempt, 0.25) == min(2.0 * 2**attempt / 4, 10.0)
    assert retry.wait_after(PASSING[0], attempt, 1.0) == most


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, 0.25), (0.0, 0.25), (0.1, 0.25), (20.0, 20.0), (3600.0, 60.0), (float("inf"), 60.0)]
)
def test_a_server_may_ask_for_a_longer_wait_but_not_for_any(asked: float | None, expected: float) -> None:
    assert Retry().wait_after(StatusError("503", 503, asked), 0, 0.5) == expected


@given(
    error=st.sampled_from([error for error in PASSING if not isinstance(error, DecodingError)]),
    attempt=st.integers(0, 10_000),
    jitter=jitters,
    wait=st.floats(0, 1e6),
    max_wait=st.floats(0, 1e6),
)
def test_no_wait_exceeds_the_longest_however_many_attempts_have_failed(
    error: FetchError, attempt: int, jitter: float, wait: float, max_wait: float
) -> None:
    seconds = Retry(attempts=20_000, wait=wait, max_wait=max_wait).wait_after(error, attempt, jitter)
    assert seconds is not None
    assert 0 <= seconds <= max_wait


def test_other_statuses_can_be_chosen() -> None:
    retry = Retry(statuses=frozenset({404}))
    assert retry.wait_after(StatusError("404", 404), 0, 0.0) is not None
    assert retry.wait_after(StatusError("503", 503), 0, 0.0) is None


# ── the table ──


def kinds_of(kind: type[FetchError]) -> Iterator[type[FetchError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds_of(narrower)


def test_the_table_has_a_row_for_every_error_or_its_base() -> None:
    ours = {kind for kind in kinds_of(FetchError) if kind.__module__ == crawler.errors.__name__}
    assert set(TABLE) <= ours
    assert ours - set(TABLE) == {ResolveError, ProxyError}  # as ConnectError


def test_what_may_be_cut_off_is_tried_once_more() -> None:
    retry = Retry(attempts=5)
    assert retry.wait_after(DecodingError("short"), 0, 0.0) is not None
    assert retry.wait_after(DecodingError("short"), 1, 0.0) is None


def test_a_row_sets_attempts_and_wait_of_its_class_and_what_is_below_it() -> None:
    retry = Retry(table={**TABLE, ConnectError: Rule(attempts=5, wait=8.0)})
    for error in (ConnectError("refused"), ResolveError("later"), ProxyError("later")):
        assert retry.wait_after(error, 3, 0.5) == 32.0
        assert retry.wait_after(error, 4, 0.5) is None
    assert retry.wait_after(FetchTimeoutError("late"), 0, 0.5) == 0.25
    assert retry.wait_after(FetchTimeoutError("late"), 2, 0.5) is None
    assert retry.wait_after(TLSError("expired"), 0, 0.5) is None  # which has a row of its own


def test_a_row_may_have_other_attempts_and_the_usual_wait_or_the_reverse() -> None:
    retry = Retry(attempts=2, wait=1.0, table={FetchTimeoutError: Rule(attempts=3), ConnectError: Rule(wait=4.0)})
    assert retry.wait_after(FetchTimeoutError("late"), 1, 0.5) == 1.0
    assert retry.wait_after(ConnectError("refused"), 0, 0.5) == 2.0
    assert retry.wait_after(ConnectError("refused"), 1, 0.5) is None


def test_what_has_no_row_is_not_tried_again() -> None:
    assert Retry(table={}).wait_after(ConnectError("refused"), 0, 0.0) is None
    assert Retry(table={}).rule_for(ConnectError("refused")) == NEVER


def test_a_row_for_status_errors_leaves_the_choice_to_the_statuses() -> None:
    retry = Retry(table={**TABLE, StatusError: Rule(attempts=9)})
    assert retry.wait_after(StatusError("503", 503), 7, 0.0) is not None
    assert retry.wait_after(StatusError("404", 404), 0, 0.0) is None


def test_one_attempt_is_one_attempt_whatever_the_table_says() -> None:
    retry = Retry(attempts=1, table={FetchError: Rule(attempts=9)})
    assert retry.wait_after(DecodingError("short"), 0, 0.0) is None


def test_a_name_that_does_not_exist_is_not_asked_for_again_whatever_the_table_says() -> None:
    retry = Retry(table={FetchError: Rule(attempts=9)})
    assert retry.wait_after(ResolveError("no such name", is_final=True), 0, 0.0) is None
    assert retry.wait_after(ResolveError("later"), 0, 0.0) is not None


@given(
    error=st.sampled_from([*PASSING, *LASTING]), attempt=st.integers(0, 10), jitter=jitters, repeatable=st.booleans()
)
def test_no_error_is_tried_more_often_than_its_row_allows(
    error: FetchError, attempt: int, jitter: float, repeatable: bool
) -> None:
    retry = Retry()
    if retry.wait_after(error, attempt, jitter, repeatable=repeatable) is not None:
        assert attempt + 1 < (retry.rule_for(error).attempts or retry.attempts)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([(ConnectError, AGAIN)], "a mapping of errors to rules"),
        (None, "a mapping of errors to rules"),
        ({"ConnectError": AGAIN}, "subclasses of FetchError"),
        ({OSError: AGAIN}, "subclasses of FetchError"),
        ({ConfigurationError: AGAIN}, "subclasses of FetchError"),
        ({ConnectError: 5}, r"table\[ConnectError\]=5.*a Rule"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Retry(table=table)


@pytest.mark.parametrize("options", [{"attempts": 0}, {"attempts": 1.5}, {"wait": -1}, {"wait": float("inf")}])
def test_a_rule_that_makes_no_sense_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Rule(**options)


def test_a_rule_may_have_no_wait() -> None:
    assert Retry(table={ConnectError: Rule(wait=0)}).wait_after(ConnectError("refused"), 1, 0.9) == 0


def test_by_default_retries_are_a_fifth_of_the_requests() -> None:
    assert Retry().budget == 0.2


def test_options_with_their_table_can_be_compared_and_hashed() -> None:
    assert Retry() == Retry()
    assert hash(Retry()) == hash(Retry())
    assert Retry(table={}) != Retry()


@pytest.mark.parametrize(
    "options", [{"attempts": 0}, {"attempts": 1.5}, {"wait": -1}, {"max_wait": float("nan")}, {"budget": -1}]
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Retry(**options)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        *((StatusError("turned away", status), True) for status in (425, 429, 503)),
        *((StatusError("who knows", status), False) for status in (408, 500, 502, 504)),
        *((ConnectError("broken"), False), (FetchTimeoutError("late"), False), (ProtocolError("garbage"), False)),
    ],
    ids=str,
)
def test_what_may_have_had_its_effect_is_not_done_twice(error: FetchError, again: bool) -> None:
    assert (Retry().wait_after(error, 0, 0.0, repeatable=False) is not None) is again
