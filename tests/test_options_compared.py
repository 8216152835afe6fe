from __future__ import annotations

from crawler.policy.limits import Limits
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Scope
from crawler.state.options_compared import changes_since, described, encode_options


def parse() -> None:
    """Stand for a parser."""


def test_options_are_described_one_by_one() -> None:
    options = described(scope=Scope(rewriting=Rewriting(sort_query=True)), parser=parse, robots=True)
    assert options["scope.within"] == "'site'"
    assert options["scope.rewriting.sort_query"] == "True"
    assert options["parser"] == "parse"
    assert options["robots"] == "True"


def test_the_same_options_are_no_news() -> None:
    options = described(limits=Limits(max_pages=3))
    assert changes_since(encode_options(options), options) == []


def test_each_change_says_what_it_means_for_what_is_known() -> None:
    before = encode_options(described(limits=Limits(max_depth=1), scope=Scope()))
    after = described(limits=Limits(max_depth=2), scope=Scope(within="host"))
    depth, scope = changes_since(before, after)
    assert depth.startswith("limits.max_depth was 1, and is 2: what was too deep is taken up where it is not any more")
    assert scope.startswith("scope.within was 'site', and is 'host': URLs that were judged before keep their state")


def test_options_that_an_older_version_did_not_know_are_no_change() -> None:
    assert changes_since(b'{"order": "1"}', {"order": "1", "new": "2"}) == []
