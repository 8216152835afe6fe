from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.policy.limits import ByteBudget, Limits


@pytest.mark.parametrize(
    "options",
    [
        *({"max_pages": 0}, {"max_pages": 1.5}, {"max_depth": -1}, {"max_seconds": -0.1}, {"max_bytes": 0}),
        *({"max_seconds": float("nan")}, {"max_pages": True}, {"max_bytes": "1"}),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Limits(**options)


@pytest.mark.parametrize(
    ("limit", "depth", "allowed"), [(None, 10**9, True), (0, 0, True), (0, 1, False), (3, 3, True), (3, 4, False)]
)
def test_the_depth_limit_counts_links_from_the_seed(limit: int | None, depth: int, allowed: bool) -> None:
    assert Limits(max_depth=limit).allows_depth(depth) is allowed


@given(st.integers(1, 1000), st.lists(st.integers(0, 300)))
def test_a_budget_is_never_exceeded_by_one_byte_and_refusals_cost_nothing(limit: int, chunks: list[int]) -> None:
    budget = ByteBudget(limit)
    for chunk in chunks:
        before = budget.spent
        granted = budget.spend(chunk)
        assert granted is (before + chunk <= limit)
        assert budget.spent == before + (chunk if granted else 0) <= limit


def test_a_budget_without_a_limit_counts_all_the_same() -> None:
    budget = ByteBudget()
    assert budget.spend(10**15)
    assert budget.spent == 10**15
    assert "unlimited" in repr(budget)
