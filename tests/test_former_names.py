"""Options that were renamed work by their former names, and say what to write instead."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

import pytest

from crawler import ConfigurationError, Retry, Rule


@pytest.mark.parametrize(
    ("create", "expected", "remedy"),
    [
        (lambda: Retry(**former(5), wait=1.0), Retry(5, 1.0), r"^Retry\(tries=…\) is deprecated: write attempts=…$"),
        (lambda: Rule(**former(5), wait=1.0), Rule(5, 1.0), r"^Rule\(tries=…\) is deprecated: write attempts=…$"),
        (lambda: Rule(**former(None)), Rule(), "write attempts=…"),
        (lambda: replace(Retry(4, 1.0), **former(5)), Retry(5, 1.0), "write attempts=…"),
        (lambda: replace(Rule(4, 1.0), **former(5)), Rule(5, 1.0), "write attempts=…"),
    ],
    ids=["Retry", "Rule", "None", "replace-Retry", "replace-Rule"],
)
def test_an_option_is_taken_by_its_former_name(create: Callable[[], object], expected: object, remedy: str) -> None:
    with pytest.warns(DeprecationWarning, match=remedy) as warned:
        created = create()
    assert created == expected
    assert hash(created) == hash(expected)
    assert repr(created) == repr(expected)
    assert len(warned) == 1


@pytest.mark.parametrize("options", [Retry(5), Rule(5)], ids=["Retry", "Rule"])
def test_an_option_is_read_by_its_former_name(options: Any) -> None:
    remedy = rf"^{type(options).__name__}\.tries is deprecated: read attempts$"
    with pytest.warns(DeprecationWarning, match=remedy) as warned:
        assert options.tries == 5
    assert warned[0].filename == __file__


def test_the_warning_is_about_the_line_that_has_the_former_name() -> None:
    with pytest.warns(DeprecationWarning, match="tries") as warned:
        Retry(**former(5))
    assert warned[0].filename == __file__


@pytest.mark.parametrize("options", [Retry(5), Rule(5)], ids=["Retry", "Rule"])
def test_the_new_name_warns_of_nothing(options: Any) -> None:  # as warnings are errors here
    assert replace(options, attempts=6).attempts == 6
    assert replace(options, wait=9.0).attempts == 5
    assert pickle.loads(pickle.dumps(options)) == options  # noqa: S301  # its own bytes


@pytest.mark.parametrize(
    "create",
    [
        lambda: Retry(attempts=4, **former(5)),
        lambda: Retry(4, **former(5)),
        lambda: Retry(5, **former(5)),
        lambda: Rule(attempts=4, **former(5)),
        lambda: Rule(4, **former(5)),
        lambda: Rule(4, 1.0, **former(5)),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_both_names_together_are_refused(create: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError, match="has attempts and tries, its former name: keep attempts"):
        create()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_value_that_makes_no_sense_is_refused_by_the_new_name() -> None:
    with pytest.raises(ConfigurationError, match="attempts=0: expected"):
        Retry(**former(0))


def test_the_former_name_is_no_part_of_the_signature() -> None:
    assert list(signature(Rule).parameters) == ["attempts", "wait"]


def former(attempts: int | None) -> dict[str, Any]:
    """Return the option as it was written before: mypy knows the new name only."""
    return {"tries": attempts}
