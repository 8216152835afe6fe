from __future__ import annotations

import codecs
import encodings
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document.charset import decode, encoding_of
from crawler.document.encodings import decoder, encoding_named, read
from crawler.document.prescan import declared_encoding

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


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"<meta charset=koi8-r charset=iso-8859-2>", "koi8-r"),
        (b"<!--><meta charset=koi8-r>-->", "koi8-r"),
        (b"<!-- > <meta charset=koi8-r> --><meta charset=iso-8859-2>", "iso-8859-2"),
        (b"<!-- <meta charset=koi8-r>", None),
        (b"<meta/charset=koi8-r>", "koi8-r"),
        (b"<metadata charset=koi8-r>", None),
        (b"<? <meta charset=koi8-r>", None),
        (b"</ <meta charset=koi8-r>", None),
        (b"<a title='<meta charset=koi8-r>'>", None),
        (b"<meta charset=nonsense http-equiv=content-type content='charset=koi8-r'>", None),
        (b"<meta content='charset;charset=koi8-r' http-equiv=Content-Type>", "koi8-r"),
        (b"<meta content='charset=\"koi8-r' http-equiv=Content-Type>", None),
        (b"<meta charset=>", None),
        (b"<meta charset=koi8-r", None),
    ],
)
def test_a_declaration_is_looked_for_as_the_prescan_does(page: bytes, expected: str | None) -> None:
    assert declared_encoding(page) == expected


def test_the_header_outranks_the_page() -> None:
    assert decode(b"<meta charset=koi8-r>" + "ж".encode("cp1251"), HTML + "windows-1251").endswith("ж")


def test_a_meta_element_far_down_does_not_outrank_valid_utf_8() -> None:
    assert decode(b" " * 1024 + b"<meta charset=koi8-r>\xc3\xa9").endswith("é")


def test_a_meta_element_far_down_is_better_than_a_guess() -> None:
    assert decode(b" " * 1024 + b"<meta charset=koi8-r>\xd6").endswith("ж")
    assert decode(b" " * 65536 + b"<meta charset=koi8-r>\xd6").endswith("Ö")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", "koi8-r"),
        ("text/html", "koi8-r"),
        (" Text/HTML ; x=y", "koi8-r"),
        ("; charset=nonsense", "koi8-r"),
        ("application/xhtml+xml", "koi8-r"),
        ("application/rss+xml", "koi8-r"),
        ("text/plain", "windows-1252"),
        ("application/json", "windows-1252"),
        ("text/plain; x=html", "windows-1252"),
    ],
)
def test_only_markup_can_say_what_it_is_in(content_type: str, expected: str) -> None:
    assert encoding_of(b"<meta charset=koi8-r>\xd6", content_type) == expected


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        (b'<?xml version="1.0" encoding="koi8-r"?>', "koi8-r"),
        (b"<?xml version='1.0' encoding = 'KOI8-R' ?>", "koi8-r"),
        (b'<?xml version="1.0" encoding="utf-16"?>', "utf-8"),
        (b'<?xml version="1.0" encoding="koi8-r"?><meta charset=iso-8859-2>', "iso-8859-2"),
        (b'<?xml version="1.0"?><a encoding="koi8-r">', None),
        (b'<?xml encoding="koi8-r', None),
        (b"<?xml encoding=koi8-r?>", None),
        (b' <?xml encoding="koi8-r"?>', None),
        (b'<?xml encoding="nonsense"?>', None),
        ("<?xml".encode("utf-16-le"), "utf-16le"),
        ("<?xml".encode("utf-16-be"), "utf-16be"),
    ],
)
def test_an_xml_declaration_counts_where_no_meta_element_does(declaration: bytes, expected: str | None) -> None:
    assert declared_encoding(declaration) == expected


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


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf8", "utf-8"),
        (" UTF-8\n", "utf-8"),
        ("latin1", "windows-1252"),
        ("unicode", "utf-16le"),
        ("x-sjis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("hz-gb-2312", "replacement"),
        ("x-mac-ukrainian", "x-mac-cyrillic"),
        ("utf_8", None),
        ("utf-32", None),
        ("cp437", None),
        ("\u017fjis", None),
        ("koi8-r\0", None),
        ("", None),
    ],
)
def test_labels_are_those_that_browsers_know(label: str, name: str | None) -> None:
    assert encoding_named(label) == name


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("windows-1252", b"\x80\x81\xff", "€\x81ÿ"),
        ("windows-1253", b"\x88\xaa\xc1", "\x88\ufffdΑ"),
        ("windows-1255", b"\xca\xe0", "\u05baא"),
        ("windows-874", b"\x80\x81\xa1\xdb", "€\x81ก\ufffd"),
        ("koi8-u", b"\xae\xbe\xd6", "ўЎж"),
        ("iso-8859-6", b"\xa1\xc7", "\ufffdا"),
        ("iso-8859-8-i", b"\xe0", "א"),
        ("macintosh", b"\xdb\xf0", "€\uf8ff"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        ("replacement", b"<script>", "\ufffd"),
        ("replacement", b"", ""),
        ("big5", b"\xa4\xa4\x87\x40", "中䏰"),
        ("gbk", b"\xd6\xd0", "中"),
        ("iso-2022-jp", b'\x1b$B$"\x1b(B a \x1b(I1', "あ a ｱ"),
        ("utf-16le", b"a\0\x00\xd8b\0", "a\ufffdb"),
    ],
)
def test_bytes_mean_what_the_encoding_standard_says(encoding: str, body: bytes, expected: str) -> None:
    assert read(body, encoding) == expected


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("euc-jp", b"\xc6\xfc\xad\xa1\xcb\xdc\xb8\xec", "日①本語"),  # NEC's row 13
        ("euc-jp", b"\xad\xb5\xad\xe2\xf9\xa1", "Ⅰ№纊"),  # NEC's selection of IBM's
        ("euc-jp", b"\xa1\xc1\xa1\xdd\xa1\xf1\x8f\xa2\xb7~", "～－￠～~"),
        ("iso-2022-jp", b"\x1b$B-!F|\x1b(B1", "①日1"),
        ("shift_jis", b"\x87\x40\xfb\xfc\xf0\x40\x80", "①髙\ue000\x80"),
        ("big5", b"\xa1\x45\xa2\x41\xa1\xfe\xf9\xfe", "‧∕／￭"),
        ("big5", b"\x87\x7a\xc6\xe7\x88\x62", "㡵ぁ\xca\u0304"),
        ("gbk", b"\x80\xa3\xa0\xa2\xe3", "€\u3000€"),
        ("gb18030", b"\xa6\xd9\xa8\xbc\x815\xf47\xfe\x59\x900\x810", "︐ḿ\ue7c7龴\U00010000"),
        ("euc-kr", b"\x8c\x63\xb0\xa1\xa2\xe6", "똠가€"),
    ],
)
def test_characters_that_python_lacks_or_takes_for_others_are_those_of_the_standard(
    encoding: str, body: bytes, expected: str
) -> None:
    assert read(body, encoding) == expected


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("euc-jp", b"\xa9\xa1\xc6\xfc", "\ufffd日"),  # a pair that means nothing
        ("euc-jp", b"\xc6\x80\xc6\xfc", "\ufffd日"),
        ("euc-jp", b"\x8f\xc6\xff\xc6\xfc", "\ufffd日"),
        ("euc-jp", b"\x8f\xb0<\x8e<\xc6", "\ufffd<\ufffd<\ufffd"),
        ("shift_jis", b"\xa0\xfd\xfe\xff\xb1", "\ufffd\ufffd\ufffd\ufffdｱ"),
        ("shift_jis", b"\x81\xfd\x93\xfa\x81", "\ufffd日\ufffd"),
        ("shift_jis", b"\x85\x40<", "\ufffd@<"),
        ("big5", b"\xa3\xfe\xa4\xa4\x80\xff\xa4", "\ufffd中\ufffd\ufffd\ufffd"),
        ("gbk", b"\xff\xd6\xff\xd6\xd0\xd6", "\ufffd\ufffd中\ufffd"),
        ("gb18030", b"\x8100<", "\ufffd00<"),
        ("gb18030", b"\x810\xd6\xd0", "\ufffd0中"),
        ("gb18030", b"\x810\x81", "\ufffd"),
        ("gb18030", b"\xfe9\xfe9<", "\ufffd<"),
        ("euc-kr", b"\xc9\xa1\xb0\xa1\xff\xb0<", "\ufffd가\ufffd\ufffd<"),
        ("iso-2022-jp", b"\x1b$B!\x1b(B<\x0e\xff\x1b<", "\ufffd<\ufffd\ufffd\ufffd<"),
        ("iso-2022-jp", b"\x1b$B\x1b(B<\x1b(J\\~\x1b(I1", "\ufffd<¥‾ｱ"),
        ("iso-2022-jp", b"\x1b$BF| F|\n", "日\ufffd日\ufffd"),
        ("iso-2022-jp", b"\x1b$BF|F", "日\ufffd"),
        ("iso-2022-jp", b"a\x1b$", "a\ufffd$"),
        ("utf-16le", b"\0\xdca\0\0\xd8", "\ufffda\ufffd"),
        ("utf-16be", b"\xd8\0\0", "\ufffd"),
        ("replacement", b"\x1b$)C" * 9, "\ufffd"),
    ],
)
def test_each_error_is_one_replacement_character_and_shifts_nothing(encoding: str, body: bytes, expected: str) -> None:
    assert read(body, encoding) == expected


@pytest.mark.parametrize("part", [b"\x1b", b"\x1b$B", b"\x1b(", b"\x1b$B!", b"\x1b(B\x1b$B", b"\x1b\x1b$", b"\x0e"])
def test_many_escape_sequences_end_no_decoder(part: bytes) -> None:
    body = part * 5000
    read_piece = decoder("iso-2022-jp")
    assert read_piece(body, False) + read_piece(b"", True) == read(body, "iso-2022-jp")


def test_a_page_cannot_declare_itself_to_be_of_private_characters() -> None:
    assert decode(b"<meta charset=x-user-defined>\x80").endswith("€")
    assert decode(b"\x80", HTML + "x-user-defined") == "\uf780"


# Whoever takes these for Shift_JIS or GBK must not swallow what closes an attribute.
@pytest.mark.parametrize("label", ["shift_jis", "gbk", "gb18030", "big5", "euc-jp", "euc-kr", "iso-2022-jp", "utf-8"])
def test_half_a_character_swallows_no_markup(label: str) -> None:
    assert decode(b'<a title="\x81"><b>', HTML + label).endswith('"><b>')


@pytest.mark.parametrize("label", ["", "utf-16", "windows-1253", "iso-8859-6", "gb18030", "iso-2022-jp", "big5"])
@pytest.mark.parametrize(
    "part", [b"\xff", b"\xdc\xdc", b"\x1b$B", b"\x81<", b'<meta charset="', b"<!--", b"<a b=", b"<meta charset "]
)
def test_megabytes_that_are_not_what_they_say_are_read_all_the_same(label: str, part: bytes) -> None:
    body = part * (2**20 // len(part))
    assert len(decode(body, HTML + label)) <= len(body)
    assert decode(b"<meta http-equiv=content-type content='" + body, "text/html")


@pytest.mark.parametrize("encoding", ["euc-jp", "shift_jis", "iso-2022-jp", "big5", "gb18030", "euc-kr"])
@pytest.mark.parametrize(
    "part", [b"\x81<", b"\xa2A\xa1\xfe", b"\x8f\xa2\xb7", b"\xa1", b"\x810\x81", b"\x1b(", b"\x1b$B!", b"\xe6\xbc\xa2"]
)
def test_a_body_that_is_cut_off_anywhere_is_read_to_its_end(encoding: str, part: bytes) -> None:
    body = part * (2**16 // len(part))
    whole = read(body, encoding)
    for length in range(len(body) - 5, len(body)):
        text = read(body[:length], encoding)
        assert len(whole) - len(text) <= 10
        assert whole.startswith(text[:-2])


def test_what_does_not_decode_becomes_a_replacement_character() -> None:
    assert decode(b"a\xffb", HTML + "utf-8") == "a\ufffdb"


@given(st.binary(), st.one_of(st.text(), st.sampled_from(CODECS).map(HTML.__add__)))
def test_decoding_never_fails_and_gives_text_that_can_be_encoded(body: bytes, content_type: str) -> None:
    decode(body, content_type).encode("utf-8")


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-16be", "gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr", "koi8-r"],
)
@given(st.lists(st.one_of(st.binary(), st.sampled_from([b"\x1b$B", b"\x87\x40", b"\xad\xa1", b"\x81\x30"]))))
def test_what_is_read_in_pieces_is_what_is_read_as_a_whole(encoding: str, pieces: list[bytes]) -> None:
    decode_piece = decoder(encoding)
    text = "".join(decode_piece(piece, False) for piece in pieces) + decode_piece(b"", True)
    assert text == read(b"".join(pieces), encoding)


@pytest.mark.parametrize("name", CODECS)
def test_decoding_fails_with_none_of_the_codecs_that_python_has(name: str) -> None:
    body = bytes(range(256)) + b"xn--a \\ud800 \\x +2AA-"
    decode(body, HTML + name).encode("utf-8")
    decode(b"<meta charset=" + name.encode() + b">" + body).encode("utf-8")


@given(st.text())
def test_utf_8_is_recognised_without_being_declared(text: str) -> None:
    plain = "ж" + text.replace("<", "")  # no <meta> may claim otherwise
    assert decode(plain.encode()) == plain
