from __future__ import annotations

import pytest

from crawler.errors import BodyTooLargeError, DecodingError
from crawler.fetching.decoding import decoder_for
from crawler.policy.bodies import Bodies
from tests.conformance import data

pytestmark = pytest.mark.conformance

PAGES = [
    ("html-br.bin", "br"),
    ("html-gzip.bin", "gzip"),
    ("html-gzip-deflate.bin", "gzip, deflate"),
    ("html-rawdeflate.bin", "deflate"),
    ("html-zlibdeflate.bin", "deflate"),
    ("html-zstd-static-content-size.bin", "zstd"),
    ("html-zstd-static-no-content-size.bin", "zstd"),
    ("html-zstd-streaming-no-content-size.bin", "zstd"),
]
BOMBS = [("bomb-br.bin", "br"), ("bomb-deflate.bin", "deflate"), ("bomb-gzip.bin", "gzip"), ("bomb-zstd.bin", "zstd")]
CUT = ["truncated-crc-error-short.gz", "truncated-crc-error.gz"]


def sample(name: str) -> bytes:
    return (data("compressed") / name).read_bytes()


def decoded(body: bytes, codings: str, bodies: Bodies | None = None) -> bytes:
    decoder = decoder_for(codings, bodies or Bodies())
    page = b"".join(decoder.feed(body))
    decoder.end()
    return page


@pytest.mark.parametrize(("name", "codings"), PAGES)
def test_a_compressed_page_is_html(name: str, codings: str) -> None:
    page = decoded(sample(name), codings)
    assert page.startswith(b"<!DOCTYPE HTML>\n<html>\n<head>\n")
    assert page.rstrip().endswith(b"</html>")


def test_three_codings_are_refused_and_lead_to_html_one_by_one() -> None:
    body = sample("html-gzip-deflate-gzip.bin")
    with pytest.raises(DecodingError, match="at most 2"):
        decoded(body, "gzip, deflate, gzip")
    assert decoded(decoded(body, "gzip"), "gzip, deflate") == decoded(sample("html-gzip.bin"), "gzip")


@pytest.mark.parametrize("bodies", [Bodies(), Bodies(max_ratio=None)], ids=["ratio", "size"])
@pytest.mark.parametrize(("name", "coding"), BOMBS)
def test_a_bomb_is_refused(name: str, coding: str, bodies: Bodies) -> None:
    pieces: list[bytes] = []
    with pytest.raises(BodyTooLargeError):
        pieces.extend(decoder_for(coding, bodies).feed(sample(name)))
    assert max(map(len, pieces)) < 100_000
    assert sum(map(len, pieces)) <= bodies.max_bytes


@pytest.mark.parametrize("name", CUT)
def test_a_cut_body_is_an_error(name: str) -> None:
    with pytest.raises(DecodingError, match="ends too early"):
        decoded(sample(name), "gzip")


def test_nothing_is_lost_where_only_the_checksum_is() -> None:
    pieces = decoder_for("gzip", Bodies()).feed(sample("unexpected-eof.gz"))
    assert b"".join(pieces).decode("latin-1") == sample("unexpected-eof-output.txt").decode()


def test_every_sample_is_used() -> None:
    named = {name for name, _ in PAGES + BOMBS} | {
        *CUT,
        "unexpected-eof.gz",
        "html-gzip-deflate-gzip.bin",
        "unexpected-eof-output.txt",
    }
    assert {path.name for path in data("compressed").iterdir()} == named
