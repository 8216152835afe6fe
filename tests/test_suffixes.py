from __future__ import annotations

from pathlib import Path

import publicsuffixlist
import pytest
from ada_url import idna_to_ascii
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.suffixes import is_public_suffix, registrable_domain

ADDRESSES = ["127.0.0.1", "[::1]", "::1", "[2001:db8::1]"]
NO_DOMAINS = ["", ".", "..", ".com", "a..com", "com..", "\udcff..x", "xn--é..x"]

hosts = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from(["a", "B", "www", "co", "uk", "com", "github", "io", "ck", "kobe", "jp", "xn--p1ai", "рф", ""]),
        max_size=6,
    ).map(".".join),
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("WWW.Example.CO.UK", "example.co.uk"),
        ("user.github.io", "user.github.io"),
        ("bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
        ("www.amazonaws.com", "amazonaws.com"),
        ("a.b.unlisted", "b.unlisted"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("www.食狮.公司.cn", "食狮.公司.cn"),
        ("www.食狮.xn--55qx5d.cn", "食狮.xn--55qx5d.cn"),
        ("docs.example.org.", "example.org."),
        ("a.xn--é.com", "xn--é.com"),
        *((host, None) for host in ("com", "co.uk", "github.io", "localhost", "com.", "xn--55qx5d.cn")),
        *((host, None) for host in (*ADDRESSES, *NO_DOMAINS)),
    ],
)
def test_a_registrable_domain_is_a_public_suffix_and_one_label(host: str, expected: str | None) -> None:
    assert registrable_domain(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("com", "CO.UK", "github.io", "s3.amazonaws.com", "公司.cn", "xn--55qx5d.cn")),
        *((host, True) for host in ("localhost", "unlisted", "co.uk.", "c.kobe.jp", "test.ck")),
        *((host, False) for host in ("example.com", "amazonaws.com", "city.kobe.jp", "www.ck", "a.unlisted")),
        *((host, False) for host in (*ADDRESSES, *NO_DOMAINS)),
    ],
)
def test_what_anybody_may_register_below_is_a_public_suffix(host: str, expected: bool) -> None:
    assert is_public_suffix(host) is expected


def test_rules_in_unicode_are_found_by_their_punycode() -> None:
    lines = Path(publicsuffixlist.PSLFILE).read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.isascii() and not line.startswith(("//", "!", "*"))]
    assert len(rules) > 100
    for rule in rules:
        assert is_public_suffix(idna_to_ascii(rule).decode())
        assert is_public_suffix(rule)


@given(hosts)
def test_a_registrable_domain_is_its_own_and_ends_its_host(host: str) -> None:
    domain = registrable_domain(host)
    if domain is None:
        return
    assert host.lower().endswith(domain)
    assert registrable_domain(domain) == domain
    assert not is_public_suffix(domain)
    assert is_public_suffix(domain.partition(".")[2])


@given(hosts)
def test_no_host_is_both_a_public_suffix_and_registrable(host: str) -> None:
    assert not (is_public_suffix(host) and registrable_domain(host))
