from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.errors import InvalidURLError
from crawler.url import Base, host_of, hostname_of, is_loopback, origin_of, resolve, without_port

BASE = "http://a/b/c/d;p?q"

# RFC 3986 §5.4, less the schemes that are not fetched; what WHATWG does otherwise is marked.
RFC_3986 = [
    ("g", "http://a/b/c/g"),
    ("./g", "http://a/b/c/g"),
    ("g/", "http://a/b/c/g/"),
    ("/g", "http://a/g"),
    ("//g", "http://g/"),  # WHATWG: a path is never empty
    ("?y", "http://a/b/c/d;p?y"),
    ("g?y", "http://a/b/c/g?y"),
    ("#s", "http://a/b/c/d;p?q"),
    ("g#s", "http://a/b/c/g"),
    ("g?y#s", "http://a/b/c/g?y"),
    (";x", "http://a/b/c/;x"),
    ("g;x", "http://a/b/c/g;x"),
    ("g;x?y#s", "http://a/b/c/g;x?y"),
    ("", "http://a/b/c/d;p?q"),
    (".", "http://a/b/c/"),
    ("./", "http://a/b/c/"),
    ("..", "http://a/b/"),
    ("../", "http://a/b/"),
    ("../g", "http://a/b/g"),
    ("../..", "http://a/"),
    ("../../g", "http://a/g"),
    ("../../../g", "http://a/g"),
    ("../../../../g", "http://a/g"),
    ("/./g", "http://a/g"),
    ("/../g", "http://a/g"),
    ("g.", "http://a/b/c/g."),
    (".g", "http://a/b/c/.g"),
    ("..g", "http://a/b/c/..g"),
    ("./../g", "http://a/b/g"),
    ("./g/.", "http://a/b/c/g/"),
    ("g/./h", "http://a/b/c/g/h"),
    ("g/../h", "http://a/b/c/h"),
    ("g;x=1/../y", "http://a/b/c/y"),
    ("g?y/../x", "http://a/b/c/g?y/../x"),
    ("g#s/../x", "http://a/b/c/g"),
    ("http:g", "http://a/b/c/g"),  # WHATWG: as a relative reference
]

references = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="abcAB/.?#%2Ee:@[]&=+;~ \\\t\n\u00e9\u4e2d0123456789-_", max_size=40),
    st.builds("http://{}{}".format, st.from_regex(r"[a-zA-Z0-9.\-]{1,12}(:[0-9]{1,5})?", fullmatch=True), st.text()),
)


@pytest.mark.parametrize(("reference", "expected"), RFC_3986)
def test_references_resolve_as_in_the_examples_of_the_standard(reference: str, expected: str) -> None:
    assert resolve(BASE, reference) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("  http://example.org/a b ", "http://example.org/a%20b"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:80/", "https://example.org:80/"),
        ("http://example.org/%7euser/%2F", "http://example.org/%7euser/%2F"),  # percent-encoding is left as it is
        ("http://example.org/?q=\u00e9", "http://example.org/?q=%C3%A9"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http:\\\\example.org\\a", "http://example.org/a"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[::0001]:8080/", "http://[::1]:8080/"),
        ("http://example.org/a\nb", "http://example.org/ab"),
        ("http://example.org/#a#b", "http://example.org/"),
        ("http://us%23er@example.org/#x", "http://us%23er@example.org/"),
    ],
)
def test_absolute_urls_are_normalised_as_browsers_do(typed: str, expected: str) -> None:
    assert resolve("", typed) == expected


@pytest.mark.parametrize(
    "href",
    [
        *(
            "mailto:a@b.example",
            "javascript:void(0)",
            "data:text/html,x",
            "ftp://example.org/",
            "tel:+1",
            "file:///etc",
        ),
        *("http://", "http://[::1", "http://exa mple.org/", "http://example.org:99999/", "http://256.1.1.1/", "//"),
    ],
)
def test_what_cannot_be_fetched_is_refused(href: str) -> None:
    with pytest.raises(InvalidURLError):
        resolve(BASE, href)


@pytest.mark.parametrize("seed", ["example.org", "", "/a", "?q", "#x", "localhost:8080", "//example.org/"])
def test_a_seed_must_be_absolute(seed: str) -> None:
    with pytest.raises(InvalidURLError):
        resolve("", seed)


def test_a_seed_without_a_scheme_gets_a_hint() -> None:
    with pytest.raises(InvalidURLError, match=r"did you mean 'https://example\.org/a'"):
        resolve("", "example.org/a")


def test_text_that_is_no_unicode_is_an_invalid_url() -> None:
    # Python hands on bytes of a header that are not UTF-8 as lone surrogates.
    with pytest.raises(InvalidURLError):
        resolve("http://example.org/", "/caf\udce9")


@given(references)
def test_resolving_is_idempotent_and_drops_the_fragment(reference: str) -> None:
    try:
        url = resolve(BASE, reference)
    except InvalidURLError:
        return
    assert url.startswith(("http://", "https://"))
    assert url.isascii()
    assert "#" not in url
    assert resolve("", url) == url
    assert resolve("http://elsewhere.example/x", url) == url


@given(references)
def test_every_normalised_url_starts_with_its_origin(reference: str) -> None:
    try:
        url = resolve(BASE, reference)
    except InvalidURLError:
        return
    if "@" not in url.split("/")[2]:
        assert url.startswith(origin_of(url) + "/")
    assert host_of(url)
    assert "@" not in host_of(url)
    assert hostname_of(url) == without_port(host_of(url))


@pytest.mark.parametrize(
    ("url", "host", "hostname", "origin"),
    [
        ("http://example.org/", "example.org", "example.org", "http://example.org"),
        ("https://example.org:8080/a?b:1", "example.org:8080", "example.org", "https://example.org:8080"),
        ("http://user:p%40ss@example.org:81/@x", "example.org:81", "example.org", "http://example.org:81"),
        ("http://[::1]/", "[::1]", "[::1]", "http://[::1]"),
        ("http://[::1]:8080/", "[::1]:8080", "[::1]", "http://[::1]:8080"),
        ("http://127.0.0.1:5/", "127.0.0.1:5", "127.0.0.1", "http://127.0.0.1:5"),
        ("http://example.org/?a@b:c/d", "example.org", "example.org", "http://example.org"),
    ],
)
def test_hosts_and_origins(url: str, host: str, hostname: str, origin: str) -> None:
    assert (host_of(url), hostname_of(url), origin_of(url)) == (host, hostname, origin)


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        *(("localhost", True), ("site7.localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True)),
        *(("localhost.", True), ("site7.localhost.", True), ("localhost..", False), (".", False)),
        *(("example.org", False), ("notlocalhost", False), ("localhost.example.org", False), ("10.0.0.1", False)),
        *(("0.0.0.0", False), ("[::2]", False), ("127.0.0.1.example.org", False), ("", False)),
    ],
)
def test_this_machine_is_recognised(hostname: str, expected: bool) -> None:
    assert is_loopback(hostname) is expected


BASES = [
    BASE,
    "http://example.org",
    "http://user:secret@example.org:81/c//d/?x/y",
    "https://example.org/%2f/../e/%2E%2e/",
    "http://[::1]:8080/a//",
    "HTTP://1.2.3/ä ö/?",
    "mailto:a@b.example",
    "no url",
    "",
]
PLAIN = st.text(alphabet="aZ09/./.?#%2eE:@[]&=+;~ \\\t\n_-'!$()*,|^`{}<>\"\u00e9\x00\x7f", max_size=12)
LEADS = [
    "",
    "/",
    "//",
    "../",
    "../../",
    "../../../../..",
    "http://",
    "https:",
    "https://b.example/",
    "x--y.de",
    "?",
    "#",
]


def outcome(resolved: Callable[..., str], *arguments: str) -> str:
    try:
        return resolved(*arguments)
    except InvalidURLError:
        return "invalid"


@settings(max_examples=1000)
@given(st.sampled_from(BASES), st.one_of(references, st.builds(str.__add__, st.sampled_from(LEADS), PLAIN)))
def test_a_base_resolves_each_reference_as_one_alone_is_resolved(base: str, reference: str) -> None:
    assert outcome(Base(base).resolve, reference) == outcome(resolve, base, reference)


@pytest.mark.parametrize(
    "reference",
    [
        *(reference for reference, _ in RFC_3986),
        *(
            "a//b",
            "//",
            "///",
            "//b.example/c",
            "/%2e%2e/b",
            "/b/%2E/c",
            "%2e%2e/b",
            "%2fb",
            "%",
            "%2",
            "/%2",
            "a%2e/b",
        ),
        *("../..//d", "../../../..//d", "..//", "../%2e/", "../?y", "../../#z", ".../b", "a/...", "a/.b", "a'b?'"),
        *(
            "a^b|[c]",
            "x:y",
            "HTTP:d",
            "https:d",
            "http:/d",
            "http:///b.example",
            "http://b.example",
            "?a^b|[c]{d}`e\\f",
        ),
        *("http://b.example?q'", "http://B.example/", "http://xn--a.example/", "http://ab--c.-d.example/", "http://b/"),
        *("http://b.0x7f/", "http://127.0.0.1.example/", "http://1.2.3.4/", "http://b.example./", "http://b..example/"),
        *("http://b.example/d/.%2e/e", "http://b.example/./", "http://b.example:80/", "http://u@b.example/"),
        *(f"http://{'b' * length}.example/" for length in (63, 64, 245, 246)),
        *("http://b.example/\n", "b\n", "\tb", " b", "b ", "b#\n", "#\u00e9", "\u00e9", "b\0", "b\\c", "\\b"),
    ],
)
def test_a_base_resolves_every_kind_of_reference_as_one_alone_is_resolved(reference: str) -> None:
    for base in BASES:
        assert outcome(Base(base).resolve, reference) == outcome(resolve, base, reference)


def in_utf_8(query: str) -> str:
    return quote(query, safe="!$%&()*+,-./:;=?@[\\]^_`{|}~")


def in_koi8(query: str) -> str:
    return quote(query, safe="=&", encoding="koi8-r", errors="replace")


@settings(max_examples=1000)
@given(st.sampled_from(BASES), st.text("aé漢?? ##&=/:'\"<>\\\t\n\r\0\x1f\x7f\x80\xa0%"))
@example(BASE, "?é #")
@example(BASE, "?é \t")
@example(BASE, "?\té\n \x00")
@example("", "http://b.example?é#?é")
@example(BASE, "//u?é@b.example/?é")
@example(BASE, "#?é")
def test_a_query_encoded_in_utf_8_beforehand_is_the_same_query(base: str, reference: str) -> None:
    assert outcome(Base(base, lambda: in_utf_8).resolve, reference) == outcome(resolve, base, reference)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("?q=ж", "http://a/b/c/d;p?q=%D6"),
        ("ж?q=ж#ж", "http://a/b/c/%D0%B6?q=%D6"),
        ("//ж.example/?ж", "http://xn--f1a.example/?%D6"),
        ("http://b.example?q=ж", "http://b.example/?q=%D6"),
        ("/#?ж", "http://a/"),
        ("?ж=?ж \n", "http://a/b/c/d;p?%D6=%3F%D6"),
        ("?\tж\r\nж", "http://a/b/c/d;p?%D6%D6"),
    ],
)
def test_only_the_query_is_sent_in_the_encoding_of_a_page(reference: str, expected: str) -> None:
    assert Base("http://a/b/c/d;p?q", lambda: in_koi8).resolve(reference) == expected


def test_a_query_of_plain_ascii_is_in_no_encoding() -> None:
    def fail() -> None:
        raise AssertionError

    base = Base(BASE, fail)
    for reference in ("?a b", "?a=b|c", "ж?a\n", "/a?b#ж", "?a'\"<>%", "ж"):
        assert base.resolve(reference) == resolve(BASE, reference)


@pytest.mark.parametrize(
    "href",
    [
        "?" * 1_000_000 + "ж",
        "?ж" * 500_000,
        "ж?" + " " * 1_000_000 + "ж",
        "../" * 1_000_000,
        "a/" * 1_000_000,
        "../" * 1_000_000 + "/.",
        "http://a." + "b." * 1_000_000,
        "%2" * 1_000_000,
    ],
)
def test_a_reference_of_megabytes_takes_no_longer_than_it_is_long(href: str) -> None:
    assert outcome(Base(BASE + "/x" * 1_000_000).resolve, href)


@pytest.mark.parametrize("href", ["data:," + "x" * 10**6, "http://" + "[" * 10**6, "y" * 10**6 + ":z"])
def test_the_complaint_about_a_long_reference_is_short(href: str) -> None:
    for base in ("", BASE):
        with pytest.raises(InvalidURLError) as raised:
            resolve(base, href)
        assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("href", ["http://" + "a." * 200 + "com/", "http://x." + "b" * 100_000 + ".com/"])
def test_a_host_longer_than_any_name_is_refused(href: str) -> None:
    with pytest.raises(InvalidURLError, match="at most 253 characters"):
        resolve("", href)
    assert len(resolve("", f"http://{'a' * 63}.example/" + "b" * 1000)) > 1000


def test_a_host_may_be_as_long_as_a_name() -> None:
    assert resolve("", f"http://{'b' * 245}.example:65535/")
    with pytest.raises(InvalidURLError, match="at most 253 characters"):
        resolve("", f"http://{'b' * 246}.example/")
