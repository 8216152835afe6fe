"""Figures as people read them, and text that is safe to print."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from crawler.observe import figures, plain


@pytest.mark.parametrize("module", [figures, plain])
def test_the_examples_in_the_documentation_hold(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2 * 10**15, "2000.0 TB")],
)
def test_sizes_change_their_unit_before_they_have_four_digits(number: int, expected: str) -> None:
    assert figures.size(number) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 ms"), (0.9996, "1.0 s"), (59.96, "1:00 min"), (3599.7, "1:00:00 h")]
)
def test_durations_are_never_rounded_to_sixty(seconds: float, expected: str) -> None:
    assert figures.duration(seconds) == expected


@pytest.mark.parametrize(("share", "expected"), [(-1, "▁"), (0.999, "█"), (7, "█")])
def test_bars_stay_within_their_line(share: float, expected: str) -> None:
    assert figures.bar(share) == expected


def test_bars_of_nothing_are_flat() -> None:
    assert figures.bars([]) == ""
    assert figures.bars([0, 0]) == "▁▁"


def test_no_control_character_is_printed() -> None:
    shown = set(plain.plain("".join(map(chr, range(0x100)))))

    assert shown & set(map(chr, (*range(0x20), *range(0x7F, 0xA0)))) == {"\t", "\n"}
