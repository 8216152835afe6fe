from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document.html import LexborHTMLParser, base_of, is_html, references_in, resolve_links
from crawler.document.sources import ANCHORS, EVERYTHING, FORMS, FRAMES, IMAGES, MEDIA, REFRESHES, RESOURCES, Source
from crawler.url import Base, resolve

URL = "http://example.org/a/b"


def references(html: str, *sources: Source, nofollow: bool = False) -> list[str]:
    return list(references_in(LexborHTMLParser(html), sources or ANCHORS, nofollow=nofollow))


def links(html: str, base: str = URL, url: str = URL) -> list[str]:
    return resolve_links(references(html), Base(base), url)


def test_a_fragment_alone_leads_to_the_base_where_that_is_another_page() -> None:
    html = '<a href="#top">x</a>'
    assert links(html) == []
    assert links(html, base="http://example.org/other") == ["http://example.org/other"]
    assert links(html, base="http://Example.org:80", url="http://Example.org:80") == []


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
        ("<base href><base href=/second/>", URL),
        ("<base href='http://['><base href=/second/>", URL),
        ("<base href='javascript:1'>", URL),
        ("<base href='http://['>", URL),
    ],
)
def test_the_base_element_says_what_references_are_relative_to(head: str, expected: str) -> None:
    assert base_of(LexborHTMLParser(f"<html><head>{head}</head></html>"), URL).url == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        *(("text/html", True), ("TEXT/HTML; charset=utf-8", True), (" application/xhtml+xml ;q=1", True), ("", True)),
        *(("text/plain", False), ("application/json", False), ("text/htmlx", False), ("image/svg+xml", False)),
    ],
)
def test_html_is_told_by_its_content_type_and_taken_for_granted_without_one(content_type: str, expected: bool) -> None:
    assert is_html(content_type) is expected


PAGE = """
<head><link href=style.css><link rel=canonical href=canonical><link imagesrcset="hero.png, hero2.png 2x">
<meta http-equiv=Refresh content="5; url=later"><meta http-equiv=refresh content=nonsense><script src=code.js></script>
<body background=wall.png>
<a href=anchor>1</a><map><area href=area></map><a name=x>2</a>
<form action=search></form><form method=GET action=find></form><form method=POST action=delete></form>
<form method=dialog action=close></form><form></form>
<iframe src=inner></iframe><embed src=embedded><object data=object></object>
<img src=a.png srcset="b.png 1x, c.png 2x"><input type=IMAGE src=button.png><input type=text src=no.png>
<picture><source srcset="d.png 100w"><img src=e.png></picture><table background=t.png><td background=u.png></table>
<video src=film poster=poster.png><source src=film2><track src=words></video><audio src=song></audio>
"""


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (ANCHORS, "anchor area"),
        (FORMS, "search find"),
        (REFRESHES, "later"),
        (FRAMES, "inner embedded object"),
        (IMAGES, "a.png button.png e.png b.png c.png d.png poster.png wall.png t.png u.png"),
        (MEDIA, "film film2 words song"),
        (RESOURCES, "style.css canonical hero.png hero2.png code.js"),
    ],
)
def test_each_source_gives_its_own_references_in_the_order_of_the_page(
    sources: tuple[Source, ...], expected: str
) -> None:
    assert references(PAGE, *sources) == expected.split()


def test_everything_is_all_of_the_sources() -> None:
    parts = (ANCHORS, FORMS, REFRESHES, FRAMES, IMAGES, MEDIA, RESOURCES)
    assert references(PAGE, *EVERYTHING) == [each for part in parts for each in references(PAGE, *part)]


def test_a_frame_set_has_frames() -> None:
    assert references("<frameset><frame src=a><frame src=b></frameset>", *FRAMES) == ["a", "b"]


def test_a_source_of_ones_own_is_a_selector_and_an_attribute() -> None:
    html = "<img data-src=a><p data-src=b><img data-src>"
    assert references(html, Source("img[data-src]", "data-src")) == ["a"]
    assert references(html, Source("[data-src]", "data-src", read=list), Source("img", "src")) == ["a", "b"]


@pytest.mark.parametrize("rel", ["nofollow", "external NoFollow", "\nnofollow\tugc"])
def test_what_robots_are_asked_not_to_follow_is_left_out_unless_wanted(rel: str) -> None:
    html = (
        f"<a rel='{rel}' href=a></a><a rel=nofollowed href=b></a><form rel='{rel}' action=c></form><a rel href=d></a>"
    )
    assert references(html, *ANCHORS, *FORMS) == ["b", "d"]
    assert references(html, *ANCHORS, *FORMS, nofollow=True) == ["a", "b", "d", "c"]


def test_links_without_scripts_and_in_pictures_are_links() -> None:
    html = (
        "<noscript><a href=1>x</a></noscript><svg><a href=2 /></svg><textarea><a href=no></textarea><!--<a href=no>-->"
    )
    assert references(html) == ["1", "2"]


@pytest.mark.parametrize(
    "html",
    [
        "<a href=/x>" * 20_000,
        "".join(f"<a href=/{number}#{'x' * (number % 7)}>x</a>" for number in range(100_000)),
        "<a href='" + "../" * 500_000 + "'>x</a>",
        "<div>" * 5_000 + "<a href=x>",
        "<b><i><a href=x>" * 3_000,
        "<a " + " ".join(f"a{number}=1" for number in range(3_000)) + " href=x>",
        "<img srcset='" + "a 1x," * 200_000 + "'>",
        "<meta name=robots content='" + "noindex," * 200_000 + "'>",
        "<base>" * 100_000,
        "<a href='" + "&amp;" * 300_000 + "'>",
        "\0" * 1_000_000,
        "<" * 1_000_000,
    ],
    ids=str.__len__,
)
def test_a_page_that_is_made_to_be_hard_is_read_all_the_same(html: str) -> None:
    tree = LexborHTMLParser(html)
    found = resolve_links(references_in(tree, EVERYTHING, nofollow=False), base_of(tree, URL), URL)
    assert all(url.startswith("http://example.org/") for url in found)


@given(st.lists(st.text()))
def test_links_of_any_page_are_normalised_and_distinct(hrefs: list[str]) -> None:
    found = links("".join(f'<a href="{href}">x</a>' for href in hrefs))
    assert len(set(found)) == len(found)
    assert all(resolve("", link) == link for link in found)
