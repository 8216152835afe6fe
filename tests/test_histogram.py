from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.runtime.histogram import Histogram

RESOLUTION = 2**0.25 * (1 + 1e-9)  # a bucket's bounds differ by 19 %

durations = st.lists(st.floats(1e-5, 40.0), min_size=1, max_size=200)
fractions = st.floats(0.001, 1.0)


def histogram(values: list[float]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@given(durations, fractions)
def test_a_quantile_is_at_most_19_percent_above_the_exact_one_and_never_below(
    values: list[float], fraction: float
) -> None:
    exact = sorted(values)[ceil(fraction * len(values)) - 1]
    assert exact * (1 - 1e-9) <= histogram(values).quantile(fraction) <= exact * RESOLUTION


@given(durations)
def test_quantiles_rise_to_the_largest_duration(values: list[float]) -> None:
    made = histogram(values)
    quantiles = [made.quantile(fraction / 20) for fraction in range(21)]
    assert quantiles == sorted(quantiles)
    assert quantiles[-1] == max(values) == made.largest


@given(durations)
def test_counts_and_totals_are_exact(values: list[float]) -> None:
    made = histogram(values)
    assert made.count == len(values)
    assert made.total == pytest.approx(sum(values))


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_an_empty_histogram_has_quantiles_of_zero(fraction: float) -> None:
    assert Histogram().quantile(fraction) == 0
    assert "of 0" in repr(Histogram())


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e-5])
def test_the_shortest_durations_are_counted_together(value: float) -> None:
    made = histogram([value, value])
    assert made.count == 2
    assert made.quantile(0.5) == value


def test_a_quantile_among_durations_beyond_the_range_is_the_largest_of_them() -> None:
    assert histogram([100.0, 200.0]).quantile(0.5) == 200.0
    assert histogram([1.0, 1.0, 300.0]).quantile(0.99) == 300.0
    assert 41.0 <= histogram([41.0, 41.0, 300.0]).quantile(0.5) <= 41.0 * RESOLUTION
