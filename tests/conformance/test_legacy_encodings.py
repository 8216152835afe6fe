"""Whether bytes mean what the Encoding standard says, by its indexes and by decoders written from its steps."""

from __future__ import annotations

from itertools import chain, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.document.encodings import decoder, read
from tests.conformance.standard_decoders import decode, indexes

pytestmark = pytest.mark.conformance
PAIRS = ["gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr"]
MULTI_BYTE = [*PAIRS, "iso-2022-jp"]
UTF_16 = ["utf-16be", "utf-16le"]
SINGLE_BYTE = [
    *("ibm866", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8"),
    *("iso-8859-8-i", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16", "koi8-r", "koi8-u"),
    *("macintosh", "windows-874", "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254"),
    *("windows-1255", "windows-1256", "windows-1257", "windows-1258", "x-mac-cyrillic", "x-user-defined"),
]
# Bytes at which decoders change their minds, and what is valid in one encoding or another.
PARTS = [
    *(b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b", b"\x1b(", b"\x1b$", b"$B", b"\x0e", b"!!", b"~"),
    *(b"\x81", b"\x80", b"\xff", b"\xa0", b"\xfe\xfe", b"\xfd", b"\x8e", b"\x8f", b"\x8e\xb1", b"\x8f\xb0\xa1"),
    *(b"\x8f\xa2\xb7", b"\xad\xa1", b"\xa2\xb7", b"\xa2\xcc", b"\xa2A", b"\xa2B", b"\xa1\xfe", b"\xa1E", b"\x87z"),
    *(b"\x810\x810", b"\x810", b"\x810\x81", b"\x815\xf47", b"\xa8\xbc", b"\xa3\xa0", b"\xfe\x59", b"\xe3\x329\xa35"),
    *(
        b"\x84\x31\xa4\x37",
        b"\x900\x810",
        b"<p>",
        b" ",
        b"0",
        b"@",
        b"\x7f",
        b"\\",
        b"\n",
        b"\0\xd8",
        b"\xd8\0",
        b"\0\xdc",
    ),
]
# Python's codecs with which a plain text in each encoding is made.
_CODECS = {"gbk": "gbk", "gb18030": "gbk", "big5": "big5hkscs", "euc-jp": "euc_jp", "shift_jis": "cp932"} | {
    "euc-kr": "cp949",
    "iso-2022-jp": "iso2022_jp",
}
bodies = st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=3))).map(b"".join)


@pytest.mark.parametrize("encoding", PAIRS)
def test_every_pair_of_bytes_means_what_the_standard_says(encoding: str) -> None:
    for pair in map(bytes, product(range(0x80, 0x100), range(0x100))):
        assert read(pair, encoding) == decode(pair, encoding)


def test_every_character_of_jis_x_0212_is_what_the_standard_says() -> None:
    for end in map(bytes, product(range(0x80, 0x100), range(0x100))):
        assert read(b"\x8f" + end, "euc-jp") == decode(b"\x8f" + end, "euc-jp")


@pytest.mark.parametrize("escape", [b"\x1b$B", b"\x1b$@", b"\x1b(J", b"\x1b(I", b"\x1b(B"])
def test_every_pair_of_iso_2022_jp_is_what_the_standard_says(escape: bytes) -> None:
    for pair in map(bytes, product(range(0x100), range(0x100))):
        assert read(escape + pair, "iso-2022-jp") == decode(escape + pair, "iso-2022-jp")


def test_every_four_bytes_of_gb18030_are_what_the_standard_says() -> None:
    leads, digits = range(0x81, 0xFF), range(0x30, 0x3A)
    expected, pointer, ranges = [], 0, [*indexes()["gb18030-ranges"], [2**32, 0]]
    for place, (offset, first) in enumerate(ranges[:-1]):
        end = min(39420 if offset < 39420 else 1237576, ranges[place + 1][0])
        expected += ["\ufffd"] * (offset - pointer) + [chr(first + each - offset) for each in range(offset, end)]
        pointer = end
    expected[7457] = "\ue7c7"
    body = b"".join(map(bytes, product(leads, digits, leads, digits)))
    assert len(expected) == 1_237_576
    assert read(body, "gb18030") == "".join(expected) + "\ufffd" * (len(body) // 4 - len(expected))


@pytest.mark.parametrize("encoding", PAIRS)
def test_texts_are_read_like_their_characters(encoding: str) -> None:
    rows = [[bytes([lead, trail]) for trail in range(0x40, 0x100)] for lead in range(0x80, 0x100)]
    valid = [[pair for pair in row if "\ufffd" not in decode(pair, encoding)] for row in rows]
    few = [[*row[:20], b"\xff<", *row[20:]] for row in valid]
    for row in (*valid, *few, *rows, chain(*valid), chain(*few), chain(*rows)):
        body = b"".join(row)
        assert read(body, encoding) == decode(body, encoding)


@pytest.mark.parametrize("start", [b"\x8f", b""])
def test_texts_of_iso_2022_jp_and_jis_x_0212_are_read_like_their_characters(start: bytes) -> None:
    for lead in range(0x21, 0x7F):
        pairs = [bytes([lead, trail]) for trail in range(0x21, 0x7F)]
        body = b"".join(start + bytes(byte | 0x80 for byte in pair) for pair in pairs)
        assert read(body, "euc-jp") == decode(body, "euc-jp")
        body = b"\x1b$B" + b"".join(pairs) + b"\x1b(B"
        assert read(body, "iso-2022-jp") == decode(body, "iso-2022-jp")


@pytest.mark.parametrize("encoding", SINGLE_BYTE)
def test_every_byte_means_what_the_standard_says(encoding: str) -> None:
    body = bytes(range(0x100))
    assert read(body, encoding) == decode(body, encoding)


def test_no_encoding_of_the_indexes_is_left_out() -> None:
    of_multi_byte = {"big5", "euc-kr", "gb18030", "gb18030-ranges", "jis0208", "jis0212", "iso-2022-jp-katakana"}
    assert set(indexes()) - of_multi_byte == {*SINGLE_BYTE} - {"iso-8859-8-i", "x-user-defined"}


@pytest.mark.parametrize("encoding", [*MULTI_BYTE, *UTF_16])
@given(bodies)
@example(b"\xa4\x8f\xa2\xb7\x8f\xa2\xb7~")
@example(b"\x810\x81")
@example(b"\x810")
@example(b"\x1b$B!\x1b$B!!")
@example(b"\x1b$B" * 20)
@example(b"\0\xd8a")
def test_malformed_bytes_are_read_as_the_decoders_of_the_standard_read_them(encoding: str, body: bytes) -> None:
    assert read(body, encoding) == decode(body, encoding)


@pytest.mark.parametrize("encoding", [*MULTI_BYTE, *UTF_16, "replacement", "koi8-u"])
@given(st.lists(bodies))
def test_pieces_are_read_like_the_whole(encoding: str, pieces: list[bytes]) -> None:
    read_piece = decoder(encoding)
    text = "".join(read_piece(piece, False) for piece in pieces) + read_piece(b"", True)
    assert text == read(b"".join(pieces), encoding)


@pytest.mark.parametrize("encoding", MULTI_BYTE)
@settings(max_examples=20)
@given(st.lists(bodies, min_size=1, max_size=3), st.sampled_from([1, 30, 100, 700]))
def test_an_error_in_a_long_text_costs_no_other_character(encoding: str, parts: list[bytes], length: int) -> None:
    body = ("あ<p>".encode(_CODECS[encoding]) * length).join(parts)
    assert read(body, encoding) == decode(body, encoding)
