from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document.query_encoding import percent_encoded


@pytest.mark.parametrize(
    ("encoding", "query", "expected"),
    [
        ("windows-1251", "q=поиск", "q=%EF%EE%E8%F1%EA"),
        ("koi8-r", "q=поиск", "q=%D0%CF%C9%D3%CB"),
        ("windows-1252", "q=é&p=€", "q=%E9&p=%80"),
        ("iso-8859-2", "łódź", "%B3%F3d%BC"),
        ("shift_jis", "cat=漢字", "cat=%8A%BF%8E%9A"),
        ("shift_jis", "ｶ表−¥‾\x80", "%B6%95\\%81|\\~%80"),
        ("euc-jp", "漢字ｶ①", "%B4%C1%BB%FA%8E%B6%AD%A1"),
        ("gbk", "中文€", "%D6%D0%CE%C4%80"),
        ("gb18030", "中€😀", "%D6%D0%A2%E3%949%FC6"),
        ("big5", "中十", "%A4%A4%A4Q"),
        ("euc-kr", "한국똠", "%C7%D1%B1%B9%8Cc"),
        ("x-user-defined", "\uf7ff", "%FF"),
    ],
)
def test_a_query_is_sent_in_the_bytes_of_its_page(encoding: str, query: str, expected: str) -> None:
    assert percent_encoded(query, encoding) == expected


@pytest.mark.parametrize(
    ("encoding", "query", "expected"),
    [
        ("windows-1252", "漢\ufffd", "%26%2328450%3B%26%2365533%3B"),
        ("iso-8859-6", "\ufffd", "%26%2365533%3B"),
        ("shift_jis", "é\ue000", "%26%23233%3B%26%2357344%3B"),
        ("euc-jp", "丂", "%26%2319970%3B"),  # of JIS X 0212, which is only read
        ("big5", "㐆", "%26%2313318%3B"),  # of Hong Kong, which is only read
        ("gbk", "😀\ue5e5", "%26%23128512%3B%26%2358853%3B"),
        ("gb18030", "\ue5e5", "%26%2358853%3B"),
    ],
)
def test_what_an_encoding_lacks_is_sent_as_a_reference_of_html(encoding: str, query: str, expected: str) -> None:
    assert percent_encoded(query, encoding) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=漢字", "q=%1B$B4A;z%1B(B"),
        ("漢a字", "%1B$B4A%1B(Ba%1B$B;z%1B(B"),
        ("¥a\\‾", "%1B(J\\a%1B(B\\%1B(J~%1B(B"),
        ("ｶﾞ", "%1B$B%+!+%1B(B"),
        ("漢é", "%1B$B4A%1B(B%26%23233%3B"),
        ("\x1b$B", "%26%2365533%3B$B"),  # an escape sequence of an attacker
    ],
)
def test_iso_2022_jp_is_sent_with_its_escape_sequences(query: str, expected: str) -> None:
    assert percent_encoded(query, "iso-2022-jp") == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16le", "utf-16be", "replacement"])
def test_encodings_in_which_nothing_is_sent_leave_a_query_to_utf_8(encoding: str) -> None:
    assert percent_encoded("q=поиск", encoding) == "q=поиск"


@pytest.mark.parametrize("encoding", ["koi8-r", "gb18030", "iso-2022-jp", "big5"])
def test_what_delimits_is_encoded_and_what_is_encoded_stays(encoding: str) -> None:
    assert percent_encoded("a b\"<>'\x01\x7f", encoding) == "a%20b%22%3C%3E%27%01%7F"
    assert percent_encoded("a=%D0%25&b[]={c}|^`\\~+/?:@", encoding) == "a=%D0%25&b[]={c}|^`\\~+/?:@"


@pytest.mark.parametrize("encoding", ["windows-1251", "shift_jis", "iso-2022-jp", "gb18030"])
@given(st.text())
def test_any_text_is_sent_as_printable_ascii(encoding: str, query: str) -> None:
    sent = percent_encoded(query, encoding)
    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent
