from __future__ import annotations

import pickle
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError, InvalidURLError
from crawler.policy.access import Access, Basic, Bearer, Cookies, userinfo_of
from crawler.url import origin_of, resolve, without_userinfo

ORIGIN = "https://example.org"


# ── credentials ──


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 §2
        ("test", "123\u00a3", "Basic dGVzdDoxMjPCow=="),  # RFC 7617 §2.1
        ("key", "", "Basic a2V5Og=="),
        ("", "", "Basic Og=="),
        ("a", "b:c", "Basic YTpiOmM="),
        ("a", "cafe\u0301", "Basic YTpjYWbDqQ=="),  # two characters that are one letter become one
    ],
)
def test_basic_is_sent_as_the_standard_says_in_utf_8(user: str, password: str, expected: str) -> None:
    assert Basic(user, password).authorization == expected


@pytest.mark.parametrize(
    ("user", "password", "culprit"),
    [
        *(("hush:hush", "", "user"), ("hush\n", "", "user"), (None, "hush", "user"), (b"hush", "", "user")),
        *(("a", password, "password") for password in ("hush\0", "hush\x85", "hush\udce9", None, b"hush")),
    ],
)
def test_basic_that_cannot_be_sent_is_refused_and_not_shown(user: Any, password: Any, culprit: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the {culprit} of Basic") as caught:
        Basic(user, password)
    assert "hush" not in str(caught.value)


def test_bearer_is_sent_as_it_is() -> None:
    assert Bearer("mF_9.B5f-4.1JqM").authorization == "Bearer mF_9.B5f-4.1JqM"  # RFC 6750 §2.1


@pytest.mark.parametrize("token", ["", "hush\n", "hush hush", "hush\r\nX: 1", "h\u00fcsh", None, b"hush"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token: Any) -> None:
    with pytest.raises(ConfigurationError, match="the token of Bearer") as caught:
        Bearer(token)
    assert "hush" not in str(caught.value)


@given(st.text(), st.text())
def test_whatever_basic_takes_a_server_can_read(user: str, password: str) -> None:
    try:
        basic = Basic(user, password)
    except ConfigurationError:
        return
    name, colon, secret = b64decode(basic.authorization.removeprefix("Basic ")).decode().partition(":")
    assert colon
    assert Basic(name, secret).authorization == basic.authorization


# ── by origin ──

ACCESS = Access(
    credentials={"https://Example.org:443/": Basic("me", "hush"), "http://localhost:8000": Bearer("hush")},
    headers={ORIGIN: {"X-Api-Key": "hush"}, "https://api.example.org": {"X-Api-Key": "hush2", "X-B": "b"}},
)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://example.org/", ["Authorization", "X-Api-Key"]),
        ("https://example.org/a/b?c=d", ["Authorization", "X-Api-Key"]),
        ("http://localhost:8000/", ["Authorization"]),
        ("https://api.example.org/v1", ["X-Api-Key", "X-B"]),
        ("http://example.org/", []),
        ("https://example.org:8443/", []),
        ("https://www.example.org/", []),
        ("https://example.org.evil.example/", []),
        ("https://example.org@evil.example/", []),
        ("https://evil.example/https://example.org/", []),
        ("http://localhost/", []),
        ("http://127.0.0.1:8000/", []),
    ],
)
def test_fields_go_to_their_origin_and_nowhere_else(url: str, names: list[str]) -> None:
    assert [name for name, _ in ACCESS.fields_for(url)] == names


def test_the_fields_are_those_that_were_given() -> None:
    assert ACCESS.fields_for("https://example.org/") == (
        ("Authorization", Basic("me", "hush").authorization),
        ("X-Api-Key", "hush"),
    )
    assert ACCESS.fields_for("http://localhost:8000/") == (("Authorization", "Bearer hush"),)


def test_origins_are_kept_in_one_form() -> None:
    access = Access({"HTTPS://Example.org:443/": Bearer("x")}, {"https://Example.org": {"X-A": "1"}})
    assert (list(access.credentials), list(access.headers)) == ([ORIGIN], [ORIGIN])


def test_without_options_nothing_is_sent_and_no_cookies_are_kept() -> None:
    assert Access().fields_for("not even a URL") == ()
    assert Access().cookies is None


@pytest.mark.parametrize(
    "origin",
    [
        *("", "example.org", "//example.org", "ftp://example.org", "https://", "https://exa mple.org", "mailto:a@b"),
        *("https://example.org/path", "https://example.org/?q", "https://example.org?", "https://example.org#"),
        *("https://example.org/#a", "https://me:hush@example.org", "https://me:hu/sh@example.org", "*", None, 1, b"x"),
    ],
)
@pytest.mark.parametrize("option", ["credentials", "headers"])
def test_what_is_no_origin_is_refused_without_its_secrets(option: str, origin: Any) -> None:
    given: dict[str, Any] = {option: {origin: {"credentials": Bearer("hush"), "headers": {"X-A": "hush"}}[option]}}
    with pytest.raises(ConfigurationError, match=rf"^{option}=.*origins such as") as caught:
        Access(**given)
    assert "hu" not in str(caught.value)


@pytest.mark.parametrize("origin", [" https://example.org ", "HTTPS://EXAMPLE.ORG", "https://b\u00fccher.example:443"])
def test_an_origin_may_be_written_in_any_way(origin: str) -> None:
    url = resolve("", origin)
    assert Access({origin: Bearer("x")}).fields_for(url) == (("Authorization", "Bearer x"),)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"credentials": {ORIGIN: Bearer("hush"), "https://EXAMPLE.org/": Bearer("hush")}}, "twice"),
        ({"headers": {ORIGIN: {"X": "hush"}, "https://EXAMPLE.org/": {}}}, "twice"),
        ({"headers": {ORIGIN: {"X-A": "hush", "x-a": "hush"}}}, "twice"),
        ({"credentials": {ORIGIN: ("me", "hush")}}, r"expected Basic\(user, password\) or Bearer"),
        ({"credentials": {ORIGIN: "hush"}}, "Basic"),
        ({"credentials": {ORIGIN: None}}, "Basic"),
        ({"credentials": Basic("me", "hush")}, "mapping"),
        ({"credentials": ["hush"]}, "mapping"),
        ({"headers": {"X-Api-Key": "hush"}}, "origins such as"),
        ({"headers": {ORIGIN: "hush"}}, "mapping"),
        ({"headers": {ORIGIN: {"X-Key": "hush\n"}}}, "X-Key"),
        ({"headers": {ORIGIN: {"X-Key": None}}}, "X-Key"),
        ({"headers": {ORIGIN: {"Host": "hush"}}}, "Host"),
        ({"headers": {ORIGIN: {"Proxy-Authorization": "hush"}}}, "proxy"),
        ({"credentials": {ORIGIN: Bearer("x")}, "headers": {ORIGIN: {"authorization": "hush"}}}, "keep one"),
        ({"cookies": True}, r"Cookies\(\)"),
        ({"cookies": "sid=hush"}, r"Cookies\(\)"),
        ({"cookies": Cookies}, r"Cookies\(\)"),
    ],
)
def test_what_makes_no_sense_is_refused_without_its_secrets(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Access(**options)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("file", ["", 1, b"x", True])
def test_a_file_of_cookies_is_a_path(file: Any) -> None:
    with pytest.raises(ConfigurationError, match="file of cookies"):
        Cookies(file)


@pytest.mark.parametrize("file", [None, "cookies.json", Path("cookies.json")])
def test_a_path_is_a_file_of_cookies(file: str | Path | None) -> None:
    assert Access(cookies=Cookies(file)).cookies == Cookies(file)


def test_secrets_are_shown_nowhere() -> None:
    shown = f"{ACCESS!r}{ACCESS}{[*ACCESS.credentials.values()]!r}{Basic('me', 'hush')!r}{Bearer('hush')}"
    assert "hush" not in shown
    assert "'me'" in repr(ACCESS)
    assert "X-Api-Key" in repr(ACCESS)


def test_it_survives_pickling_and_copies_of_its_mappings() -> None:
    given = {ORIGIN: Bearer("x")}
    access = Access(given)
    given.clear()
    again = pickle.loads(pickle.dumps(access))  # noqa: S301  # our own
    assert again == access
    assert again.fields_for(f"{ORIGIN}/") == (("Authorization", "Bearer x"),)


# ── names and passwords in URLs ──


@pytest.mark.parametrize(
    ("url", "expected", "without"),
    [
        ("https://example.org/", None, "https://example.org/"),
        ("https://me:hush@example.org:8443/a@b?c@d", Basic("me", "hush"), "https://example.org:8443/a@b?c@d"),
        ("https://me@example.org/", Basic("me"), "https://example.org/"),
        ("https://:hush@example.org/", Basic("", "hush"), "https://example.org/"),
        ("https://@example.org/", None, "https://example.org/"),
        ("https://a%40b:c%3Ad%2Fe@example.org/", Basic("a@b", "c:d/e"), "https://example.org/"),
        ("https://\u00e4:\u00f6@example.org/", Basic("\u00e4", "\u00f6"), "https://example.org/"),
        ("https://a@b@example.org/", Basic("a@b"), "https://example.org/"),
        ("http://me:hush@[::1]:8000/", Basic("me", "hush"), "http://[::1]:8000/"),
        ("https://example.org/me:hush@there", None, "https://example.org/me:hush@there"),
        ("https://example.org/?q=//me:hush@there", None, "https://example.org/?q=//me:hush@there"),
    ],
)
def test_name_and_password_are_taken_out_of_a_url(url: str, expected: Basic | None, without: str) -> None:
    normalised = resolve("", url)
    assert userinfo_of(normalised) == expected
    assert without_userinfo(normalised) == without


def test_those_of_seeds_count_for_their_origins() -> None:
    access = Access(headers={ORIGIN: {"X-A": "1"}}).with_userinfo_of(
        ["https://me:hush@example.org/a", "https://example.org/b", "https://you:hush@other.org:8443/", "https://b.org/"]
    )
    assert access.fields_for("https://example.org/c") == (
        ("Authorization", Basic("me", "hush").authorization),
        ("X-A", "1"),
    )
    assert access.fields_for("https://other.org:8443/") == (("Authorization", Basic("you", "hush").authorization),)
    assert access.fields_for("https://b.org/") == ()


def test_without_any_in_the_seeds_it_is_the_same_access() -> None:
    access = Access({ORIGIN: Bearer("x")})
    assert access.with_userinfo_of(["https://example.org/", "https://b.org/"]) is access
    assert access.with_userinfo_of([]) is access


def test_the_same_ones_twice_are_the_same() -> None:
    urls = ["https://me:hush@example.org/a", "https://me:hush@example.org/b"]
    access = Access({ORIGIN: Basic("me", "hush")}).with_userinfo_of(urls)
    assert dict(access.credentials) == {ORIGIN: Basic("me", "hush")}


@pytest.mark.parametrize(
    "access",
    [
        Access({ORIGIN: Basic("me", "other")}),
        Access({"https://EXAMPLE.org:443": Basic("me", "other")}),
        Access(headers={ORIGIN: {"Authorization": "other"}}),
    ],
)
def test_two_different_ones_for_an_origin_are_refused_without_showing_them(access: Access) -> None:
    with pytest.raises(ConfigurationError, match=ORIGIN) as caught:
        access.with_userinfo_of(["https://me:hush@example.org/"])
    assert "hush" not in str(caught.value)
    assert "other" not in str(caught.value)


def test_those_that_cannot_be_sent_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Basic"):
        Access().with_userinfo_of(["https://a%3Ab:hush@example.org/"])


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_url_keeps_a_password(user: str, rest: str) -> None:
    try:
        url = resolve("", f"https://{user}:hush@{rest}")
    except InvalidURLError:
        return
    without = without_userinfo(url)
    assert origin_of(without) == origin_of(url)
    assert without_userinfo(without) == without
    assert resolve("", without) == without
    assert without.removeprefix(origin_of(url)) == url.partition("//")[2].partition("/")[1] + url.split("/", 3)[3]
