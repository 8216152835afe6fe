"""XHTML: what an XML parser finds in a page, the page has; what is no XML is read as HTML."""

from __future__ import annotations

import tracemalloc
from html import escape
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import Page
from crawler.document.xhtml import as_html

_NAMESPACE = "http://www.w3.org/1999/xhtml"


def page(text: str, content_type: str = "application/xhtml+xml") -> Page:
    return Page("https://books.example/", text.encode(), headers=[("content-type", content_type)])


def found(text: str, content_type: str = "application/xhtml+xml") -> tuple[str, list[str], str | None]:
    made = page(text, content_type)
    return made.title, [link.url.removeprefix("https://books.example/") for link in made.links()], made.canonical


def document(head: str, body: str = '<a href="1">1</a>') -> str:
    return f'<html xmlns="{_NAMESPACE}"><head>{head}</head><body>{body}</body></html>'


@pytest.mark.parametrize(
    "name",
    ["script", "style", "iframe", "textarea", "noscript", "noframes", "noembed", "xmp", "template", "object", "p"],
)
def test_what_comes_after_an_element_that_closes_itself_is_found(name: str) -> None:
    head = f'<{name}/><title>Books</title><link rel="canonical" href="/c"/>'
    assert found(document(head)) == ("Books", ["1"], "https://books.example/c")
    body = f'<{name}/><p><a href="1">1</a><{name} class="a"/><a href="2">2</a></p>'
    assert found(document("<title>Books</title>", body)) == ("Books", ["1", "2"], None)


def test_a_title_that_closes_itself_is_empty() -> None:
    assert found(document("<title/>")) == ("", ["1"], None)


def test_the_same_bytes_as_html_are_read_as_html() -> None:
    assert found(document("<title/>"), "text/html")[1] == []


@pytest.mark.parametrize(
    "text",
    [
        document("<title>Books</title>", '<a href="1">1<br></a>'),
        document("<title>Books</title>", "<a href=1>1</a>"),
        document("<title>Books</title>", '<a href="1">&unknown;</a>'),
        " <?xml version='1.0'?>" + document("<title>Books</title>"),
        document("<title>Books</title>")[:-7],
        '<!DOCTYPE html [<!ENTITY b "Books">]>' + document("<title>Books</title>"),
        '<!DOCTYPE html [<!ATTLIST a class CDATA "x">]>' + document("<title>Books</title>"),
        document("<title>Books</title>").replace(_NAMESPACE, "x" * 1001),
    ],
    ids=["unclosed", "unquoted", "entity", "blank first", "truncated", "declares entity", "declares attribute", "long"],
)
def test_what_is_no_plain_xml_is_read_as_html(text: str) -> None:
    assert as_html(text) == text
    assert found(text) == ("Books", ["1"], None)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>R&amp;D &lt;b> <![CDATA[<i>&amp;]]></title>", "R&D <b> <i>&amp;"),
        ("<title>caf&eacute;&#x21;</title>", "café!"),
        ("<title>one<b>two</b>three</title>", "one"),
        ("<!-- <title>no</title> --><title>yes</title>", "yes"),
        ('<svg xmlns="http://www.w3.org/2000/svg"><title>drawing</title></svg><title>yes</title>', "yes"),
        ('<dc:title xmlns:dc="urn:dc">no</dc:title><title>yes</title>', "yes"),
        ('<title xmlns="urn:other">no</title><title>yes</title>', "yes"),
        ("a text<title>yes</title>", "yes"),
        ("<script>document.write('<![CDATA[</script><title>no</title>]]>')</script><title>yes</title>", "yes"),
        ("<script><![CDATA[<!--<script>]]></script><title>yes</title>", "yes"),
    ],
)
def test_the_title_is_that_of_xml(head: str, title: str) -> None:
    assert page(document(head)).title == title


def test_names_with_prefixes_are_those_of_their_namespaces() -> None:
    text = (
        f'<h:html xmlns:h="{_NAMESPACE}" xmlns:s="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink">'
        '<h:head><h:script/><h:base href="/in/"/><h:title>Books</h:title></h:head><h:body><h:a href="1">1</h:a>'
        '<s:svg><s:a l:href="2"/><s:script/></s:svg><h:a href="3?a=b&amp;c=&quot;d">3</h:a></h:body></h:html>'
    )
    assert found(text) == ("Books", ["in/1", "in/2", "in/3?a=b&c=%22d"], None)


def test_the_code_in_a_script_is_left_as_it_is() -> None:
    made = page(document('<script type="application/ld+json">{"a": "x &lt; y &amp; z"}</script>'))
    node = made.css_first("script")
    assert node is not None
    assert node.text() == '{"a": "x < y & z"}'


def test_a_text_keeps_its_first_line_break() -> None:
    node = page(document("", "<pre>\na</pre>")).css_first("pre")
    assert node is not None
    assert node.text() == "\na"


def test_what_is_moved_out_of_the_head_comes_first_in_the_body() -> None:
    assert found(document('<p><a href="0">0</a></p><noscript><img src="x"/>y</noscript>'))[1] == ["0", "1"]


def test_frames_are_found_behind_what_is_moved_out_of_the_head() -> None:
    text = f'<html xmlns="{_NAMESPACE}"><head><iframe/></head><frameset><frame src="1"/></frameset></html>'
    assert [node.attributes["src"] for node in page(text).css("frame")] == ["1"]


_NAMES = ["a", "a", "a", "div", "p", "span", "ul", "li", "h1", "img", "br", "script", "style", "title"]
_NAMES += ["iframe", "textarea", "noscript", "noembed", "noframes", "xmp"]
_TEXTS = st.sampled_from(["", " ", "text", "a < b & c", "</script>", "</title>", "<!--", "-->", "]]>", "é"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    """Draw a part of a document, whose links have numbers."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(_NAMES))
        link = f' href="{draw(st.integers(1, 99))}"' if name == "a" else ""
        inner = "" if name in {"img", "br"} or not depth else draw(elements(depth - 1))
        parts.append(escape(draw(_TEXTS)))
        parts.append(f"<{name}{link}>{inner}</{name}>" if inner else f"<{name}{link}/>")
    return "".join(parts)


@given(elements(), elements())
def test_links_and_title_are_those_that_an_xml_parser_finds(head: str, body: str) -> None:
    text = document(head, body)
    root = ET.fromstring(text)  # noqa: S314  # our own
    title = root.find(f".//{{{_NAMESPACE}}}title")
    direct = "" if title is None else (title.text or "") + "".join(child.tail or "" for child in title)
    links = {node.get("href") for node in root.iter(f"{{{_NAMESPACE}}}a")}
    made = page(text)
    assert {link.url.rpartition("/")[2] for link in made.links()} == links
    if title is None or not len(title):
        assert made.title == " ".join(direct.split())


def test_long_names_do_not_stay_in_memory() -> None:
    as_html("<html/>")  # what is made once
    tracemalloc.start()
    try:
        for number in range(50):
            name = f"a{number}" + "x" * 100_000
            assert (
                as_html(f"<html><{name} {name}=''/></html>")
                == f'<!DOCTYPE html><html><{name} {name}=""></{name}></html>'
            )
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
