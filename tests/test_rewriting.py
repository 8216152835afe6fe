from __future__ import annotations

import pickle
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.policy.rewriting import TRACKING, Rewriting
from crawler.url import resolve

HOST = "https://example.org"
names = st.sampled_from(["a", "b", "utm_source", "utm_", "gclid", "Gclid", "", "%C3%A9", "index.html"])
queries = st.lists(st.one_of(names, st.builds("{}={}".format, names, st.text(max_size=3)))).map("&".join)
paths = st.lists(st.sampled_from(["", "a", "index.html", "index.htm", "Index.html"])).map("/".join)
urls = st.one_of(
    st.builds(lambda path, query: resolve("", f"{HOST}/{path}?{query}"), paths, queries),
    paths.map(lambda path: resolve("", f"{HOST}/{path}")),
)
patterns = st.lists(st.sampled_from(["utm_*", "gclid", "*", "?", "[a-b]", "[!a]", "", "(", "\\"]), max_size=3).map(
    tuple
)
rewritings = st.builds(
    Rewriting,
    drop=st.one_of(patterns, st.just(TRACKING)),
    sort_query=st.booleans(),
    index_files=st.one_of(patterns, st.just(("index.*",))),
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/", "/"),
        ("/?utm_source=x", "/"),
        ("/?utm_source=x&utm_medium=y&gclid=1", "/"),
        ("/?a=1&utm_source=x&b=2", "/?a=1&b=2"),
        ("/?utm_source", "/"),
        ("/?xutm_source=1", "/?xutm_source=1"),
        ("/?UTM_SOURCE=1", "/?UTM_SOURCE=1"),
        ("/?a=utm_source=1", "/?a=utm_source=1"),
        ("/?a=%41+%2F&&b==&utm_id=", "/?a=%41+%2F&&b=="),
        ("/?", "/?"),
        ("/utm_source=1", "/utm_source=1"),
        ("/index.html?fbclid=1", "/index.html"),
    ],
)
def test_parameters_are_dropped_and_the_rest_is_as_it_was(before: str, after: str) -> None:
    assert Rewriting(drop=TRACKING).rewritten(HOST + before) == HOST + after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("b=1&a=2", "a=2&b=1"),
        ("a=2&a=1&A=3", "A=3&a=2&a=1"),
        ("b&a=&a&", "&a=&a&b"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_parameters_are_sorted_by_name_and_those_of_one_name_keep_their_order(before: str, after: str) -> None:
    assert Rewriting(sort_query=True).rewritten(f"{HOST}/?{before}") == f"{HOST}/?{after}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/index.html", "/"),
        ("/a/index.php?x=1", "/a/?x=1"),
        ("/a/index.html/", "/a/index.html/"),
        ("/a/my_index.html", "/a/my_index.html"),
        ("/a/Index.html", "/a/Index.html"),
        ("/?x=/index.html", "/?x=/index.html"),
        ("//index.html", "//"),
    ],
)
def test_an_index_file_is_its_folder(before: str, after: str) -> None:
    assert Rewriting(index_files=("index.html", "index.ph?")).rewritten(HOST + before) == HOST + after


def test_a_host_is_no_index_file() -> None:
    assert Rewriting(index_files=("*",)).rewritten("https://index.html/") == "https://index.html/"


@given(urls)
def test_without_rules_every_url_is_left_as_it_is(url: str) -> None:
    assert Rewriting().rewritten(url) == url


@given(rewritings, urls)
def test_rewriting_twice_is_rewriting_once_and_gives_a_normalised_url(rewriting: Rewriting, url: str) -> None:
    once = rewriting.rewritten(url)
    assert rewriting.rewritten(once) == once
    assert resolve("", once) == once


@given(st.lists(st.tuples(st.text(), st.text())), st.sampled_from(TRACKING))
def test_tracking_parameters_change_no_identity(parameters: list[tuple[str, str]], tracking: str) -> None:
    rewriting = Rewriting(drop=TRACKING)
    plain = rewriting.rewritten(resolve("", f"{HOST}/?{urlencode([*parameters, ('q', '1')])}"))
    tracked = urlencode([*parameters, (tracking.replace("*", "x"), "y"), ("q", "1")])
    assert rewriting.rewritten(resolve("", f"{HOST}/?{tracked}")) == plain


def test_a_rewriting_survives_pickling() -> None:
    rewriting = Rewriting(drop=TRACKING, sort_query=True, index_files=("index.html",))
    copy = pickle.loads(pickle.dumps(rewriting))  # noqa: S301  # its own bytes
    assert copy == rewriting
    assert copy.rewritten(f"{HOST}/index.html?b&a&utm_id") == f"{HOST}/?a&b"


@pytest.mark.parametrize("options", [{"drop": "utm_*"}, {"index_files": "index.html"}])
def test_a_lone_text_is_not_taken_for_a_list_of_its_letters(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Rewriting(**options)
