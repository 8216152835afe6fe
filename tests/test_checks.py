from __future__ import annotations

import math
from typing import Any

import pytest

from crawler.errors import ConfigurationError
from crawler.policy.checks import at_least, several, whole


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1, 10**30])
def test_numbers_from_the_minimum_on_are_taken(value: float) -> None:
    at_least("delay", value, 0)


@pytest.mark.parametrize("value", [-1, -1e-9, math.nan, math.inf, -math.inf, None, "1", True, [1], 1j])
def test_what_is_below_or_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^delay=.*: expected a number of seconds of at least 0$"):
        at_least("delay", value, 0, unit="seconds")


@pytest.mark.parametrize("value", [1, 2, 10**30])
def test_whole_numbers_from_the_minimum_on_are_taken(value: int) -> None:
    whole("workers", value, 1)


@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, math.nan, math.inf, None, "1", True, False])
def test_what_is_below_or_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^workers=.*: expected a whole number of at least 1$"):
        whole("workers", value, 1)


def test_an_optional_one_may_be_left_out() -> None:
    at_least("delay", None, 0, optional=True)
    whole("pages", None, 1, optional=True)


@pytest.mark.parametrize("value", [(), ("a",), ["a", "b"], {"a"}, {"a": 1}])
def test_several_texts_are_taken(value: Any) -> None:
    several("labels", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ab", "a tuple of texts, such as ('ab',)"),
        (3, "a tuple of texts"),
        (iter("a"), "a tuple of texts"),
        (None, "a tuple"),
    ],
)
def test_a_lone_text_and_what_is_no_collection_are_refused(value: Any, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        several("labels", value)
    assert str(caught.value).startswith(f"labels={value!r}: expected {expected}")
