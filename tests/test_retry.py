from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import (
    BodyTooLargeError,
    ConfigurationError,
    ConnectError,
    FetchError,
    FetchTimeoutError,
    ProtocolError,
    StatusError,
    TooManyRedirectsError,
)
from crawler.policy.retry import Retry

PASSING: list[FetchError] = [
    ConnectError("refused"),
    FetchTimeoutError("late"),
    ProtocolError("garbage"),
    *(StatusError("later", status) for status in (408, 425, 429, 500, 502, 503, 504)),
]
LASTING: list[FetchError] = [
    BodyTooLargeError("large"),
    TooManyRedirectsError("round and round"),
    FetchError("what else"),
    *(StatusError("never", status) for status in (304, 400, 401, 403, 404, 405, 410, 418, 451, 501, 505)),
]

lucks = st.floats(0, 1, exclude_max=True)


def named(error: object) -> str:
    return f"{type(error).__name__}-{getattr(error, 'status', '')}"


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_what_may_pass_is_tried_again(error: FetchError) -> None:
    assert Retry().wait_after(error, 0, 0.0) == 0.25


@pytest.mark.parametrize("error", LASTING, ids=named)
def test_what_will_not_pass_is_not(error: FetchError) -> None:
    assert Retry().wait_after(error, 0, 0.0) is None


@pytest.mark.parametrize(
    ("tries", "attempt", "again"), [(1, 0, False), (2, 0, True), (2, 1, False), (3, 1, True), (3, 7, False)]
)
def test_tries_are_counted_in_all(tries: int, attempt: int, again: bool) -> None:
    assert (Retry(tries=tries).wait_after(PASSING[0], attempt, 0.0) is not None) is again


@pytest.mark.parametrize(("attempt", "least", "most"), [(0, 1.0, 2.0), (1, 2.0, 4.0), (2, 4.0, 8.0), (3, 5.0, 5.0)])
def test_waits_double_and_half_of_each_is_luck(attempt: int, least: float, most: float) -> None:
    retry = Retry(tries=9, wait=2.0, max_wait=5.0)
    assert retry.wait_after(PASSING[0], attempt, 0.0) == least
    assert retry.wait_after(PASSING[0], attempt, 1.0) == min(most, 5.0)


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, 0.25), (0.0, 0.25), (0.1, 0.25), (20.0, 20.0), (3600.0, 60.0), (float("inf"), 60.0)]
)
def test_a_server_may_ask_for_a_longer_wait_but_not_for_any(asked: float | None, expected: float) -> None:
    assert Retry().wait_after(StatusError("503", 503, asked), 0, 0.0) == expected


@given(
    error=st.sampled_from(PASSING),
    attempt=st.integers(0, 10_000),
    luck=lucks,
    wait=st.floats(0, 1e6),
    max_wait=st.floats(0, 1e6),
)
def test_no_wait_exceeds_the_longest_however_many_tries_have_failed(
    error: FetchError, attempt: int, luck: float, wait: float, max_wait: float
) -> None:
    seconds = Retry(tries=20_000, wait=wait, max_wait=max_wait).wait_after(error, attempt, luck)
    assert seconds is not None
    assert 0 <= seconds <= max_wait


def test_other_statuses_can_be_chosen() -> None:
    retry = Retry(statuses=frozenset({404}))
    assert retry.wait_after(StatusError("404", 404), 0, 0.0) is not None
    assert retry.wait_after(StatusError("503", 503), 0, 0.0) is None


@pytest.mark.parametrize("options", [{"tries": 0}, {"tries": 1.5}, {"wait": -1}, {"max_wait": float("nan")}])
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Retry(**options)


def test_what_may_have_had_its_effect_is_not_done_twice() -> None:
    assert Retry().wait_after(PASSING[0], 0, 0.0, repeatable=False) is None
    assert Retry().wait_after(StatusError("500", 500), 0, 0.0, repeatable=False) is None
    assert Retry().wait_after(StatusError("503", 503), 0, 0.0, repeatable=False) is not None
