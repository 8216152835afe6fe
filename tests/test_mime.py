from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.mime import NOTHING, content_type_of, parsed


@pytest.mark.parametrize(
    ("text", "essence", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ; Charset=UTF-8 ", "text/html", {"charset": "UTF-8"}),
        ("text/html;charset=a;charset=b", "text/html", {"charset": "a"}),
        ('text/html;charset="utf-8"', "text/html", {"charset": "utf-8"}),
        ('text/html;charset="u\\tf\\"-8"x;a=b', "text/html", {"charset": 'utf"-8', "a": "b"}),
        ('text/html;foo="; charset=shift_jis"', "text/html", {"foo": "; charset=shift_jis"}),
        ('text/html;foo="; charset=gbk"; charset=utf-8', "text/html", {"foo": "; charset=gbk", "charset": "utf-8"}),
        ("text/html;charset", "text/html", {}),
        ("text/html;charset=", "text/html", {}),
        ('text/html;charset=""', "text/html", {"charset": ""}),
        ("text/html; charset = utf-8", "text/html", {"charset": "utf-8"}),
        ('text/html; charset = "utf-8"', "text/html", {"charset": "utf-8"}),
        ("text/html;;;a=b;", "text/html", {"a": "b"}),
        ("text/html;a b=c;d=e", "text/html", {"d": "e"}),
        ("text/html;charset='utf-8'", "text/html", {"charset": "'utf-8'"}),
        ('text/html;charset="utf-8', "text/html", {"charset": "utf-8"}),
        ("*/*", "*/*", {}),
    ],
)  # fmt: skip
def test_a_type_has_an_essence_and_parameters(text: str, essence: str, parameters: dict[str, str]) -> None:
    found = parsed(text)
    assert found is not None
    assert (found.essence, dict(found.parameters)) == (essence, parameters)


@pytest.mark.parametrize(
    "text", ["", "text", "/html", "text/", "text html", "te xt/html", "text/html charset=utf-8", "ü/x"]
)
def test_what_is_no_type(text: str) -> None:
    assert parsed(text) is None


# https://fetch.spec.whatwg.org/#example-extract-a-mime-type, and siblings
@pytest.mark.parametrize(
    ("fields", "essence", "charset"),
    [
        ("text/plain;charset=gbk, text/html", "text/html", None),
        ("text/html;charset=gbk;a=b, text/html;x=y", "text/html", "gbk"),
        ("text/html;charset=gbk;a=b, text/html;x=y, text/html", "text/html", "gbk"),
        ("text/html;charset=gbk, x/x, text/html;x=y", "text/html", None),
        ("text/html, cannot-parse", "text/html", None),
        ("text/html, */*", "text/html", None),
        ("text/html, ", "text/html", None),
        ("text/html, text/html; charset=utf-8", "text/html", "utf-8"),
        ("junk, text/html; charset=utf-8", "text/html", "utf-8"),
        ('text/html;a="b, c", text/html', "text/html", None),
        ("", "", None),
        ("junk", "", None),
        ("*/*", "", None),
        ("unknown/unknown", "", None),
        ("application/unknown; charset=gbk", "", "gbk"),
        ("text/html charset=utf-8", "", None),
    ],
)
def test_of_several_types_the_last_one_counts(fields: str, essence: str, charset: str | None) -> None:
    found = content_type_of(fields)
    assert (found.essence, found.parameters.get("charset")) == (essence, charset)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = content_type_of(text)
    assert found == NOTHING or "/" in found.essence or found.parameters


@given(st.text(alphabet='/;=,"\\ abc'))
def test_any_text_of_signs_is_read(text: str) -> None:
    content_type_of(text)


def test_long_types_do_not_stay_in_memory() -> None:
    content_type_of("text/html")  # what is made once
    tracemalloc.start()
    try:
        for number in range(100):
            assert content_type_of(f"text/html; a{number}=" + "x" * 100_000).essence == "text/html"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
