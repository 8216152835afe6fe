from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crawler.errors import ProtocolError
from crawler.http.fields import Fields
from crawler.http.redirect import REDIRECTS, location_of, redirected
from crawler.models import Request
from crawler.url import resolve

URL = "http://example.org/a/b"
LANGUAGE = ("Accept-Language", "de")


def test_five_statuses_redirect() -> None:
    assert sorted(REDIRECTS) == [301, 302, 303, 307, 308]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("c", "http://example.org/a/c"),
        ("../c?d", "http://example.org/c?d"),
        ("/c#x", "http://example.org/c"),
        ("#x", URL),
        ("", URL),
        ("//other.example", "http://other.example/"),
        ("\\\\other.example\\a", "http://other.example/a"),
        ("https://example.org/", "https://example.org/"),
        ("HTTP://EXAMPLE.ORG:80", "http://example.org/"),
        ("http:c", "http://example.org/a/c"),
        (" ?q=a b ", "http://example.org/a/b?q=a%20b"),
        ("/a\tb\nc", "http://example.org/abc"),
        ("https://me:hush@other.example/", "https://other.example/"),  # strangers do not say who we are
        ("//me@example.org/", "http://example.org/"),
        # non-ASCII bytes as aiohttp decodes them: https://github.com/whatwg/fetch/issues/883
        ("/caf\u00e9", "http://example.org/caf%C3%A9"),
        ("/?\u2603%e2%98%83", "http://example.org/?%E2%98%83%e2%98%83"),
        ("/caf\udce9", "http://example.org/caf%E9"),
        ("/?\udcff", "http://example.org/?%FF"),
        ("/%\udcff", "http://example.org/%%FF"),
        ("//b\u00fccher.example/\udce9", "http://xn--bcher-kva.example/%E9"),
    ],
)
def test_the_location_is_resolved_against_what_was_asked_for(location: str, expected: str) -> None:
    assert redirected(Request(URL), 301, location).url == expected


@pytest.mark.parametrize(
    "location",
    [
        *(
            "mailto:a@b.example",
            "http://[",
            "javascript:1",
            "file:///etc/passwd",
            "data:text/html,x",
            "ftp://a.example/",
        ),
        *("about:blank", "view-source:http://a.example/", "http://", "http://a b/", "//\udce9.example/", "/caf\ud800"),
    ],
)
def test_a_location_that_cannot_be_fetched_is_an_error_of_the_server(location: str) -> None:
    with pytest.raises(ProtocolError, match="redirects to"):
        redirected(Request(URL), 301, location)


@pytest.mark.parametrize("location", ["/" + "x" * 2**20, "javascript:" + "x" * 2**20, "/" + "x" * 16_384])
def test_a_location_that_no_server_would_take_is_an_error_of_a_few_words(location: str) -> None:
    with pytest.raises(ProtocolError, match=f"{len(location)} characters") as caught:
        redirected(Request(URL), 301, location)
    assert len(str(caught.value)) < 300


def test_a_long_location_is_followed() -> None:
    assert len(redirected(Request(URL), 301, "/" + "x" * 16_383).url) > 16_384


def test_a_long_location_that_cannot_be_fetched_is_shown_in_part() -> None:
    with pytest.raises(ProtocolError) as caught:
        redirected(Request(URL), 301, "javascript:" + "x" * 10_000)
    assert len(str(caught.value)) < 300


# ── which location ──


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ""),
        ((("server", "x"),), ""),
        ((("location", "/a"),), "/a"),
        ((("location", ""),), ""),
        ((("location", "/a"), ("x", "y"), ("location", "/a")), "/a"),
    ],
)
def test_a_response_says_where_to_go(headers: Fields, expected: str) -> None:
    assert location_of(headers) == expected


def test_several_locations_that_differ_are_an_error_of_the_server() -> None:
    with pytest.raises(ProtocolError, match="2 places"):
        location_of((("location", "/a"), ("location", "/b"), ("location", "/a")))


# ── the method and the body ──


# https://fetch.spec.whatwg.org/#http-redirect-fetch, step 12
@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        *((status, "GET", "GET") for status in sorted(REDIRECTS)),
        *((status, "HEAD", "HEAD") for status in sorted(REDIRECTS)),
        *((301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (307, "POST", "POST")),
        *((308, "POST", "POST"), (301, "PUT", "PUT"), (302, "DELETE", "DELETE"), (303, "PUT", "GET")),
        *((303, "DELETE", "GET"), (303, "PATCH", "GET"), (301, "PATCH", "PATCH"), (302, "PUT", "PUT")),
        *((307, "PUT", "PUT"), (308, "DELETE", "DELETE"), (303, "OPTIONS", "GET"), (301, "OPTIONS", "OPTIONS")),
    ],
)
def test_the_method_changes_as_in_browsers_and_the_body_goes_with_it(status: int, method: str, becomes: str) -> None:
    body = None if method in {"GET", "HEAD"} else b"x"
    request = redirected(Request(URL, method, body=body), status, "/c")
    assert request.method == becomes
    assert request.body == (body if becomes == method else None)


# the same, step 13: a body that is not sent has neither type nor length
@pytest.mark.parametrize(
    "name", ["Content-Type", "content-length", "Content-Encoding", "Content-Language", "Content-Location"]
)
def test_header_fields_that_describe_the_body_go_with_the_body(name: str) -> None:
    request = Request(URL, "POST", headers=((name, "1"), LANGUAGE), body=b"x")
    assert redirected(request, 303, "/c").headers == (LANGUAGE,)
    assert redirected(request, 307, "/c").headers == ((name, "1"), LANGUAGE)


@pytest.mark.parametrize(
    ("status", "origin", "target", "sent"),
    [
        (307, "https://example.org/", "https://example.org/c", True),
        (307, "https://example.org/", "https://other.example/", True),
        (308, "http://example.org/", "https://example.org/", True),
        (308, "http://example.org/", "http://other.example/", True),
        (307, "https://example.org/", "http://example.org/", False),
        (308, "https://example.org/", "http://other.example/", False),
    ],
)
def test_a_body_that_went_encrypted_does_not_go_in_clear(status: int, origin: str, target: str, sent: bool) -> None:
    request = Request(origin, "POST", body=b"x")
    if sent:
        assert redirected(request, status, target).body == b"x"
        return
    with pytest.raises(ProtocolError, match="encrypted"):
        redirected(request, status, target)


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [("POST", 302, b"x"), ("POST", 301, b"x"), ("PUT", 303, b"x"), ("GET", 302, None), ("DELETE", 307, None)],
)
def test_without_its_body_a_request_goes_from_https_to_http(method: str, status: int, body: bytes | None) -> None:
    request = redirected(Request("https://example.org/", method, body=body), status, "http://example.org/")
    assert (request.url, request.body) == ("http://example.org/", None)


# ── what crosses to another origin ──


SAME_ORIGIN = ["/c", "http://example.org:80/c", "http://EXAMPLE.org/c", "//example.org"]
OTHER_ORIGINS = [
    "https://example.org/a",
    "http://example.org:8080/",
    "http://www.example.org/",
    "http://example.org./",
    "http://other.example/",
    "http://example.org@other.example/",
]
HARMLESS: Fields = (
    *(("Accept", "*/*"), ("accept-language", "de"), ("Accept-Encoding", "gzip"), ("User-Agent", "me")),
    *(("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Range", "bytes=0-9")),
)
OURS: Fields = (
    *(("Authorization", "x"), ("COOKIE", "y"), ("proxy-authorization", "z"), ("X-Api-Key", "k"), ("X-Auth-Token", "t")),
    *(("X-CSRF-Token", "c"), ("api-key", "k"), ("Referer", URL), ("Origin", "http://example.org"), ("From", "me@a.b")),
    *(("If-None-Match", '"1"'), ("Host", "example.org"), ("X-Forwarded-For", "10.0.0.1"), ("Cookie2", "$Version=1")),
)


@pytest.mark.parametrize("location", SAME_ORIGIN)
def test_header_fields_stay_within_their_origin(location: str) -> None:
    request = Request(URL, headers=(*OURS, *HARMLESS))
    assert redirected(request, 302, location).headers == request.headers


@pytest.mark.parametrize("location", OTHER_ORIGINS)
def test_harmless_header_fields_alone_go_to_another_origin(location: str) -> None:
    assert redirected(Request(URL, headers=(*OURS, *HARMLESS)), 302, location).headers == HARMLESS


@pytest.mark.parametrize("location", OTHER_ORIGINS[1:])
def test_what_describes_a_body_goes_where_it_goes(location: str) -> None:
    request = Request(URL, "POST", headers=(("Content-Type", "text/plain"), *OURS), body=b"x")
    assert redirected(request, 307, location).headers == (("Content-Type", "text/plain"),)
    assert redirected(request, 302, location).headers == ()


def test_a_chain_that_leaves_an_origin_and_comes_back_comes_back_without_them() -> None:
    there = redirected(Request(URL, headers=(*OURS, *HARMLESS)), 302, "http://other.example/")
    assert redirected(there, 302, URL).headers == HARMLESS


token = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)


@given(
    st.lists(st.tuples(token, token), max_size=5), st.sampled_from(OTHER_ORIGINS), st.sampled_from(sorted(REDIRECTS))
)
def test_no_name_that_nobody_has_heard_of_crosses(headers: list[tuple[str, str]], location: str, status: int) -> None:
    assert all(
        name in {harmless.lower() for harmless, _ in HARMLESS} or name.startswith("content-")
        for name, _ in redirected(Request(URL, headers=tuple(headers)), status, location).headers
    )


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=50), st.sampled_from(sorted(REDIRECTS)))
def test_every_location_is_a_request_for_a_url_or_an_error_of_the_server(location: str, status: int) -> None:
    try:
        request = redirected(Request(URL), status, location)
    except ProtocolError:
        return
    assert request.url.startswith(("http://", "https://"))
    assert resolve("", request.url) == request.url
    assert "@" not in request.url.split("/")[2]


def test_a_redirected_request_is_the_same_request_one_hop_further() -> None:
    request = Request(URL, label="l", priority=2, metadata={"n": 1}, depth=3, parent="p", redirects=1, attempt=2)
    expected = Request(
        "http://example.org/c", label="l", priority=2, metadata={"n": 1}, depth=3, parent="p", redirects=2, attempt=2
    )
    expected = replace(expected, hops=(("GET", URL, 302, URL),))
    assert redirected(request, 302, "/c") == expected
