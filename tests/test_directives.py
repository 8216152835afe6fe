from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document.directives import Directives, directives_of

FREE = Directives()
NO_INDEX = Directives(index=False)
NO_FOLLOW = Directives(follow=False)
NOTHING = Directives(index=False, follow=False)

words = st.sampled_from(
    [
        "noindex",
        "nofollow",
        "none",
        "all",
        "ours:",
        "others:",
        "unavailable_after: 2020-01-01",
        ",",
        " ",
        ":",
        "é",
        "*:",
    ]
)
texts = st.one_of(st.text(), st.lists(words).map(" ".join), st.lists(words).map(",".join))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", FREE),
        ("all", FREE),
        ("index, follow", FREE),
        ("noindex", NO_INDEX),
        ("NoFollow", NO_FOLLOW),
        ("none", NOTHING),
        (" noindex ,nofollow ", NOTHING),
        ("noindex nofollow", NOTHING),
        ("noindex;nofollow", NOTHING),
        ("index, noindex, all", NO_INDEX),
        ("noarchive", Directives(archive=False)),
        ("max-snippet:20, nosnippet", Directives(snippet=False)),
        ("max-image-preview: none", FREE),
        ("noindexing, x-nofollow", FREE),
        (",,;:", FREE),
    ],
)
def test_rules_mean_the_same_in_the_page_and_in_its_header(text: str, expected: Directives) -> None:
    assert directives_of([("robots", text)]) == expected
    assert directives_of(fields=[text]) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("robots", NO_INDEX),
        (" ROBOTS ", NO_INDEX),
        ("ours", NO_INDEX),
        ("Ours", NO_INDEX),
        ("googlebot", FREE),
        ("ours2", FREE),
        ("", FREE),
        ("description", FREE),
    ],
)
def test_elements_for_all_and_for_us_count(name: str, expected: Directives) -> None:
    assert directives_of([(name, "noindex")], agent="OURS") == expected


def test_without_an_agent_only_elements_for_all_count() -> None:
    assert directives_of([("", "noindex"), ("ours", "noindex")]) == FREE
    assert directives_of([("robots", "noindex")]) == NO_INDEX


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("ours: noindex", NO_INDEX),
        ("OURS : noindex", NO_INDEX),
        ("ours:noindex,nofollow", NOTHING),
        ("googlebot: noindex", FREE),
        ("googlebot: noindex, nofollow", FREE),
        ("googlebot: noindex, ours: nofollow", NO_FOLLOW),
        ("ours: noindex, googlebot: nofollow", NO_INDEX),
        ("nofollow, googlebot: noindex", NO_FOLLOW),
        ("*: noindex", NO_INDEX),
        ("googlebot: unavailable_after: 2020-01-01, noindex", FREE),
        ("what is this: nonsense, noindex", NO_INDEX),
    ],
)
def test_a_header_field_may_be_for_one_agent(field: str, expected: Directives) -> None:
    assert directives_of(fields=[field], agent="Ours") == expected


def test_an_agent_counts_for_the_rest_of_its_field_alone() -> None:
    assert directives_of(fields=["googlebot: noindex", "nofollow"], agent="ours") == NO_FOLLOW


def test_all_that_is_said_counts_together() -> None:
    elements = [("robots", "index, follow"), ("ours", "noarchive")]
    assert directives_of(elements, ["noindex", "ours: nofollow"], agent="ours") == Directives(
        index=False, follow=False, archive=False
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-02", (2020, 1, 2)),
        ("2020-01-02T03:04:05Z", (2020, 1, 2, 3, 4, 5)),
        ("2020-01-02T03:04:05+03:00", (2020, 1, 2, 0, 4, 5)),
        ("02 Jan 2020 03:04:05 GMT", (2020, 1, 2, 3, 4, 5)),
        ("Thu, 02 Jan 2020 03:04:05 GMT", (2020, 1, 2, 3, 4, 5)),
        ("Thursday, 02-Jan-20 03:04:05 UTC", (2020, 1, 2, 3, 4, 5)),
        ("25 Jun 2010 15:00:00 PST", (2010, 6, 25, 23)),
    ],
)
def test_dates_are_read_in_all_the_forms_that_are_in_use(text: str, expected: tuple[int, int, int]) -> None:
    for field in (f"unavailable_after: {text}, nofollow", f"ours: Unavailable_After:{text},nofollow"):
        found = directives_of(fields=[field], agent="ours")
        assert found == Directives(follow=False, unavailable_after=datetime(*expected, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "soon", "2020-13-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_what_is_no_date_says_nothing(text: str) -> None:
    assert directives_of(fields=[f"unavailable_after: {text}, nofollow"]) == NO_FOLLOW


def test_the_earliest_date_counts() -> None:
    found = directives_of([("robots", "unavailable_after: 2021-01-01")], ["unavailable_after: 2020-01-01"])
    assert found.unavailable_after == datetime(2020, 1, 1, tzinfo=UTC)


@given(st.lists(st.tuples(st.sampled_from(["robots", "ours", "x"]), texts)), st.lists(texts), texts)
def test_a_further_rule_never_permits_more(elements: list[tuple[str, str]], fields: list[str], further: str) -> None:
    before = directives_of(elements, fields, agent="ours")
    after = directives_of(elements, [*fields, further], agent="ours")
    for name in ("index", "follow", "archive", "snippet"):
        assert getattr(before, name) or not getattr(after, name)
    if before.unavailable_after:
        assert after.unavailable_after
        assert after.unavailable_after <= before.unavailable_after
