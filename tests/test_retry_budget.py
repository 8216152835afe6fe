from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.policy.retry_budget import RetryBudget

FLOOR, RESERVE = 100, 1000


def spend(budget: RetryBudget, wanted: int) -> int:
    """Return how many of the retries ``wanted`` there are."""
    return sum(budget.withdraw() for _ in range(wanted))


@pytest.mark.parametrize("share", [0.0, 0.2, 2.0])
def test_a_hundred_retries_are_always_there(share: float) -> None:
    assert spend(RetryBudget(share), 1000) == FLOOR


@pytest.mark.parametrize(
    ("share", "requests", "retries"), [(0.2, 1000, 200), (0.25, 400, 100), (0.0, 400, 0), (2.0, 9, 18)]
)
def test_requests_pay_for_retries(share: float, requests: int, retries: int) -> None:
    budget = RetryBudget(share)
    for _ in range(requests):
        budget.deposit()
    assert spend(budget, 10_000) == pytest.approx(FLOOR + retries, abs=1)


def test_a_long_good_past_is_worth_a_thousand_retries() -> None:
    budget = RetryBudget(0.5)
    for _ in range(100_000):
        budget.deposit()
    assert spend(budget, 100_000) == RESERVE


def test_in_an_outage_retries_are_a_share_of_the_requests() -> None:
    budget = RetryBudget(0.2)
    spend(budget, FLOOR)
    retries = 0
    for _ in range(10_000):  # each of them fails, twice if it may
        budget.deposit()
        retries += spend(budget, 2)
    assert retries == pytest.approx(2000, abs=1)


def test_what_was_spent_and_what_was_refused_is_counted() -> None:
    budget = RetryBudget(0.0)
    spend(budget, FLOOR + 5)
    assert (budget.spent, budget.refused) == (FLOOR, 5)
    assert repr(budget) == "<RetryBudget 100 spent, 0 left, 5 refused>"


@given(st.floats(0, 3), st.lists(st.booleans(), max_size=600))
def test_retries_never_exceed_their_share(share: float, calls: list[bool]) -> None:
    budget = RetryBudget(share)
    requests = retries = 0
    for is_request in calls:
        if is_request:
            budget.deposit()
            requests += 1
        else:
            retries += budget.withdraw()
        assert retries <= FLOOR + share * requests + 1e-6
    assert retries == budget.spent
