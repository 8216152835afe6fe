from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.set_cookie import parsed

NOW = 1_767_323_045.0  # 2 January 2026
DAY = 86_400
LONGEST_AGE = 34_560_000  # seconds; 400 days


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("a=1", "a", "1"),
        (" a = 1 ; x", "a", "1"),
        ("\ta\t=\t1\t", "a", "1"),
        ("a=1=2", "a", "1=2"),
        ("a==", "a", "="),
        ("a=", "a", ""),
        ("=1", "", "1"),
        ("=a=1", "", "a=1"),
        ("1", "", "1"),
        ('a="1; 2"', "a", '"1'),  # quotes mean nothing
        ('a="1"', "a", '"1"'),
        ("a=1, b=2", "a", "1, b=2"),
        ("a=b c\td", "a", "b c\td"),
        ("ä=ö", "ä", "ö"),
        ("a=\u00a01", "a", "\u00a01"),  # a space of Unicode's is no white space of HTTP's
        ("a=%41", "a", "%41"),
    ],
)
def test_name_and_value_end_at_the_first_equals_and_semicolon(text: str, name: str, value: str) -> None:
    cookie = parsed(text, NOW)
    assert cookie is not None
    assert (cookie.name, cookie.value) == (name, value)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "=", " = ", ";", "; a=1", "\t"),
        *(f"a=1{chr(code)}2" for code in (0, 1, 8, 10, 13, 31, 127)),
        *("a\0=1", "a=1; Path=/\0", "a=1\r\nX: 1"),
        "a=" + "x" * 4096,
        "x" * 4096 + "=1",
        "a=" + "ö" * 2048,  # 4,097 bytes
        "a=caf\udce9",  # a byte that is no UTF-8
    ],
)
def test_a_field_that_cannot_be_kept_is_ignored(text: str) -> None:
    assert parsed(text, NOW) is None


@pytest.mark.parametrize("text", ["a=" + "x" * 4095, "x" * 4095 + "=1", "x" * 4096, "ab=" + "ö" * 2047])
def test_name_and_value_may_have_4096_bytes_together(text: str) -> None:
    assert parsed(text, NOW) is not None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", {"domain": "", "path": "", "is_secure": False, "same_site": "", "expires": math.inf}),
        ("; secure; HTTPONLY ;sAmEsItE = LaX", {"is_secure": True, "same_site": "lax"}),
        ("; Secure=no", {"is_secure": True}),
        ("; Secure qux; 'Secure'", {"is_secure": False}),
        ("; Domain=Example.ORG", {"domain": "example.org"}),
        ("; Domain=.example.org", {"domain": "example.org"}),
        ("; Domain=..example.org", {"domain": ".example.org"}),  # which is nobody's
        ("; Domain=a.example; Domain=b.example", {"domain": "b.example"}),
        ("; Domain=a.example; Domain=" + "x" * 1025, {"domain": "a.example"}),
        ("; Domain=a.example; Domain=", {"domain": ""}),
        ("; Path=/a; Path=/b", {"path": "/b"}),
        ("; Path=/a; Path=b", {"path": ""}),
        ("; Path=/" + "x" * 1024, {"path": ""}),
        (';=;;; "Path=/a', {"path": ""}),
    ],
)
def test_the_last_attribute_of_a_kind_counts_and_unknown_ones_do_not(attributes: str, expected: dict[str, Any]) -> None:
    cookie = parsed(f"a=1{attributes}", NOW)
    assert {name: getattr(cookie, name) for name in expected} == expected


@pytest.mark.parametrize(("before", "expected"), [(0, True), (11, True), (12, False), (4000, False)])
@pytest.mark.parametrize("attribute", [";", ";x=y", "; Expires=1 2 3"])
def test_of_thousands_of_attributes_twelve_are_read(attribute: str, before: int, expected: bool) -> None:
    cookie = parsed("a=1" + attribute * before + "; Secure", NOW)
    assert cookie is not None
    assert cookie.is_secure is expected


@pytest.mark.parametrize(
    ("attributes", "expires"),
    [
        ("Max-Age=60", NOW + 60),
        ("Max-Age=1", NOW + 1),
        ("Max-Age=0", -math.inf),
        ("Max-Age=000000000000", -math.inf),
        ("Max-Age=-60", -math.inf),
        ("Max-Age=00000000000060", NOW + 60),
        ("Max-Age=34560001", NOW + LONGEST_AGE),
        ("Max-Age=99999999999", NOW + LONGEST_AGE),
        ("Max-Age=" + "9" * 1024, NOW + LONGEST_AGE),
        ("Max-Age=-" + "9" * 1023, -math.inf),
        *((f"Max-Age={garbage}", math.inf) for garbage in ("", "+60", "6e1", "60 s", "60.0", "--60", "\u0666", "inf")),
        ("Expires=Sat, 03 Jan 2026 03:04:05 GMT", NOW + DAY),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", NOW + LONGEST_AGE),
        ("Expires=never", math.inf),
        ("Expires=Sat, 03 Jan 2026 03:04:05 GMT; Expires=never", NOW + DAY),
        ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NOW + 60),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", NOW + 60),
        ("Max-Age=60; Max-Age=90", NOW + 90),
        ("Max-Age=60; Max-Age=never", NOW + 60),
    ],
)
def test_its_end_is_by_max_age_or_else_expires_and_400_days_away_at_most(attributes: str, expires: float) -> None:
    cookie = parsed(f"a=1; {attributes}", NOW)
    assert cookie is not None
    assert cookie.expires == expires


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_no_field_breaks_it(text: str) -> None:
    cookie = parsed(text, NOW)
    if cookie is not None:
        assert cookie.name or cookie.value
        assert not {"\r", "\n", "\0", ";"} & set(cookie.name + cookie.value + cookie.path)
        assert cookie.expires == math.inf or cookie.expires <= NOW + LONGEST_AGE


def test_values_are_not_shown() -> None:
    assert "hush" not in repr(parsed("sid=hush", NOW))
