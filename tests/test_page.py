from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import InvalidURLError
from crawler.models import Request
from crawler.page import Page
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


def test_links_are_requests_resolved_against_the_base_of_the_page_each_once() -> None:
    made = page("<base href=/root/><a href=a>1</a><a href=a#x>2</a><area href=../b><a href=mailto:x>3</a>")
    assert urls(made) == ["http://example.org/root/a", "http://example.org/b"]


def test_links_of_chosen_elements_carry_what_was_asked_for() -> None:
    made = page("<a href=1>no</a><a class=book href=2>yes</a>")
    [request] = made.links("a.book", label="book", priority=3)
    assert request == Request("http://example.org/books/2", label="book", priority=3)


def test_a_page_that_is_no_html_has_no_links() -> None:
    assert urls(page("<a href=1>x</a>", "text/plain")) == []


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
    copy = pickle.loads(pickle.dumps(made))  # noqa: S301  # its own bytes
    assert len(pickle.dumps(made)) == size
    assert copy.title == "x"
    for name in ("url", "body", "status", "headers", "request", "seconds"):
        assert getattr(copy, name) == getattr(made, name)


@given(st.binary(), st.sampled_from(["", "text/html", "text/plain", "text/html; charset=utf-16"]))
def test_no_body_breaks_a_page(body: bytes, content_type: str) -> None:
    made = Page(URL, body, headers=(("content-type", content_type),))
    assert all(resolve("", url) == url for url in urls(made))
    assert made.title == " ".join(made.title.split())


def test_a_request_made_by_hand_is_relative_to_the_base_as_a_followed_one_is() -> None:
    page = Page("http://a.example/x/", b'<base href="/other/">')
    assert page.normalise(Request("c")).url == page.follow("c").url == "http://a.example/other/c"
