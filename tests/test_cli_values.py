"""Values on the command line: sizes, times, none."""

from __future__ import annotations

import pytest

from crawler.cli.values import parse_positive_size, parse_seconds, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("1k", 1024),
        ("512M", 512 * 2**20),
        ("512 MiB", 512 * 2**20),
        ("1.5g", 3 * 2**29),
        ("2GB", 2**31),
        ("1T", 2**40),
        ("none", 0),
        ("0", 0),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1e3", "2 gigs", "0x10", "1.G"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_seconds() -> None:
    assert [parse_seconds(text) for text in ("30", "0.5", "none", "None")] == [30.0, 0.5, 0.0, 0.0]
    with pytest.raises(ValueError, match="no number of seconds"):
        parse_seconds("1m")


def test_a_size_that_must_leave_room_for_something_is_not_nothing() -> None:
    assert parse_positive_size("1k") == 1024
    for text in ("0", "none", "0.1"):
        with pytest.raises(ValueError, match="allows not one byte; write bytes, or 512M, or 2G"):
            parse_positive_size(text)
