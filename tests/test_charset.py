from __future__ import annotations

import codecs
import encodings
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.charset import decode

CODECS = sorted(module.name for module in pkgutil.iter_modules(encodings.__path__))
HTML = "text/html; charset="


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("ж".encode(), "", "ж"),
        ("ж".encode("koi8-r"), HTML + "koi8-r", "ж"),
        ("ж".encode("koi8-r"), 'text/html; Charset = "KOI8-R"', "ж"),
        ("ж".encode("koi8-r"), "text/html;charset='koi8-r';x=y", "ж"),
        ("あ".encode("shift_jis"), HTML + "Shift_JIS", "あ"),
        (b"caf\xe9", "", "café"),
        (b"\x80 5", "", "€ 5"),
    ],
)
def test_the_header_says_which_character_set_it_is(body: bytes, content_type: str, expected: str) -> None:
    assert decode(body, content_type) == expected


@pytest.mark.parametrize("name", ["utf-8", "utf-16-be", "utf-16-le"])
def test_a_byte_order_mark_outranks_the_header_and_is_no_text(name: str) -> None:
    mark = {"utf-8": codecs.BOM_UTF8, "utf-16-be": codecs.BOM_UTF16_BE, "utf-16-le": codecs.BOM_UTF16_LE}[name]
    assert decode(mark + "ж".encode(name), HTML + "koi8-r") == "ж"


@pytest.mark.parametrize(
    "meta",
    [
        b'<meta charset="koi8-r">',
        b"<META CHARSET=koi8-r>",
        b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
    ],
)
def test_the_page_says_which_character_set_it_is(meta: bytes) -> None:
    assert decode(meta + "ж".encode("koi8-r")).endswith("ж")


def test_the_header_outranks_the_page() -> None:
    assert decode(b"<meta charset=koi8-r>" + "ж".encode("cp1251"), HTML + "windows-1251").endswith("ж")


def test_a_meta_element_far_down_is_not_looked_for() -> None:
    assert decode(b" " * 1024 + b"<meta charset=koi8-r>\xc3\xa9").endswith("é")


@pytest.mark.parametrize("label", ["nonsense", "base64", "rot13", "zlib", "hex", "", "\0", "utf-8\u00e9", "x" * 10_000])
def test_a_label_that_names_no_character_set_is_passed_over(label: str) -> None:
    assert decode("é".encode(), HTML + label) == "é"


# https://encoding.spec.whatwg.org/#names-and-labels knows none of these, and Python all of them.
@pytest.mark.parametrize("label", ["idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"])
def test_codecs_of_python_that_no_browser_knows_are_passed_over(label: str) -> None:
    body = "a\\ud800 +AGEAYg- é".encode()
    assert decode(body, HTML + label) == body.decode()
    assert decode(f"<meta charset={label}>".encode() + body).endswith(body.decode())


@pytest.mark.parametrize(
    ("label", "body", "expected"),
    [
        ("iso-8859-1", b"\x93\x80\x94", "“€”"),
        ("us-ascii", b"\x80", "€"),
        ("latin1", b"\x80", "€"),
        ("iso-8859-9", b"\x80", "€"),
        ("gb2312", "镕".encode("gbk"), "镕"),
        ("gbk", "€".encode("gb18030"), "€"),
        ("euc-kr", "똠".encode("cp949"), "똠"),
        ("tis-620", b"\x80", "€"),
    ],
)
def test_old_labels_are_read_as_the_supersets_that_browsers_take_them_for(
    label: str, body: bytes, expected: str
) -> None:
    assert decode(body, HTML + label) == expected


def test_a_page_whose_meta_element_is_legible_is_not_in_utf_16() -> None:
    assert decode("<meta charset=utf-16>é".encode()).endswith("é")


def test_what_does_not_decode_becomes_a_replacement_character() -> None:
    assert decode(b"a\xffb", HTML + "utf-8") == "a\ufffdb"


@given(st.binary(), st.one_of(st.text(), st.sampled_from(CODECS).map(HTML.__add__)))
def test_decoding_never_fails_and_gives_text_that_can_be_encoded(body: bytes, content_type: str) -> None:
    decode(body, content_type).encode("utf-8")


@pytest.mark.parametrize("name", CODECS)
def test_decoding_fails_with_none_of_the_codecs_that_python_has(name: str) -> None:
    body = bytes(range(256)) + b"xn--a \\ud800 \\x +2AA-"
    decode(body, HTML + name).encode("utf-8")
    decode(b"<meta charset=" + name.encode() + b">" + body).encode("utf-8")


@given(st.text())
def test_utf_8_is_recognised_without_being_declared(text: str) -> None:
    plain = "ж" + text.replace("<", "")  # no <meta> may claim otherwise
    assert decode(plain.encode()) == plain
