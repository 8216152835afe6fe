from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import InvalidRequestError
from crawler.http.sendable import check_sendable
from crawler.models import Request

URL = "http://example.org/"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PROPFIND", "get", "X-1"])
@pytest.mark.parametrize("headers", [(), (("X-A", "1"), ("x-a", "")), (("X", "caf\u00e9 \t \u65e5"),)])
def test_what_http_allows_is_sendable(method: str, headers: tuple[tuple[str, str], ...]) -> None:
    check_sendable(Request(URL, method, headers=headers))


@pytest.mark.parametrize("method", ["", "GET ", "GET / HTTP/1.1\r\nX:", "G\u00cbT", "GE\0T", "CONNECT", "connect"])
def test_what_is_no_method_or_one_for_proxies_is_refused_by_name(method: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^method="):
        check_sendable(Request(URL, method))


@pytest.mark.parametrize("name", ["", " X", "X ", "X:", "X\n", "X\0", "\u00dc", "X Y"])
def test_what_is_no_name_of_a_field_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^header "):
        check_sendable(Request(URL, headers=((name, "1"),)))


@pytest.mark.parametrize("value", ["secret\r\nY: 1", "secret\n", "secret\r", "secret\0", "secret\x7f", "secret\udce9"])
def test_a_value_that_would_end_its_field_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^the value of header 'X-A'") as caught:
        check_sendable(Request(URL, headers=(("X-A", value),)))
    assert "secret" not in str(caught.value)


@given(st.text())
def test_what_is_sendable_stays_on_its_line(text: str) -> None:
    for request in (Request(URL, text), Request(URL, headers=((text, ""),)), Request(URL, headers=(("X", text),))):
        try:
            check_sendable(request)
        except InvalidRequestError:
            continue
        assert not set(text) & {"\r", "\n", "\0"}
        text.encode()
