from __future__ import annotations

import pytest

from crawler.errors import ProtocolError
from crawler.models import Request
from crawler.policy.redirect import REDIRECTS, redirected

URL = "http://example.org/a/b"
SECRETS = (("Authorization", "x"), ("COOKIE", "y"), ("proxy-authorization", "z"))
LANGUAGE = ("Accept-Language", "de")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("c", "http://example.org/a/c"),
        ("/c#x", "http://example.org/c"),
        ("//other.example", "http://other.example/"),
        ("https://example.org/", "https://example.org/"),
        (" ?q=a b ", "http://example.org/a/b?q=a%20b"),
        ("/caf\u00e9", "http://example.org/caf%C3%A9"),
    ],
)
def test_the_location_is_resolved_against_what_was_asked_for(location: str, expected: str) -> None:
    assert redirected(Request(URL), 301, location).url == expected


@pytest.mark.parametrize("location", ["mailto:a@b.example", "http://[", "javascript:1", "file:///etc", "/caf\udce9"])
def test_a_location_that_cannot_be_fetched_is_an_error_of_the_server(location: str) -> None:
    with pytest.raises(ProtocolError, match="redirects to"):
        redirected(Request(URL), 301, location)


# https://fetch.spec.whatwg.org/#http-redirect-fetch, step 12
@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        *((status, "GET", "GET") for status in sorted(REDIRECTS)),
        *((status, "HEAD", "HEAD") for status in sorted(REDIRECTS)),
        *((301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (307, "POST", "POST")),
        *((308, "POST", "POST"), (301, "PUT", "PUT"), (302, "DELETE", "DELETE"), (303, "PUT", "GET")),
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


@pytest.mark.parametrize("location", ["/c", "http://example.org:80/c", "http://EXAMPLE.org/c"])
def test_credentials_stay_within_their_origin(location: str) -> None:
    request = Request(URL, headers=(*SECRETS, LANGUAGE))
    assert redirected(request, 302, location).headers == request.headers


@pytest.mark.parametrize(
    "location",
    ["https://example.org/a", "http://example.org:8080/", "http://www.example.org/", "http://other.example/"],
)
def test_credentials_go_to_no_other_origin(location: str) -> None:
    assert redirected(Request(URL, headers=(*SECRETS, LANGUAGE)), 302, location).headers == (LANGUAGE,)


def test_the_hop_is_counted_and_everything_else_is_kept() -> None:
    request = Request(URL, label="l", priority=2, metadata={"n": 1}, depth=3, parent="p", redirects=1, attempt=2)
    expected = Request(
        "http://example.org/c", label="l", priority=2, metadata={"n": 1}, depth=3, parent=URL, redirects=2, attempt=0
    )
    assert redirected(request, 302, "/c") == expected
