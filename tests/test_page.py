from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.document import sources
from crawler.document.directives import Directives
from crawler.document.page import Page
from crawler.document.sources import EVERYTHING, IMAGES, Source
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import Request
from crawler.url import resolve

URL = "http://example.org/books/index.html"
HEADERS = (("content-type", "text/html; charset=koi8-r"), ("x-a", "1"), ("x-a", "2"))


def page(body: str = "", content_type: str = "", request: Request | None = None) -> Page:
    return Page(URL, body.encode(), headers=(("content-type", content_type),), request=request)


def urls(page: Page, selector: str | None = None) -> list[str]:
    return [request.url for request in (page.links(selector) if selector else page.links())]


def test_a_page_made_by_hand_is_enough_to_test_a_parser() -> None:
    made = Page(URL, b"<h1>Books</h1>")
    heading = made.css_first("h1")
    assert heading is not None
    assert heading.text() == "Books"
    assert (made.status, made.depth, made.label, made.metadata, made.request.url) == (200, 0, "", {}, URL)


def test_a_page_is_described_by_status_url_and_size() -> None:
    assert repr(Page(URL, b"abc", status=203)) == f"<Page 203 {URL} 3 bytes>"


def test_text_is_decoded_by_the_header() -> None:
    assert Page(URL, "ж".encode("koi8-r"), headers=HEADERS).text == "ж"


def test_header_fields_are_found_in_any_case_and_the_first_counts() -> None:
    made = Page(URL, headers=HEADERS)
    assert (made.header("X-A"), made.header("x-b"), made.header("x-b", "none")) == ("1", "", "none")


def test_text_and_tree_are_made_once() -> None:
    made = page("<title>x</title>")
    assert made.text is made.text
    assert made.tree is made.tree


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("<title> A\n  good   book </title>", "", "A good book"),
        ("<title></title>", "", ""),
        ("<p>none</p>", "", ""),
        ("<title>x</title>", "text/plain", ""),
        ("<title>a &amp; b</title>", "text/html", "a & b"),
        ("", "text/html", ""),
    ],
)
def test_the_title_is_text_with_its_white_space_collapsed(body: str, content_type: str, expected: str) -> None:
    assert page(body, content_type).title == expected


def test_json_is_decoded() -> None:
    assert page('{"a": [1, null, "é"]}', "application/json").json() == {"a": [1, None, "é"]}


@pytest.mark.parametrize("body", ["", "{", "<html>", '{"a": 1} x'])
def test_a_body_that_is_no_json_is_a_value_error(body: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated"):
        page(body).json()


@pytest.mark.parametrize("depth", [700, 100_000])
def test_json_that_is_nested_too_deep_is_a_value_error_with_odd_text_in_it_too(depth: int) -> None:
    body = "[" * depth + '"\\ud83d"' + "]" * depth
    with pytest.raises(ValueError, match=r"[Ii]nvalid|surrogate|nested too deep"):
        page(body).json()


def test_links_are_requests_resolved_against_the_base_of_the_page_each_once() -> None:
    made = page("<base href=/root/><a href=a>1</a><a href=a#x>2</a><area href=../b><a href=mailto:x>3</a>")
    assert urls(made) == ["http://example.org/root/a", "http://example.org/b"]


def test_links_of_chosen_elements_carry_what_was_asked_for() -> None:
    made = page("<a href=1>no</a><a class=book href=2>yes</a>")
    [request] = made.links("a.book", label="book", priority=3)
    assert request == Request("http://example.org/books/2", label="book", priority=3)


def test_a_page_that_is_no_html_has_no_links() -> None:
    made = page("<a href=1>x</a><link rel=canonical href=2><meta http-equiv=refresh content=3>", "text/plain")
    assert (urls(made), made.canonical, made.refresh, made.directives) == ([], None, None, Directives())


def test_links_may_be_looked_for_elsewhere() -> None:
    made = page("<a href=1>x</a><img src=2 srcset='3 2x, 2'><p data-url=4>")
    found = [request.url for request in made.links(sources=(*IMAGES, Source("p", "data-url")), label="picture")]
    assert found == [f"http://example.org/books/{number}" for number in (2, 3, 4)]
    assert len(list(made.links(sources=EVERYTHING))) == 3
    assert len(list(made.links(sources=[]))) == 0


def test_links_of_other_sources_are_normalised_already() -> None:
    made = page("<img src=1>")
    [request] = made.links(sources=IMAGES)
    assert made.normalise(request) is request


def test_a_selector_stands_in_place_of_the_sources() -> None:
    made = page("<link rel=next href=2><a href=3>x</a>")
    assert urls(made, "link[rel=next]") == ["http://example.org/books/2"]
    with pytest.raises(ConfigurationError, match="selector='a'"):
        list(made.links("a", sources=IMAGES))


def test_what_robots_are_asked_not_to_follow_is_left_out() -> None:
    made = page("<a rel=nofollow href=1>x</a><a href=2>y</a><a rel='nofollow ugc' href=2>y</a>")
    assert urls(made) == ["http://example.org/books/2"]
    assert urls(made, "a") == ["http://example.org/books/2"]
    assert len(list(made.links(nofollow=True))) == 2
    made.obeys_robots = False
    assert len(urls(made)) == 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("<meta name=robots content=nofollow>", ()),
        ("<META NAME=Robots CONTENT='noindex, NONE'>", ()),
        ("<p>late<meta name=ours content=nofollow>", ()),
        ("", (("x-robots-tag", "noindex"), ("x-robots-tag", "nofollow"))),
        ("<meta name=robots content=all>", (("x-robots-tag", "others: none, ours: nofollow"),)),
    ],
)
def test_a_page_may_ask_robots_not_to_follow_any_link(body: str, headers: tuple[tuple[str, str], ...]) -> None:
    made = Page(URL, f"{body}<a href=1>x</a>".encode(), headers=headers)
    made.agent = "Ours"
    assert made.directives.follow is False
    assert urls(made) == urls(made, "a") == []
    assert len(list(made.links(nofollow=True))) == 1
    made.obeys_robots = False
    assert made.directives.follow is False
    assert len(urls(made)) == 1


def test_what_is_said_to_other_robots_is_nothing_to_us() -> None:
    made = Page(URL, b"<meta name=ours content=none><a href=1>x</a>", headers=(("x-robots-tag", "ours: none"),))
    assert made.directives == Directives()
    assert len(urls(made)) == 1


def test_header_fields_for_robots_count_on_pages_that_are_no_html() -> None:
    headers = (("content-type", "application/pdf"), ("x-robots-tag", "noindex"))
    assert Page(URL, b"<meta name=robots content=nofollow>", headers=headers).directives == Directives(index=False)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", None),
        ("<link rel=canonical href=1#x>", "http://example.org/books/1"),
        ("<base href=/root/><link rel='alternate CANONICAL' href=1>", "http://example.org/root/1"),
        ("<link rel=canonical href=mailto:x><link rel=canonical href=2>", "http://example.org/books/2"),
        ("<link rel=canonical href=1><link rel=canonical href=2>", "http://example.org/books/1"),
        ("<link rel=canonical href>", URL),
        ("<link rel=canonical>", None),
        ("<link rel=canonicals href=1>", None),
        ("<link href=1>", None),
        ("</head><body><p>a visitor's words<link rel=canonical href=1>", None),
    ],
)
def test_the_canonical_url_is_that_of_the_head(head: str, expected: str | None) -> None:
    assert page(f"<head>{head}").canonical == expected


@pytest.mark.parametrize(
    ("field", "body", "expected"),
    [
        ("", "", None),
        ("", "<base href=/root/><meta http-equiv=REFRESH content='1; url=2#x'>", (1.0, "http://example.org/root/2")),
        ("", "<p><meta http-equiv=refresh content=5>", (5.0, URL)),
        ("", "<meta http-equiv=refresh content><meta http-equiv=refresh>", None),
        ("", "<meta http-equiv=refresh content='0;javascript:x'>", None),
        ("", "<meta http-equiv=refresh content='0;http://['><meta http-equiv=refresh content=1>", (1.0, URL)),
        ("", "<meta http-equiv=refresh content=1><meta http-equiv=refresh content=2>", (1.0, URL)),
        ("3;url=4", "<base href=/root/><meta http-equiv=refresh content=1>", (3.0, "http://example.org/books/4")),
        ("none", "<meta http-equiv=refresh content=1>", (1.0, URL)),
        ("1;ftp://a/", "<meta http-equiv=refresh content=2>", (2.0, URL)),
    ],
)
def test_a_refresh_is_the_first_that_leads_somewhere(field: str, body: str, expected: tuple[float, str] | None) -> None:
    made = Page(URL, body.encode(), headers=(("refresh", field),) if field else ())
    assert made.refresh == expected
    if made.refresh:
        assert made.refresh.seconds == made.refresh[0]
        assert made.normalise(Request(made.refresh.url)).url == made.refresh.url


def test_many_requests_of_one_page_are_normalised_without_looking_for_its_base_each_time() -> None:
    made = page("<p>" * 100_000)
    for number in range(20_000):
        assert made.follow(str(number)).url == f"http://example.org/books/{number}"


def test_follow_resolves_a_reference_and_takes_the_fields_of_a_request() -> None:
    made = page("<base href=/root/>").follow("x#y", method="POST", body=b"1", label="l", metadata={"n": 1})
    assert made == Request("http://example.org/root/x", "POST", body=b"1", label="l", metadata={"n": 1})


def test_follow_resolves_against_the_address_where_the_page_is_no_html() -> None:
    made = page('{"next": "2.json", "html": "<base href=/root/>"}', "application/json")
    assert made.follow("2.json").url == "http://example.org/books/2.json"


@pytest.mark.parametrize("href", ["mailto:a@b.example", "http://[", "javascript:1"])
def test_follow_refuses_what_cannot_be_fetched(href: str) -> None:
    with pytest.raises(InvalidURLError):
        page().follow(href)


def test_a_request_that_a_parser_made_by_hand_is_normalised_and_keeps_its_fields() -> None:
    made = page().normalise(Request("../A b#c", "POST", body=b"1", label="l"))
    assert made == Request("http://example.org/A%20b", "POST", body=b"1", label="l")


def test_a_request_that_the_page_made_is_left_as_it_is() -> None:
    made = page("<a href=1>x</a>")
    [link] = made.links()
    followed = made.follow("2")
    assert made.normalise(link) is link
    assert made.normalise(followed) is followed


def test_a_request_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(InvalidURLError):
        page().normalise(Request("ftp://example.org/"))


def test_what_the_request_carried_is_at_hand() -> None:
    made = page(request=Request(URL, label="book", metadata={"n": 1}, depth=4))
    assert (made.label, made.metadata, made.depth) == ("book", {"n": 1}, 4)


def test_a_page_survives_pickling_without_its_lazy_parts() -> None:
    request = Request(URL, label="book", metadata={"n": 1}, depth=4)
    made = Page(URL, b"<title>x</title>", status=203, headers=HEADERS, request=request, seconds=0.5)
    size = len(pickle.dumps(made))
    assert made.title == "x"
    assert list(made.links()) == []
    copy = pickle.loads(pickle.dumps(made))  # noqa: S301  # its own bytes
    assert len(pickle.dumps(made)) == size
    assert copy.title == "x"
    for name in ("url", "body", "status", "headers", "request", "seconds"):
        assert getattr(copy, name) == getattr(made, name)


@given(st.binary(), st.sampled_from(["", "text/html", "text/plain", "text/html; charset=utf-16"]))
def test_no_body_breaks_a_page(body: bytes, content_type: str) -> None:
    made = Page(URL, body, headers=(("content-type", content_type),))
    assert all(resolve("", request.url) == request.url for request in made.links(sources=EVERYTHING))
    assert made.canonical is None or resolve("", made.canonical) == made.canonical
    assert made.refresh is None or resolve("", made.refresh.url) == made.refresh.url
    assert made.directives.index in {True, False}
    assert made.title == " ".join(made.title.split())


def test_a_request_made_by_hand_is_relative_to_the_base_as_a_followed_one_is() -> None:
    page = Page("http://a.example/x/", b'<base href="/other/">')
    assert page.normalise(Request("c")).url == page.follow("c").url == "http://a.example/other/c"


# ── queries in pages that are not UTF-8 ──


def in_encoding(encoding: str, html: str, codec: str = "", *headers: tuple[str, str]) -> Page:
    field = ("content-type", f"text/html; charset={encoding}")
    return Page(URL, html.encode(codec or encoding), headers=(field, *headers))


SENT = "http://example.org/books/s?q=%EF%EE%E8%F1%EA"


def test_every_reference_in_a_page_asks_in_the_encoding_of_the_page() -> None:
    made = in_encoding(
        "windows-1251",
        "<link rel=canonical href='s?q=поиск#ж'><meta http-equiv=refresh content='0;s?q=поиск'>"
        "<a href='s?q=поиск'>x</a><form action='s?q=поиск&amp;f'></form><iframe src='s?q=поиск&amp;i'></iframe>"
        "<img src='s?q=поиск&amp;j' srcset='s?q=поиск&amp;k 2x'><script src=s?q=поиск&amp;l></script>",
    )
    links = [request.url for request in made.links(sources=EVERYTHING)]
    assert links == [SENT + end for end in ("", "&f", "&i", "&j", "&k", "&l")]
    assert (made.canonical, made.refresh) == (SENT, (0.0, SENT))
    assert made.follow("s?q=поиск").url == SENT
    assert made.normalise(Request("s?q=поиск")).url == SENT
    assert made.normalise(Request("http://example.org/books/s?q=поиск")).url == SENT


def test_a_base_element_has_its_query_in_the_encoding_of_the_page_and_so_has_what_is_relative_to_it() -> None:
    made = in_encoding(
        "windows-1251", "<base href='/x/?ж'><a href=''>x</a><a href='?ж'>x</a><a href='//b.example?ж'>x</a>"
    )
    assert urls(made) == ["http://example.org/x/?%E6", "http://b.example/?%E6"]


@pytest.mark.parametrize(
    ("encoding", "href", "expected"),
    [
        ("windows-1251", "/путь?к=漢", "/%D0%BF%D1%83%D1%82%D1%8C?%EA=%26%2328450%3B"),
        ("shift_jis", "/search?cat=漢字", "/search?cat=%8A%BF%8E%9A"),
        ("euc-jp", "/search?cat=漢字#漢", "/search?cat=%B4%C1%BB%FA"),
        ("iso-2022-jp", "/?漢", "/?%1B$B4A%1B(B"),
        ("gbk", "/?中 ", "/?%D6%D0"),
        ("utf-8", "/?ж漢", "/?%D0%B6%E6%BC%A2"),
        ("utf-16le", "/?ж漢", "/?%D0%B6%E6%BC%A2"),
        ("utf-16be", "/?ж漢", "/?%D0%B6%E6%BC%A2"),
    ],
)
def test_paths_and_pages_in_utf_16_ask_in_utf_8(encoding: str, href: str, expected: str) -> None:
    made = Page(
        URL,
        f'<a href="{href}">x</a>'.encode(encoding, "xmlcharrefreplace"),
        headers=(("content-type", f"text/html; charset={encoding}"),),
    )
    assert urls(made) == ["http://example.org" + expected]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"<meta charset=koi8-r>", "", "%D6"),
        (b"<meta charset=koi8-r>", "text/html; charset=windows-1251", "%E6"),
        (b"\xef\xbb\xbf<meta charset=koi8-r>", "text/html; charset=windows-1251", "%D0%B6"),
        (b"<meta charset=koi8-r>", "application/xhtml+xml", "%D6"),
        (b"<p>\xe9", "", "%26%231078%3B"),  # windows-1252, as the text was read in
        (b"<p>\xd0\xb6", "", "%D0%B6"),
        (b"<p>", "", "%D0%B6"),  # nobody says what it is in
        (b"<meta charset=iso-8859-1>", "", "%26%231078%3B"),
        (b"<meta charset=koi8-r>", "application/json", "%D0%B6"),
    ],
)
def test_a_query_is_in_the_encoding_in_which_the_page_was_read(body: bytes, content_type: str, expected: str) -> None:
    made = Page(URL, body, headers=(("content-type", content_type),))
    assert made.follow("/?ж").url == "http://example.org/?" + expected


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
@pytest.mark.parametrize(
    ("field", "expected"),
    [("0; /a?ж", "/a?%D0%B6"), ("0; /\udcd6?\udcd6", "/%D6?%D6"), ("0; /é?\udce9", "/%C3%A9?%E9")],
)
def test_a_header_field_is_no_part_of_the_page_and_its_bytes_are_sent_as_they_are(
    encoding: str, field: str, expected: str
) -> None:
    made = in_encoding(encoding, "ж", "", ("refresh", field))
    assert made.refresh == (0.0, "http://example.org" + expected)


# ── what the type says ──


@pytest.mark.parametrize(
    ("fields", "is_html"),
    [
        (["text/html, text/html; charset=utf-8"], True),
        (["text/html charset=utf-8"], True),
        (["junk", "text/html"], True),
        (["junk", "text/plain"], False),
        (["*/*"], True),
        (["unknown/unknown"], True),
        (["application/unknown"], True),
        ([], True),
        (["application/json"], False),
        (["text/html;charset=x", "image/png"], False),
    ],
)
def test_a_page_is_html_by_all_of_its_content_types(fields: list[str], is_html: bool) -> None:
    headers = [("content-type", field) for field in fields]
    page = Page("http://a.example/", b'<title>t</title><a href="/b">b</a>', headers=headers)
    assert page.is_html is is_html
    assert [link.url for link in page.links()] == (["http://a.example/b"] if is_html else [])


@pytest.mark.parametrize("body", [b"%PDF-1.4 <a href=/b>", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"a\0b", b"PK\3\4"])
def test_bytes_of_an_unknown_type_that_are_no_text_are_no_html(body: bytes) -> None:
    assert not Page("http://a.example/", body, headers=[("content-type", "*/*")]).is_html
    assert not Page("http://a.example/", body).is_html


def test_a_page_in_utf_16_is_a_text() -> None:
    assert Page("http://a.example/", "\ufeff<title>é</title>".encode("utf-16-le")).title == "é"


@pytest.mark.parametrize(
    ("content_type", "title"),
    [
        ('text/html; foo="; charset=shift_jis"', "é"),
        ("text/html; charset=nonsense; charset=windows-1251", "é"),
        ("text/html; charset=windows-1252, text/html; charset=utf-8", "é"),
        ("text/html; charset='utf-8'", "é"),
        ("text/html; charset=iso-8859-1", "Ã©"),
    ],
)
def test_the_charset_is_the_one_that_browsers_take(content_type: str, title: str) -> None:
    page = Page("http://a.example/", "<title>é</title>".encode(), headers=[("content-type", content_type)])
    assert page.title == title


# ── what is not the page's, and what is ──


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("<svg><title>icon</title></svg><title>page</title>", "page"),
        ("<body><svg><g><title>icon</title></g></svg>", ""),
        ("<body><math><title>m</title></math>", ""),
        ("<title>page</title><svg><title>icon</title></svg>", "page"),
    ],
)
def test_the_title_of_an_image_is_not_that_of_the_page(body: str, title: str) -> None:
    assert Page("http://a.example/", body.encode()).title == title


def test_the_base_of_an_image_is_not_that_of_the_page() -> None:
    page = Page("http://a.example/", b'<body><svg><base href="/x/"></svg><a href="y">')
    assert [link.url for link in page.links()] == ["http://a.example/y"]


SVG = (
    '<svg><a xlink:href="/1">x</a><a href="/2" xlink:href="/no">x</a><image xlink:href="/3" /><image href="/4" /></svg>'
)
SHADOWS = (
    '<div><template shadowrootmode="open"><a href="/1">x</a><div><template shadowrootmode=closed><a href="/2">x</a>'
    "</template></div></template></div><template><a href='/no'>x</a></template>"
)
BUTTONS = (
    '<form method=post><button formaction="/no">x</button></form>'
    '<form action="/1"><button formaction="/2">x</button><input type=submit formaction="/3">'
    '<button formmethod=post formaction="/no">x</button></form>'
)


@pytest.mark.parametrize(
    ("body", "found", "numbers"),
    [
        (SVG, sources.ANCHORS, (1, 2)),
        (SVG, sources.IMAGES, (3, 4)),
        (SHADOWS, sources.ANCHORS, (1, 2)),
        (BUTTONS, sources.FORMS, (1, 2, 3)),
    ],
    ids=["svg", "images in svg", "shadow trees", "buttons"],
)
def test_links_are_where_readers_find_them(body: str, found: Any, numbers: tuple[int, ...]) -> None:
    page = Page("http://a.example/", body.encode())
    assert [link.url for link in page.links(sources=found)] == [f"http://a.example/{number}" for number in numbers]


def test_shadow_trees_inside_each_other_without_end_are_read_in_part() -> None:
    body = '<div><template shadowrootmode="open"><a href="/x">x</a>' * 3000
    assert [link.url for link in Page("http://a.example/", body.encode()).links()] == ["http://a.example/x"]


@pytest.mark.parametrize(
    ("body", "field", "canonical"),
    [
        ("", '</c>; rel="canonical"', "http://a.example/c"),
        ("<base href=/x/>", "<c>; rel=canonical", "http://a.example/c"),
        ("<link rel=canonical href=/head>", "</c>; rel=canonical", "http://a.example/head"),
        ("", "</c>; rel=canonical; anchor=/other", None),
        ("", "<mailto:x>; rel=canonical, </c>; rel=canonical", "http://a.example/c"),
        ("", "</c>; rel=next", None),
    ],
)
def test_a_header_field_may_say_which_url_is_canonical(body: str, field: str, canonical: str | None) -> None:
    assert Page("http://a.example/", body.encode(), headers=[("link", field)]).canonical == canonical


def test_the_canonical_url_of_what_is_no_html_is_in_its_header() -> None:
    headers = [("content-type", "application/pdf"), ("link", "<https://b.example/c>; rel=canonical")]
    assert Page("http://a.example/", b"%PDF-", headers=headers).canonical == "https://b.example/c"
