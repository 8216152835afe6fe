from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ConfigurationError
from crawler.http.fields import Fields, check_field, joined


@pytest.mark.parametrize(
    ("name", "value"), [("X-Api-Key", "k"), ("a!#$%&'*+-.^_`|~9", ""), ("Accept", "a,  b\tc;q=0.5"), ("X", "caf\u00e9")]
)
def test_what_the_standard_allows_is_allowed(name: str, value: str) -> None:
    check_field(name, value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\r\nb", "a\0", "caf\u00e9", "a/b", "a\n", 1, None, b"a"])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="header"):
        check_field(name, "hush")


@pytest.mark.parametrize("name", ["Host", "content-length", "TRANSFER-ENCODING", "Connection", "Upgrade", "TE"])
def test_what_belongs_to_the_connection_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}.*connection"):
        check_field(name, "hush")


@pytest.mark.parametrize(
    "value",
    [
        *(f"hush{character}1" for character in ("\r", "\n", "\r\n", "\0", "\x1b", "\x7f", "\udce9")),
        *("hush\n", " hush", "hush\t", "\u00a0hush", 1, None, b"hush"),
    ],
)
def test_a_value_with_control_characters_is_refused_and_not_shown(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="X-Key") as caught:
        check_field("X-Key", value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((), (), ()),
        ((("A", "1"),), (), (("A", "1"),)),
        ((), (("A", "1"),), (("A", "1"),)),
        ((("A", "1"),), (("B", "2"),), (("A", "1"), ("B", "2"))),
        ((("a", "1"), ("a", "2")), (("A", "3"), ("B", "4")), (("a", "1"), ("a", "2"), ("B", "4"))),
        ((("A", "1"),), (("a", "2"),), (("A", "1"),)),
        ((("B", "1"),), (("a", "2"), ("A", "3")), (("B", "1"), ("a", "2"), ("A", "3"))),
    ],
)
def test_of_two_fields_of_a_name_the_first_ones_count(first: Fields, second: Fields, expected: Fields) -> None:
    assert joined(first, second) == expected


@given(st.text(), st.text())
def test_what_is_allowed_is_one_line_of_bytes(name: str, value: str) -> None:
    try:
        check_field(name, value)
    except ConfigurationError:
        return
    line = f"{name}: {value}".encode()
    assert line.count(b"\n") == line.count(b"\r") == line.count(b"\0") == 0
    assert name.isascii()
