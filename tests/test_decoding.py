from __future__ import annotations

import contextlib
import gzip
import random
import sys
import zlib
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]  # it has no stubs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import BodyTooLargeError, DecodingError
from crawler.fetching.decoding import decoder_for
from crawler.policy.bodies import RATIO_FLOOR, Bodies

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 100_000  # bytes, and a few more than any piece has
PAGE = b"<!doctype html>" + b"".join(b'<p id="%d">%d</p>\n' % (n, n * n) for n in range(4000))
NOISE = random.Random(1).randbytes(100_000)
ANY_SIZE = Bodies(max_bytes=2**40, max_ratio=None)

Compress = Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def checked_zstd(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


CODINGS: list[tuple[str, Compress]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstd.compress),
    ("zstd", checked_zstd),
]
each_coding = pytest.mark.parametrize(
    ("coding", "compress"), CODINGS, ids=["gzip", "x-gzip", "zlib", "raw", "br", "zstd", "checked-zstd"]
)
compressed_bodies = st.tuples(st.sampled_from(CODINGS), st.binary(max_size=3000) | st.just(PAGE) | st.just(NOISE))


def pieces_of(coding: str, data: bytes, bodies: Bodies | None = None, cut: int = 2**18) -> Iterator[bytes]:
    """Decode ``data``, which arrive in packets of ``cut`` bytes."""
    decoder = decoder_for(coding, bodies or Bodies())
    for start in range(0, len(data), cut):
        yield from decoder.feed(data[start : start + cut])
    decoder.end()


def decode(coding: str, data: bytes, bodies: Bodies | None = None, cut: int = 2**18) -> bytes:
    return b"".join(pieces_of(coding, data, bodies, cut))


# ── what comes out is what went in ──


@given(inner=compressed_bodies, outer=st.sampled_from([("", bytes), ("identity", bytes), *CODINGS]), cut=st.integers(1))
def test_what_was_compressed_once_or_twice_comes_back_however_it_is_cut(
    inner: tuple[tuple[str, Compress], bytes], outer: tuple[str, Compress], cut: int
) -> None:
    (coding, compress), body = inner
    data = outer[1](compress(body))
    assert decode(f"{coding}, {outer[0]}", data, cut=max(cut, len(data) // 500)) == body


@pytest.mark.parametrize("coding", ["GZIP", " gzip\t", ",gzip,", "identity, Gzip", "x-gzip"])
def test_names_are_in_any_case_and_identity_is_none(coding: str) -> None:
    assert decode(coding, gzip.compress(PAGE)) == PAGE


@pytest.mark.parametrize("coding", ["", "identity", " , "])
def test_what_is_not_encoded_stays_as_it_is(coding: str) -> None:
    assert decode(coding, PAGE, cut=1000) == PAGE


@each_coding
def test_an_empty_body_is_an_empty_body(coding: str, compress: Compress) -> None:
    assert decode(coding, b"") == b""
    assert decode(coding, compress(b"")) == b""
    assert decode(f"{coding}, {coding}", compress(b"")) == b""


@pytest.mark.parametrize("cut", [1, 7, 2**18])
@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress), ("zstd", checked_zstd)]
)
def test_members_and_frames_that_follow_each_other_are_one_body(coding: str, compress: Compress, cut: int) -> None:
    data = compress(PAGE) + compress(b"") + compress(NOISE) + compress(b"end")
    assert decode(coding, data, cut=cut) == PAGE + NOISE + b"end"


@pytest.mark.parametrize("cut", [1, 2**18])
def test_zstd_frames_of_metadata_are_skipped(cut: int) -> None:
    skippable = b"\x5a\x2a\x4d\x18\x04\0\0\0note"
    assert decode("zstd", skippable + zstd.compress(PAGE) + skippable, cut=cut) == PAGE


def test_raw_deflate_whose_first_byte_is_that_of_zlib_is_told_by_the_second() -> None:
    stored = b"\x08\x05\x00\xfa\xffhello"  # RFC 1951 §3.2.4: the upper bits of the first byte are skipped
    assert decode("deflate", stored + raw_deflate(b" world")) == b"hello world"


# ── what is cut, damaged, or not what it is said to be ──


@each_coding
def test_a_body_that_is_cut_anywhere_is_an_error(coding: str, compress: Compress) -> None:
    data = compress(PAGE[:500])
    whole = len(data) - 8 if coding.endswith("gzip") else len(data)  # what comes last is a checksum
    for length in range(1, whole):
        with pytest.raises(DecodingError, match="too early"):
            decode(coding, data[:length])


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_second_member_that_is_cut_is_an_error(coding: str, compress: Compress) -> None:
    with pytest.raises(DecodingError, match="too early"):
        decode(coding, compress(PAGE) + compress(PAGE)[:-9])


def test_both_layers_must_be_complete() -> None:
    inner = gzip.compress(PAGE)
    for data in (gzip.compress(inner[:-9]), gzip.compress(inner)[:-9]):
        with pytest.raises(DecodingError, match="too early"):
            decode("gzip, gzip", data)


@pytest.mark.parametrize(
    ("coding", "compress", "place"),
    [
        ("deflate", zlib.compress, -1),
        ("zstd", checked_zstd, -1),
    ],
    ids=["adler", "xxhash"],
)
def test_a_wrong_checksum_is_an_error(coding: str, compress: Compress, place: int) -> None:
    data = bytearray(compress(PAGE))
    data[place] ^= 1
    with pytest.raises(DecodingError, match="damaged"):
        decode(coding, bytes(data))


@pytest.mark.parametrize("cut", [1, 5, 2**18])
@pytest.mark.parametrize("missing", range(9))
def test_gzip_without_its_checksum_is_whole_as_in_browsers(missing: int, cut: int) -> None:
    data = gzip.compress(PAGE)
    assert decode("gzip", data[: len(data) - missing], cut=cut) == PAGE
    assert decode("gzip", data[: len(data) - 8] + bytes(8 - missing), cut=cut) == PAGE


@pytest.mark.parametrize("cut", [1, 7, 2**18])
@pytest.mark.parametrize(
    "head",
    [
        b"\x1f\x8b\x08\x00" + bytes(6),
        b"\x1f\x8b\x08\x08" + bytes(6) + b"page.html\0",
        b"\x1f\x8b\x08\x10" + bytes(6) + b"a comment\0",
        b"\x1f\x8b\x08\x04" + bytes(6) + b"\x05\x00extra",
        b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x01\x00xname\0comment\0\1\2",
    ],
    ids=["plain", "name", "comment", "extra", "all"],
)
def test_the_head_of_gzip_has_optional_fields(head: bytes, cut: int) -> None:
    assert decode("gzip", head + raw_deflate(PAGE) + bytes(8), cut=cut) == PAGE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "br, gzip"])
@pytest.mark.parametrize("cut", [1, 2**18])
@pytest.mark.parametrize("body", [PAGE, b"  \n" + PAGE, NOISE, b"{}", b"\xef\xbb\xbf<p>"], ids=repr)
def test_a_body_that_is_not_compressed_as_it_says_is_an_error_and_no_page(coding: str, body: bytes, cut: int) -> None:
    with pytest.raises(DecodingError):
        decode(coding, body, cut=cut)


@pytest.mark.parametrize("cut", [1, 2**18])
@pytest.mark.parametrize(
    "rest", [b"\0", b"\0" * 511, b"<!-- cached -->", b"\x1f", b"\x1f\x8b\x07rest", b"\x28\xb5\x2f", b"`*M\x18"]
)
@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)
def test_what_follows_a_complete_body_is_dropped(coding: str, compress: Compress, rest: bytes, cut: int) -> None:
    assert decode(coding, compress(PAGE) + rest, cut=cut) == PAGE


def test_what_was_dropped_is_over_also_when_it_goes_on_like_a_member() -> None:
    decoder = decoder_for("gzip", Bodies())
    parts = (gzip.compress(PAGE) + b"<!-- cached -->", gzip.compress(b"<script>"))
    assert b"".join(piece for part in parts for piece in decoder.feed(part)) == PAGE
    decoder.end()


@pytest.mark.parametrize("cut", [1, 2**18])
@pytest.mark.parametrize("rest", [b"\0", brotli.compress(PAGE)], ids=["zero", "page"])
def test_what_follows_br_is_an_error(rest: bytes, cut: int) -> None:
    with pytest.raises(DecodingError):
        decode("br", brotli.compress(PAGE) + rest, cut=cut)


NO_CODINGS = [
    "none",
    "utf-8",
    "aws-chunked",
    "text/html",
    "binary",
    "gzi\u1e57",
    "zip",
    "x" * 9000,
    "none, utf-8, 7bit",
]


@pytest.mark.parametrize("cut", [1, 2**18])
@pytest.mark.parametrize("coding", NO_CODINGS)
def test_what_is_no_coding_leaves_the_bytes_as_they_are(coding: str, cut: int) -> None:
    for body in (PAGE, b"", b"a", gzip.compress(PAGE)):
        assert decode(coding, body, cut=cut) == body


@pytest.mark.parametrize("cut", [1, 2**18])
@pytest.mark.parametrize("coding", ["aws-chunked, gzip", "gzip, none", "utf-8,gzip", "identity, none, gzip"])
def test_a_coding_beside_what_is_none_is_decoded_where_the_body_begins_so(coding: str, cut: int) -> None:
    assert decode(coding, gzip.compress(PAGE), cut=cut) == PAGE
    for body in (PAGE, b"a", b""):
        assert decode(coding, body, cut=cut) == body


@pytest.mark.parametrize("coding", ["identity, gzip", "gzip, identity", "IDENTITY,GZIP"])
def test_identity_is_no_coding_beside_another(coding: str) -> None:
    assert decode(coding, gzip.compress(PAGE)) == PAGE


@pytest.mark.parametrize("coding", ["compress", "gzip, sdch", "dcb", "none, dcz"])
def test_a_coding_that_exists_and_is_not_decoded_is_an_error_that_names_it(coding: str) -> None:
    with pytest.raises(DecodingError) as caught:
        decoder_for(coding, Bodies())
    unknown = next(name for name in coding.split(", ") if name not in {"gzip", "none"})
    assert unknown[:100] in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("coding", ["gzip, gzip, gzip", "gzip,deflate,br", "br," * 5000])
def test_more_than_two_codings_are_an_error(coding: str) -> None:
    with pytest.raises(DecodingError, match="at most 2 codings") as caught:
        decoder_for(coding, Bodies())
    assert len(str(caught.value)) < 200
    assert decode("gzip,,identity, gzip", gzip.compress(gzip.compress(PAGE))) == PAGE


@given(
    coding=st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate"]),
    data=st.binary(max_size=300),
    head=st.sampled_from([b"", b"\x1f\x8b\x08", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x5f\x2a\x4d\x18"]),
    cut=st.integers(1, 400),
)
def test_nothing_that_comes_raises_anything_else(coding: str, data: bytes, head: bytes, cut: int) -> None:
    with contextlib.suppress(DecodingError, BodyTooLargeError):
        decode(coding, head + data, cut=cut)


@given(st.sampled_from(CODINGS), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_body_is_an_error_or_ends_as_it_should(
    coding: tuple[str, Compress], damages: list[tuple[int, int]]
) -> None:
    data = bytearray(coding[1](PAGE[:2000]))
    for place, value in damages:
        data[place % len(data)] = value
    with contextlib.suppress(DecodingError, BodyTooLargeError):
        decode(coding[0], bytes(data))


# ── sizes ──


@each_coding
def test_the_largest_size_is_allowed_and_one_byte_more_is_not(coding: str, compress: Compress) -> None:
    data = compress(PAGE)
    assert decode(coding, data, Bodies(max_bytes=len(PAGE))) == PAGE
    with pytest.raises(BodyTooLargeError, match=str(len(PAGE) - 1)):
        decode(coding, data, Bodies(max_bytes=len(PAGE) - 1))


def test_the_compressed_form_counts_too() -> None:
    data = gzip.compress(NOISE)  # larger than what it is made of
    with pytest.raises(BodyTooLargeError):
        decode("gzip", data, Bodies(max_bytes=len(data) - 1))
    assert decode("gzip", data, Bodies(max_bytes=len(data))) == NOISE


def test_what_is_dropped_counts_too() -> None:
    with pytest.raises(BodyTooLargeError):
        decode("gzip", gzip.compress(b"") + b"\0" * 1000, Bodies(max_bytes=1000))


def test_what_lies_between_two_layers_counts_too() -> None:
    data = gzip.compress(gzip.compress(b"") + bytes(2**20))  # a bomb that gives nothing in the end
    assert decode("gzip, gzip", data, ANY_SIZE) == b""
    with pytest.raises(BodyTooLargeError, match="bytes allowed"):
        decode("gzip, gzip", data, Bodies(max_bytes=2**20, max_ratio=None))
    with pytest.raises(BodyTooLargeError, match="250 times"):
        decode("gzip, gzip", data)


@each_coding
def test_a_bomb_is_known_by_its_ratio_before_it_is_large(coding: str, compress: Compress) -> None:
    data = compress(bytes(2**25))
    pieces: list[bytes] = []
    with pytest.raises(BodyTooLargeError, match="250 times"):
        pieces.extend(pieces_of(coding, data, Bodies(max_bytes=2**40)))
    assert sum(map(len, pieces)) < 3 * 2**20
    assert len(decode(coding, data, ANY_SIZE)) == 2**25


def test_a_bomb_within_a_bomb_is_known_by_the_ratio_of_both() -> None:
    inner = gzip.compress(bytes(2**24), 1)  # 220 : 1
    assert len(decode("gzip", inner, Bodies(max_bytes=2**40))) == 2**24
    data = gzip.compress(inner)
    with pytest.raises(BodyTooLargeError, match="250 times"):
        decode("gzip, gzip", data, Bodies(max_bytes=2**40))


@each_coding
def test_a_small_page_may_be_as_repetitive_as_it_likes(coding: str, compress: Compress) -> None:
    cells = b"<td>&nbsp;</td>" * (RATIO_FLOOR // 15)
    assert decode(coding, compress(cells), Bodies(max_ratio=1)) == cells


# ── steps ──


@each_coding
def test_no_piece_is_large_whatever_the_bomb(coding: str, compress: Compress) -> None:
    data = compress(bytes(2**24))
    sizes = [len(piece) for piece in pieces_of(coding, data, ANY_SIZE)]
    assert sum(sizes) == 2**24
    assert max(sizes) < PIECE


def test_what_ends_around_the_end_of_a_piece_is_not_lost() -> None:
    for size in range(2**16 - 10, 2**16 + 300):  # 258 bytes can come from less than one
        assert len(decode("deflate", raw_deflate(bytes(size)))) == size


@each_coding
@pytest.mark.parametrize("size", [2**15 - 32, 2**15, 2**16, 2**15 + 2**16 - 32, 2**15 + 2**16, 2**17])
def test_what_ends_with_a_piece_is_complete(coding: str, compress: Compress, size: int) -> None:
    body = (PAGE * 2)[:size]
    assert decode(coding, compress(body)) == body
    assert decode(coding, compress(bytes(size))) == bytes(size)


@each_coding
def test_a_page_of_usual_size_is_one_step(coding: str, compress: Compress) -> None:
    assert list(decoder_for(coding, Bodies()).feed(compress(PAGE[:30_000]))) == [PAGE[:30_000]]


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("deflate", b"\0\0\0\xff\xff" * 100_000),  # empty stored blocks
        ("zstd", b"\x28\xb5\x2f\xfd\0\x68" + bytes(500_000)),  # empty raw blocks
        ("zstd", b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + NOISE * 5),  # a frame of metadata
        ("gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\0" + b"n" * 100_000),  # the name of a file
    ],
)
def test_steps_are_short_also_where_nothing_comes_out(coding: str, data: bytes) -> None:
    steps = list(decoder_for(coding, Bodies()).feed(data))
    assert not any(steps)
    assert len(steps) >= len(data) / 16_384


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_body_of_countless_tiny_streams_is_refused(coding: str, compress: Compress) -> None:
    assert decode(coding, compress(b"x") * 1000) == b"x" * 1000
    with pytest.raises(DecodingError, match="more than 1000"):
        decode(coding, compress(b"") * 1001)


@pytest.mark.parametrize(("window", "fits"), [(23, True), (24, False), (27, False)])
def test_zstd_may_ask_for_8_megabytes_of_window_and_no_more(window: int, fits: bool) -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: window})
    data = compressor.compress(PAGE) + compressor.flush()
    if fits:
        assert decode("zstd", data) == PAGE
    else:
        with pytest.raises(DecodingError, match="memory"):
            decode("zstd", data)


def test_a_decoder_shows_what_it_did() -> None:
    decoder = decoder_for("br, gzip", Bodies())
    data = gzip.compress(brotli.compress(PAGE))
    list(decoder.feed(data))
    assert repr(decoder) == f"<Decoder gzip > br: {len(data)} bytes in, {len(PAGE)} out>"
