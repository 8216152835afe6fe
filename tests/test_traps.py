from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.policy.traps import MOST_SEGMENTS, Traps, is_pathological, shape_of
from crawler.url import LONGEST_URL, resolve


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://a.example/item/1", "https://a.example/item/20317"),
        ("https://a.example/day/2026-01-31", "https://a.example/day/1999-12-01"),
        ("https://a.example/p?sid=1&a", "https://a.example/p?colour=red"),
        ("https://a.example/x/9f86d081", "https://a.example/x/7"),
        ("https://a.example/x/0AF3.html", "https://a.example/x/12.html"),
    ],
)
def test_urls_that_differ_in_numbers_identifiers_and_queries_are_alike(url: str, other: str) -> None:
    assert shape_of(url) == shape_of(other)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://a.example/wiki/Ada", "https://a.example/wiki/Abe"),  # both of hexadecimal letters, but no identifiers
        ("https://a.example/1", "https://b.example/1"),
        ("https://a1.example/", "https://a2.example/"),
        ("http://a.example:81/1", "http://a.example:82/1"),
        ("https://a.example/item/1", "https://a.example/item/1?"),
    ],
)
def test_other_urls_are_not(url: str, other: str) -> None:
    assert shape_of(url) != shape_of(other)


def test_a_long_word_of_hexadecimal_letters_takes_time_in_proportion_to_its_length() -> None:
    # 8,000 of these would take hours if each letter were a new start, and hold the loop meanwhile.
    word = "a" * (LONGEST_URL - 100)
    for _ in range(1000):
        assert shape_of(f"https://a.example/{word}/1") == f"https://a.example/{word}/0"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", False),
        ("/a/a/a/a/b", False),
        ("/a/b/a/b/a/b/a/b/a/b", True),
        ("/" + "/".join(map(str, range(MOST_SEGMENTS))), False),
        ("/" + "/".join(map(str, range(MOST_SEGMENTS + 1))), True),
        ("/a" + "/" * 20, False),
        ("/?" + "a/" * 100, False),
        ("/" + "a" * LONGEST_URL, True),
    ],
)
def test_paths_that_mistakes_make_are_pathological(path: str, expected: bool) -> None:
    assert is_pathological(f"https://a.example{path}") is expected


def test_urls_that_are_alike_are_refused_beyond_the_bound_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    traps = Traps(3)
    with caplog.at_level(logging.WARNING, "crawler"):
        answers = [traps.permits(f"https://a.example/{number}") for number in range(1, 7)]
    assert answers == [True] * 3 + [False] * 3
    assert traps.permits("https://a.example/other/1")
    assert len(caplog.messages) == 1
    assert "3 URLs are alike https://a.example/0: all others" in caplog.messages[0]


def test_urls_without_anything_variable_are_never_too_many() -> None:
    traps = Traps(1)
    assert all(traps.permits(f"https://a.example/{word}") for word in ("home", "about", "news"))


def test_without_a_bound_nothing_is_refused() -> None:
    traps = Traps(None)
    assert all(traps.permits(f"https://a.example/{number}") for number in range(1000))
    assert traps.permits("https://a.example" + "/a" * 1000)


@given(st.text(max_size=60))
def test_any_url_has_a_shape_which_is_its_own_shape(path: str) -> None:
    url = resolve("https://a.example/", path.replace(":", "").replace("/", "-"))
    assert shape_of(shape_of(url)) == shape_of(url)
