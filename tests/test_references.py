from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document.references import parse_refresh, parse_srcset


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a 1x, b 2x", ["a", "b"]),
        (" , a 100w ,\n b 200w 50h,", ["a", "b"]),
        ("a,b", ["a,b"]),
        ("a, b", ["a", "b"]),
        ("a,,, b", ["a", "b"]),
        ("data:image/png;base64,AA== 1x, b", ["data:image/png;base64,AA==", "b"]),
        ("data:,a ( , data:,b 1x, ), data:,c", ["data:,c"]),
        ("a (x, y", []),
        ("a 1.5x, b .5x, c 1e3x, d 1.5E-2x", ["a", "b", "c", "d"]),
        ("a 100w 1h, b 1h 100w", ["a", "b"]),
    ],
)
def test_the_images_of_a_srcset_are_told_apart_by_commas_after_white_space(value: str, expected: list[str]) -> None:
    assert parse_srcset(value) == expected


@pytest.mark.parametrize(
    "descriptors",
    ["0w", "-1w", "1.5w", "1", "x", "-1x", "+1x", "1x 2x", "1w 1x", "1h", "1x 1h", "1w 1w", "1y", "١w", "1x\u00a0"],
)
def test_an_image_with_descriptors_that_are_none_is_left_out(descriptors: str) -> None:
    assert parse_srcset(f"a {descriptors}, b 1x") == ["b"]


@given(st.text(alphabet="ab ,\n()1wxh."))
def test_references_of_a_srcset_are_parts_of_it_without_commas_around_them(value: str) -> None:
    for reference in parse_srcset(value):
        assert reference in value
        assert reference
        assert reference.strip(" \n,") == reference


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("5", (5.0, "")),
        (" 5.9; url = 'a\"b' c", (5.0, 'a"b')),
        (".5,a", (0.0, "a")),
        ("1 url", (1.0, "url")),
        ("1;uRL='a", (1.0, "a")),
        ("1;'a'b", (1.0, "a")),
        ("9" * 1000, (float("inf"), "")),
        ("0;url=data:,'x'", (0.0, "data:,'x'")),
        ("", None),
        ("a", None),
        ("-1", None),
        ("1a", None),
        (";url=a", None),
        ("\u0661", None),
    ],
)
def test_a_refresh_is_seconds_and_maybe_a_reference(content: str, expected: tuple[float, str] | None) -> None:
    assert parse_refresh(content) == expected


@pytest.mark.parametrize("part", ["a ", ",", "(", "a (", "a 1x,", "a (),", "0", "1;", " ", "url=", "'", "."])
def test_megabytes_are_read_in_the_time_that_they_take_to_read(part: str) -> None:
    for value in (part * 100_000, "a " + part * 100_000, "1" + part * 100_000, "1;url=" + part * 100_000):
        assert len(parse_srcset(value)) <= len(value)
        refresh = parse_refresh(value)
        assert refresh is None or len(refresh[1]) <= len(value)
