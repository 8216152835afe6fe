from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.policy.rewriting import TRACKING, Rewriting
from crawler.policy.scope import Scope
from crawler.url import resolve

SEEDS = ["https://docs.python.org/3/", "http://127.0.0.1:8080/x"]

TABLE = [
    ("site", "https://docs.python.org/3/library/", True),
    ("site", "http://www.python.org:81/", True),
    ("site", "https://python.org/", True),
    ("site", "https://notpython.org/", False),
    ("site", "https://python.org.example.com/", False),
    ("site", "http://127.0.0.1:9/", True),
    ("site", "http://127.0.0.2:8080/", False),
    ("host", "http://docs.python.org:81/", True),
    ("host", "https://www.python.org/", False),
    ("host", "https://a.docs.python.org/", False),
    ("host", "https://127.0.0.1/", True),
    ("origin", "https://docs.python.org/x", True),
    ("origin", "http://docs.python.org/x", False),
    ("origin", "https://docs.python.org:444/x", False),
    ("origin", "http://127.0.0.1:8080/y", True),
    ("origin", "http://127.0.0.1:8081/y", False),
    ("any", "https://example.com/", True),
]


@pytest.mark.parametrize(("within", "url", "inside"), TABLE)
def test_a_scope_is_drawn_around_the_seeds(within: Any, url: str, inside: bool) -> None:
    boundary = Scope(within).around(SEEDS)
    assert boundary.permits(url) is inside
    assert boundary.permits(url) is inside  # from memory


@pytest.mark.parametrize("within", ["site", "host", "origin"])
def test_without_seeds_nothing_is_inside(within: Any) -> None:
    assert not Scope(within).around([]).permits(SEEDS[0])


@pytest.mark.parametrize("within", ["site", "host", "origin", "any"])
@pytest.mark.parametrize(
    "seed", [*SEEDS, "http://localhost/", "http://[::1]:80/", "http://u:p@example.org/", "http://com/"]
)
def test_every_seed_is_inside(within: Any, seed: str) -> None:
    assert Scope(within).around([seed]).permits(seed)


@pytest.mark.parametrize(
    ("seed", "same", "other"),
    [
        ("http://www.example.co.uk/", "http://example.co.uk:81/", "http://other.co.uk/"),
        ("http://a.b.example.org:81/x", "https://c.example.org/", "http://example.com/"),
        ("http://example.org/", "http://a.b.example.org/", "http://badexample.org/"),
        ("http://localhost/", "http://localhost:81/", "http://site7.localhost/"),
        ("http://site7.localhost:81/", "http://site7.localhost/", "http://site8.localhost/"),
        ("http://192.0.2.7/", "http://192.0.2.7:81/", "http://192.0.2.8/"),
        ("http://[2001:db8::1]:81/", "http://[2001:db8::1]/", "http://[2001:db8::2]:81/"),
        ("http://co.uk/", "http://co.uk:81/", "http://example.co.uk/"),
        ("http://user.github.io/", "http://user.github.io/x", "http://other.github.io/"),
        ("http://user.github.io/", "http://www.user.github.io/x", "http://github.io/"),
        ("http://github.io/", "http://github.io:81/", "http://user.github.io/"),
        # Below a site there may be public suffixes, and so other people's sites.
        ("http://amazonaws.com/", "http://www.amazonaws.com/", "http://bucket.s3.amazonaws.com/"),
        ("http://bucket.s3.amazonaws.com/", "http://a.bucket.s3.amazonaws.com/", "http://other.s3.amazonaws.com/"),
        ("http://bucket.s3.amazonaws.com/", "http://bucket.s3.amazonaws.com:81/", "http://amazonaws.com/"),
        ("http://city.kobe.jp/", "http://www.city.kobe.jp/", "http://other.kobe.jp/"),
        ("http://www.食狮.公司.cn/", "http://食狮.公司.cn/", "http://公司.cn/"),
        ("http://example.org./", "http://www.example.org.:81/", "http://example.org/"),
        ("http://localhost./", "http://localhost.:81/", "http://a.localhost./"),
    ],
)
def test_a_site_is_a_registrable_domain(seed: str, same: str, other: str) -> None:
    seed, same, other = (resolve("", url) for url in (seed, same, other))
    boundary = Scope("site").around([seed])
    assert boundary.permits(seed)
    assert boundary.permits(same)
    assert not boundary.permits(other)


def test_the_suffix_list_is_not_read_for_hosts_that_do_not_end_as_a_seed_does() -> None:
    program = (
        "from crawler.policy.scope import Scope; from crawler.http import suffixes;"
        "read = []; suffixes.PublicSuffixList = lambda **options: read.append(options);"
        "boundary = Scope('site').around(['http://127.0.0.1/', 'http://localhost/']);"
        "print(boundary.permits('http://example.org/'), boundary.permits('http://localhost:81/'),"
        " len(read))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "True", "0"]


def test_a_boundary_remembers_a_bounded_number_of_hosts() -> None:
    boundary = Scope("site").around(SEEDS)

    def bytes_after(hosts: range) -> int:
        assert not any(boundary.permits(f"http://trap{number}.python.org.example/") for number in hosts)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = bytes_after(range(20_000))
        assert bytes_after(range(20_000, 30_000)) - first < 500_000  # a host that is remembered takes some 250
    finally:
        tracemalloc.stop()
    assert boundary.permits(SEEDS[0])


def test_further_hosts_can_be_named() -> None:
    boundary = Scope(hosts=("cdn.example.net",)).around(SEEDS)
    assert boundary.permits("https://cdn.example.net:81/x")
    assert not boundary.permits("https://other.example.net/")


def test_further_hosts_are_named_in_any_case() -> None:
    assert Scope(hosts=("CDN.Example.net",)).around(SEEDS).permits("https://cdn.example.net/")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("bücher.example", "http://xn--bcher-kva.example/"),
        ("127.1", "http://127.0.0.1:81/"),
        ("[0::1]", "http://[::1]/"),
    ],
)
def test_further_hosts_are_named_as_browsers_understand_them(host: str, url: str) -> None:
    assert Scope(hosts=(host,)).around(SEEDS).permits(url)


@pytest.mark.parametrize(
    "host", ["", "a b", "[", "http://cdn.example", "cdn.example:81", "cdn.example/x", "a@b", "a?b"]
)
def test_a_further_host_that_can_match_nothing_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="scope host="):
        Scope(hosts=(host,))


def test_a_scope_may_hold_a_rewriting_and_nothing_else_in_its_place() -> None:
    rewriting = Rewriting(drop=TRACKING)
    assert Scope(rewriting=rewriting).rewriting is rewriting
    assert Scope().rewriting is None
    with pytest.raises(ConfigurationError, match="expected a Rewriting, or None"):
        Scope(rewriting="utm_*")  # type: ignore[arg-type]  # as those write who do not check types


@pytest.mark.parametrize(
    ("allow", "deny", "url", "inside"),
    [
        ((), (), "https://docs.python.org/a", True),
        (("/3/",), (), "https://docs.python.org/3/a", True),
        (("/3/",), (), "https://docs.python.org/2/a", False),
        (("/3/", "/2/"), (), "https://docs.python.org/2/a", True),
        ((), (r"\.pdf$",), "https://docs.python.org/a.pdf", False),
        ((), (r"\.pdf$",), "https://docs.python.org/a.pdf?x", True),
        (("/3/",), ("whatsnew",), "https://docs.python.org/3/whatsnew", False),
        (("/3/",), (), "https://example.com/3/", False),
    ],
)
def test_patterns_narrow_a_scope_and_deny_wins(
    allow: tuple[str, ...], deny: tuple[str, ...], url: str, inside: bool
) -> None:
    assert Scope(allow=allow, deny=deny).around(SEEDS).permits(url) is inside


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "a{2,1}", "(?P<x>", "a{99999999999999999999}"])
def test_a_pattern_that_is_none_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="scope pattern="):
        Scope(deny=(pattern,))


@pytest.mark.parametrize("name", ["hosts", "allow", "deny"])
def test_a_lone_text_is_not_taken_for_a_list_of_its_letters(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Scope(**{name: "example"})  # type: ignore[arg-type]  # as those write who do not check types


def test_an_unknown_bound_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="within='domain': expected one of site, host, origin, any"):
        Scope("domain")  # type: ignore[arg-type]  # as those write who do not check types


@given(st.sampled_from(["site", "host", "origin"]), st.lists(st.sampled_from([url for _, url, _ in TABLE])))
def test_a_narrower_scope_permits_nothing_that_a_wider_one_does_not(within: Any, seeds: list[str]) -> None:
    wider = {"origin": "host", "host": "site", "site": "any"}
    narrow, wide = Scope(within).around(seeds), Scope(wider[within]).around(seeds)  # type: ignore[arg-type]
    for _, url, _ in TABLE:
        assert wide.permits(url) or not narrow.permits(url)
