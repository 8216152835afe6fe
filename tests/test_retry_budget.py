from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.policy.retry_budget import FREE, RetryBudgets

HOST, OTHER = "a.example:80", "b.example:80"


def spend(budgets: RetryBudgets, wanted: int, host: str = HOST) -> int:
    """Return how many of the retries ``wanted`` there are."""
    return sum(budgets.withdraw(host) for _ in range(wanted))


@pytest.mark.parametrize("share", [0.0, 0.2, 2.0])
def test_a_small_crawl_has_all_the_retries_that_it_wants(share: float) -> None:
    assert spend(RetryBudgets(share), FREE) == FREE


def test_each_host_has_a_budget_of_its_own() -> None:
    budgets = RetryBudgets(0.0)
    assert spend(budgets, 2 * FREE) == FREE
    assert spend(budgets, 2 * FREE, OTHER) == FREE
    assert budgets.refused == 2 * FREE


def test_without_a_share_there_is_no_bound() -> None:
    budgets = RetryBudgets(None)
    assert spend(budgets, 10 * FREE) == 10 * FREE
    assert budgets.are_untouched


@given(st.floats(0, 3), st.integers(1, 50), st.integers(1, 3))
def test_where_each_request_succeeds_in_the_end_no_retry_is_refused(share: float, at_once: int, fails: int) -> None:
    budgets = RetryBudgets(share)
    for _ in range(40 * FREE // at_once):
        for _ in range(at_once):
            budgets.note_new(HOST)
        for _ in range(at_once if fails == 1 else 1):
            assert spend(budgets, fails) == fails
            for _ in range(fails):
                budgets.note_success(HOST, 1)
    assert budgets.refused == 0


def test_in_an_outage_retries_are_a_share_of_the_requests() -> None:
    budgets = RetryBudgets(0.2)
    spend(budgets, FREE)
    retries = 0
    for _ in range(10_000):  # each of them fails, twice if it may
        budgets.note_new(HOST)
        retries += spend(budgets, 2)
    assert retries == pytest.approx(2000, abs=1)


def test_nothing_is_remembered_of_a_host_that_has_given_all_back() -> None:
    budgets = RetryBudgets(0.5)
    spend(budgets, 3)
    assert not budgets.are_untouched
    assert repr(budgets) == "<RetryBudgets 1 hosts have taken some, 0 refused>"
    for _ in range(3):
        budgets.note_success(HOST, 1)
    assert budgets.are_untouched


@given(st.floats(0, 3), st.lists(st.booleans(), max_size=600))
def test_retries_in_vain_never_exceed_their_share(share: float, calls: list[bool]) -> None:
    budgets = RetryBudgets(share)
    spend(budgets, FREE)
    requests = retries = 0
    for is_request in calls:
        if is_request:
            requests += 1
            budgets.note_new(HOST)
        else:
            retries += budgets.withdraw(HOST)
    assert retries <= share * requests + 1e-6
