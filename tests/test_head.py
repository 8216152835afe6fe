from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ProtocolError
from crawler.fetching import tolerant_parser
from crawler.fetching.tolerant_parser import TolerantParser
from crawler.http.head import end_of_head, may_be_head, repaired, status_of

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
    data = OK + lines + b"\r\n\r\n"
    try:
        once = repaired(data[: end_of_head(data)])
    except ProtocolError:
        return
    assert repaired(once) == once


@pytest.mark.parametrize(
    ("data", "end"), [(b"a\r\n\r\nb", 5), (b"a\n\nb", 3), (b"a\r\n\nb", 4), (b"a\r\nb\r\n", None), (b"", None)]
)
def test_a_head_ends_with_an_empty_line(data: bytes, end: int | None) -> None:
    assert end_of_head(data) == end


class _Refusing:
    """A parser that accepts nothing."""

    def feed_data(self, data: bytes) -> None:
        raise ValueError(data)


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n"]), max_size=12))
def test_what_was_searched_need_not_be_searched_again(parts: list[bytes]) -> None:
    data = b"".join(parts)
    found = next(
        (end for size in range(len(data) + 1) if (end := end_of_head(data[:size], size - 1)) is not None), None
    )
    assert found == end_of_head(data)


def test_a_head_is_searched_once_however_many_packets_it_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def counted(data: bytes, before: int = 0) -> int | None:
        searched.append(len(data) - before)
        return end_of_head(data, before)

    monkeypatch.setattr(tolerant_parser, "end_of_head", counted)
    parser = TolerantParser(_Refusing(), _Refusing, lambda: None)  # type: ignore[arg-type]
    for byte in OK + b"no colon\r\n" * 100:
        parser.feed_data(bytes([byte]))
    assert sum(searched) == len(OK + b"no colon\r\n" * 100)


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
