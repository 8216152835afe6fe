from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ProtocolError
from crawler.http.head import may_be_head, repaired, split_head, status_of

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"A: b\r\n", b"A: b\r\n"),
        (b"A: b\nC: d\n", b"A: b\r\nC: d\r\n"),
        (b"what is this\r\nA: b\r\n", b"A: b\r\n"),
        (b"A : b\r\n", b"A: b\r\n"),
        (b": b\r\nA: b\r\n", b"A: b\r\n"),
        (b"A B: c\r\nA: b\r\n", b"A: b\r\n"),
        (b"\xff: c\r\nA: b\r\n", b"A: b\r\n"),
        (b"A: b\rX: c\r\nD: e\r\n", b"D: e\r\n"),
        (b"A: b\r\n  c\r\n\td\r\n", b"A: b c d\r\n"),
        (b"  lost\r\nA: b\r\n", b"A: b\r\n"),
        (b"A:\r\n", b"A: \r\n"),
        (b"A: b\r\nA: b\r\n", b"A: b\r\nA: b\r\n"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\n"),
        (b"content-length: 5, 5\r\n", b"Content-Length: 5\r\n"),
        (b"Content-Length : 5\r\n", b"Content-Length: 5\r\n"),
    ],
)
def test_a_head_is_repaired_as_browsers_read_it(lines: bytes, expected: bytes) -> None:
    assert repaired(OK + lines + b"\r\n") == OK + expected + b"\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: five\r\n",
        b"Content-Length: \r\n",
        b"Content-Length 5\r\n",
        b"Content-Length\x01: 5\r\n",
        b"A: b\rContent-Length: 5\r\n",
        b"A: b\rTransfer-Encoding: chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"A: b\0c\r\n",
    ],
)
def test_what_is_dangerous_is_an_error(lines: bytes) -> None:
    with pytest.raises(ProtocolError):
        repaired(OK + lines + b"\r\n")


@given(st.binary())
def test_a_repaired_head_needs_no_repair(lines: bytes) -> None:
    head, _ = split_head(OK + lines + b"\r\n\r\n") or (b"", b"")
    try:
        once = repaired(head)
    except ProtocolError:
        return
    assert repaired(once) == once


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"a\r\n\r\nb", (b"a\r\n\r\n", b"b")),
        (b"a\n\nb", (b"a\n\n", b"b")),
        (b"a\r\n\nb", (b"a\r\n\n", b"b")),
        (b"a\r\nb\r\n", None),
        (b"", None),
    ],
)
def test_a_head_ends_with_an_empty_line(data: bytes, parts: tuple[bytes, bytes] | None) -> None:
    assert split_head(data) == parts


@pytest.mark.parametrize(
    ("head", "status"), [(OK, 200), (b"HTTP/1.0 404\r\n", 404), (b"HTTP/1.1  100 Continue", 100), (b"HTTP/1.1 20", 0)]
)
def test_a_head_begins_with_a_status(head: bytes, status: int) -> None:
    assert status_of(head) == status


@pytest.mark.parametrize(
    ("data", "may_be"), [(b"", True), (b"HT", True), (OK, True), (b"SSH-2.0", False), (b"<html>", False)]
)
def test_other_protocols_have_no_head(data: bytes, may_be: bool) -> None:
    assert may_be_head(data) is may_be
