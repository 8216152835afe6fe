from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.html import LINKS, LexborHTMLParser, base_of, is_html, resolve_links
from crawler.url import resolve

URL = "http://example.org/a/b"


def links(html: str, base: str = URL, url: str = URL) -> list[str]:
    return resolve_links(LexborHTMLParser(html).css(LINKS), base, url)


def test_a_fragment_alone_leads_to_the_base_where_that_is_another_page() -> None:
    html = '<a href="#top">x</a>'
    assert links(html) == []
    assert links(html, base="http://example.org/other") == ["http://example.org/other"]


def test_links_are_resolved_in_the_order_of_the_page_each_once() -> None:
    html = "<a href=c>1</a><area href=/d><a href='c#x'>2</a><a href=http://other.example>3</a><a href=/d>4</a>"
    assert links(html) == ["http://example.org/a/c", "http://example.org/d", "http://other.example/"]


@pytest.mark.parametrize(
    "href", ["#top", "mailto:a@b.example", "javascript:void(0)", "data:,x", "http://[", "ftp://a/", "tel:1", "http://"]
)
def test_references_that_cannot_be_fetched_are_left_out(href: str) -> None:
    assert links(f"<a href='{href}'>x</a><a href=c>y</a>") == ["http://example.org/a/c"]


@pytest.mark.parametrize("html", ["", "<a>no href</a>", "<a href>bare</a>", "<a name=x>", "<link href=/style.css>"])
def test_elements_that_link_nowhere_give_nothing(html: str) -> None:
    assert [link for link in links(html) if link != URL] == []


def test_white_space_around_a_reference_does_not_count() -> None:
    assert links("<a href=' \n c \t'>x</a>") == ["http://example.org/a/c"]


def test_character_references_in_a_reference_are_decoded() -> None:
    assert links("<a href='?a=1&amp;b=2'>x</a>") == ["http://example.org/a/b?a=1&b=2"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", URL),
        ("<base href=/root/>", "http://example.org/root/"),
        ("<base href=http://other.example/x>", "http://other.example/x"),
        ("<base target=_blank><base href=/second/>", "http://example.org/second/"),
        ("<base href=/first/><base href=/second/>", "http://example.org/first/"),
        ("<base href=''>", URL),
        ("<base href>", URL),
        ("<base href='javascript:1'>", URL),
        ("<base href='http://['>", URL),
    ],
)
def test_the_base_element_says_what_references_are_relative_to(head: str, expected: str) -> None:
    assert base_of(LexborHTMLParser(f"<html><head>{head}</head></html>"), URL) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        *(("text/html", True), ("TEXT/HTML; charset=utf-8", True), (" application/xhtml+xml ;q=1", True), ("", True)),
        *(("text/plain", False), ("application/json", False), ("text/htmlx", False), ("image/svg+xml", False)),
    ],
)
def test_html_is_told_by_its_content_type_and_taken_for_granted_without_one(content_type: str, expected: bool) -> None:
    assert is_html(content_type) is expected


@given(st.lists(st.text()))
def test_links_of_any_page_are_normalised_and_distinct(hrefs: list[str]) -> None:
    found = links("".join(f'<a href="{href}">x</a>' for href in hrefs))
    assert len(set(found)) == len(found)
    assert all(resolve("", link) == link for link in found)
