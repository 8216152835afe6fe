from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sinks.shapes import frozen, merged, resolved, shape_of, width_of

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (None, "n"),
        (True, "b"),
        (-(2**63), "i"),
        (1.0, "f"),
        ("", "s"),
        ([], ["n"]),
        ([None, 1, 2.5], ["f"]),
        ([{"a": 1}, {"b": "x"}], [{"a": "i", "b": "s"}]),
        ({"a": [[True]], "b": {}}, {"a": [["b"]], "b": {}}),
    ],
)
def test_a_value_has_a_shape(value: Any, shape: Any) -> None:
    assert shape_of(value) == shape


@pytest.mark.parametrize(
    ("known", "new", "both"),
    [
        ("n", "s", "s"),
        ("s", "n", "s"),
        ("i", "f", "f"),
        ("f", "i", "f"),
        ("I", "i", "I"),
        (["n"], ["i"], ["i"]),
        ({"a": "i"}, {"b": "s"}, {"a": "i", "b": "s"}),
        ({"a": {"b": "n"}}, {"a": {"b": ["f"]}}, {"a": {"b": ["f"]}}),
    ],
)
def test_two_shapes_have_one_that_fits_both(known: Any, new: Any, both: Any) -> None:
    assert merged(known, new) == both


@pytest.mark.parametrize(
    ("known", "new", "message"),
    [
        ({"a": "s"}, {"a": "i"}, "the field 'a' is an integer here, and text before; yield one kind for all"),
        (
            {"a": {"b": ["b"]}},
            {"a": {"b": ["i"]}},
            r"the field 'a\.b\[\]' is an integer here, and a truth value before",
        ),
        ({"a": "I"}, {"a": "f"}, "the field 'a' is a number here, and an integer before"),
        ({"a": ["i"]}, {"a": {"b": "i"}}, "the field 'a' is an object here, and a list before"),
        ({"a": {}}, {"a": "i"}, "the field 'a' is an integer here, and an object before"),
    ],
)
def test_what_fits_nothing_is_named(known: Any, new: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        merged(known, new)


@pytest.mark.parametrize("value", [{"a": [1, "x"]}, {"a": 2**63}, {"a": -(2**63) - 1}, {"a": [{"b": 2**70}]}])
def test_a_value_without_a_shape_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match="the field 'a"):
        shape_of(value)


def test_what_nothing_is_known_of_is_left_out() -> None:
    assert resolved({"a": "n", "b": [["n"]], "c": {}, "d": {"e": "n", "f": "i"}}) == {"d": {"f": "i"}}
    assert resolved({"a": ["n"]}) is None


def test_columns_are_counted_through_and_through() -> None:
    assert width_of({"a": "i", "b": [{"c": "s", "d": "n"}], "e": {}}) == 3


@given(st.lists(values, max_size=4))
def test_the_shape_of_several_fits_each_again_also_when_it_is_frozen(several: list[Any]) -> None:
    shape: Any = "n"
    try:
        for value in several:
            shape = merged(shape, shape_of(value))
        each = [shape_of(value) for value in several]
    except ValueError:
        return
    assert all(merged(shape, one) == shape for one in each)
    assert frozen(frozen(shape)) == frozen(shape)
    assert all(merged(frozen(shape), one) == frozen(shape) for one in each)
