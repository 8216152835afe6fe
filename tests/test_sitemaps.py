from __future__ import annotations

import codecs
import gzip
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.document.page import Page
from crawler.errors import ParseError
from crawler.models import SITEMAP, Request
from crawler.sitemaps import parse_sitemap, read_sitemap, sitemap

SITE = "https://example.org"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<link>https://example.org/channel</link><image><link>/image</link></image>
<atom:link href="https://example.org/feed" rel="self"/>
<item><title>A</title><atom:link href="/comments" rel="replies"/><link>https://example.org/a</link>
<pubDate>Mon, 06 Sep 2021 00:01:00 +0000</pubDate></item>
<item><link> <![CDATA[/b?c&d]]> </link></item></channel></rss>"""
RSS_1 = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><link>/channel</link></channel>
<item><link>/a</link><dc:date>2024-01-02</dc:date></item><item><link>/b?c&amp;d</link></item></rdf:RDF>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link href="/feed" rel="self"/><link href="/"/>
<entry><link rel="edit" href="/edit"/><link href="/a"/><link href="/second"/>
<updated>2003-12-13T18:30:02Z</updated></entry>
<entry><link rel="alternate" type="text/html" href="/b?c&amp;d"/></entry></feed>"""


def page(body: bytes | str, content_type: str = "", request: Request | None = None) -> Page:
    data = body.encode() if isinstance(body, str) else body
    headers = [("content-type", content_type)] if content_type else []
    return Page(f"{SITE}/maps/sitemap.xml", data, headers=headers, request=request)


def urls(body: bytes | str, content_type: str = "") -> list[str]:
    return [request.url for request in parse_sitemap(page(body, content_type))]


def urlset(*locs: str) -> str:
    return f'<urlset xmlns="{NAMESPACE}">{"".join(f"<url><loc>{loc}</loc></url>" for loc in locs)}</urlset>'


def index(*locs: str) -> str:
    entries = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    return f'<sitemapindex xmlns="{NAMESPACE}">{entries}</sitemapindex>'


def failing(body: bytes | str, content_type: str = "", *, request: Request | None = None) -> tuple[list[str], str]:
    requests, error = read_sitemap(page(body, content_type, request))
    assert error is not None
    return [request.url for request in requests], str(error)


# ── kinds ──


def test_the_urls_of_a_sitemap_become_requests() -> None:
    body = urlset(
        "https://example.org/a", " \n https://EXAMPLE.org:443/b?c&amp;d#e \n", "<![CDATA[https://example.org/f]]>"
    )
    assert list(parse_sitemap(page(body))) == [
        Request("https://example.org/a"),
        Request("https://example.org/b?c&d"),
        Request("https://example.org/f"),
    ]


def test_the_sitemaps_of_an_index_become_requests_for_sitemaps() -> None:
    requests = list(parse_sitemap(page(index("https://example.org/1.xml", "https://example.org/2.xml.gz"))))
    assert [request.url for request in requests] == ["https://example.org/1.xml", "https://example.org/2.xml.gz"]
    assert {request.label for request in requests} == {SITEMAP}


@pytest.mark.parametrize("feed", [RSS, RSS_1, ATOM])
def test_the_entries_of_a_feed_become_requests(feed: str) -> None:
    assert urls(feed) == [f"{SITE}/a", f"{SITE}/b?c&d"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_a_text_has_a_url_a_line(end: str) -> None:
    lines = [
        "https://example.org/a",
        "  HTTPS://example.org/b ",
        "",
        "/c",
        "not a URL",
        "http://[",
        "http://example.org/d",
    ]
    assert urls(end.join(lines), "text/plain") == [f"{SITE}/a", f"{SITE}/b", "http://example.org/d"]


@pytest.mark.parametrize(
    "body", [urlset(f"{SITE}/a"), f"{SITE}/a", RSS.replace("<item><link> <![CDATA[/b?c&d]]> </link></item>", "")]
)
def test_any_of_them_may_be_a_gzip_file(body: str) -> None:
    assert urls(gzip.compress(body.encode()), "application/x-gzip") == [f"{SITE}/a"]


def test_a_gzip_file_may_have_several_members_and_something_after_them() -> None:
    body = urlset(f"{SITE}/a", f"{SITE}/b").encode()
    members = b"".join(gzip.compress(part) for part in (b"", body[:50], body[50:90], body[90:], b""))
    for rest in (b"", b"\0" * 512, b"garbage", b"\x1f"):
        assert urls(members + rest) == [f"{SITE}/a", f"{SITE}/b"]


def test_namespaces_and_prefixes_do_not_matter() -> None:
    body = f'<?xml version="1.0"?><s:urlset xmlns:s="{NAMESPACE}"><s:url><s:loc>{SITE}/a</s:loc></s:url></s:urlset>'
    assert urls(body) == [f"{SITE}/a"]
    assert urls(body.replace(NAMESPACE, "http://www.google.com/schemas/sitemap/0.84")) == [f"{SITE}/a"]


def test_what_belongs_to_a_url_is_not_taken_for_one() -> None:
    extras = (
        '<xhtml:link rel="alternate" hreflang="de" href="/de"/>'
        "<image:image><image:loc>/image.png</image:loc></image:image>"
        "<video:video><video:content_loc>/v.mp4</video:content_loc></video:video>"
    )
    assert urls(urlset("/a").replace("</loc>", f"</loc>{extras}")) == [f"{SITE}/a"]


def test_urls_are_relative_to_the_sitemap_and_invalid_ones_are_left_out() -> None:
    found = urls(urlset("/a", "b", "", "mailto:x@example.org", "http://[", "https://example.org/" + "c" * 8000, "?d"))
    assert found == [f"{SITE}/a", f"{SITE}/maps/b", f"{SITE}/maps/sitemap.xml?d"]


@pytest.mark.parametrize("inner", ["<b>/x</b>", "/x<b/>", "<loc>/x</loc>", "<url><loc>/x</loc></url>"])
def test_elements_where_there_should_be_none_do_no_harm(inner: str) -> None:
    assert urls(urlset("/a", inner, "/b"))[0::2][:1] == [f"{SITE}/a"]
    assert urls(urlset("/a", inner, "/b"))[-1] == f"{SITE}/b"


@pytest.mark.parametrize("body", ["", " \n ", gzip.compress(b"", mtime=0) * 1000, urlset()])
def test_a_sitemap_may_be_empty(body: bytes | str) -> None:
    assert urls(body) == []


@pytest.mark.parametrize("body", [index(), "<rss/>", "<feed/>", "<rss><item><title>t</title></item></rss>"])
def test_an_index_or_a_feed_without_a_url_says_so(body: str) -> None:
    requests, error = read_sitemap(page(body.encode()))
    assert requests == []
    assert "has no URL" in str(error)


def test_an_entry_with_several_urls_has_all_of_them() -> None:
    body = urlset("/a").replace("</loc>", "</loc><lastmod>2026</lastmod><loc>/second</loc>")
    assert urls(body) == [f"{SITE}/a", f"{SITE}/second"]


# ── feeds ──


def test_a_permalink_is_the_url_of_an_item_that_has_no_link() -> None:
    items = (
        f"<item><guid>{SITE}/1</guid></item>",
        f'<item><guid isPermaLink="true">{SITE}/2</guid></item>',
        f'<item><guid isPermaLink="false">{SITE}/no</guid></item>',
        "<item><guid>tag:example.org,2026:no</guid></item>",
        f"<item><guid>{SITE}/no</guid><link>{SITE}/3</link></item>",
        f"<item><link>{SITE}/4</link><guid>{SITE}/no</guid></item>",
    )
    assert urls(f"<rss><channel>{''.join(items)}</channel></rss>") == [f"{SITE}/{number}" for number in (1, 2, 3, 4)]


def test_links_of_a_feed_are_relative_to_the_base_that_is_in_force() -> None:
    body = """<feed xml:base="https://a.example/x/">
        <entry><link href="1"/></entry>
        <entry xml:base="y/"><link href="2"/><link href="no"/></entry>
        <entry xml:base="/z/"><link xml:base="w/" href="3"/></entry>
        <entry><link href="4"/></entry>
        <entry xml:base="http://["><link href="lost"/></entry>
    </feed>"""
    found = ["https://a.example/x/1", "https://a.example/x/y/2", "https://a.example/z/w/3", "https://a.example/x/4"]
    assert urls(body) == found


@pytest.mark.parametrize(
    ("rel", "count"),
    [
        ("alternate", 1),
        ("http://www.iana.org/assignments/relation/alternate", 1),
        ("self", 0),
        ("http://www.iana.org/assignments/relation/self", 0),
    ],
)
def test_the_relation_of_a_link_may_be_a_uri(rel: str, count: int) -> None:
    body = f'<feed><entry><link href="/0"/></entry><entry><link rel="{rel}" href="/1"/></entry></feed>'
    assert len(urls(body)) == 1 + count


# ── requests ──


def test_a_request_for_a_sitemap_is_told_by_its_label() -> None:
    assert sitemap(f"{SITE}/s.xml") == Request(f"{SITE}/s.xml", label=SITEMAP)


def test_what_the_requests_are_to_be_is_handed_down_through_indexes() -> None:
    request = sitemap(f"{SITE}/s.xml", label="book", priority=3, details=True)
    for nested in (1, 2, 3):
        [request] = parse_sitemap(page(index("/next.xml"), request=request))
        assert (request.label, request.priority, dict(request.metadata or {})["nested"]) == (SITEMAP, 3, nested)
    body = urlset("/a").replace("</loc>", "</loc><lastmod> 2024-01-02 </lastmod><priority>0.8</priority>")
    assert list(parse_sitemap(page(body, request=request))) == [
        Request(f"{SITE}/a", label="book", priority=3, metadata={"lastmod": "2024-01-02", "priority": "0.8"})
    ]


@pytest.mark.parametrize(
    ("body", "dates"),
    [
        (RSS, ["Mon, 06 Sep 2021 00:01:00 +0000", None]),
        (RSS_1, ["2024-01-02", None]),
        (ATOM, ["2003-12-13T18:30:02Z", None]),
        (urlset("/a"), [None]),
    ],
)
def test_details_are_given_where_they_are_asked_for_and_known(body: str, dates: list[str | None]) -> None:
    asked = parse_sitemap(page(body, request=sitemap(f"{SITE}/s.xml", details=True)))
    assert [request.metadata and request.metadata["lastmod"] for request in asked] == dates
    assert all(request.is_plain for request in parse_sitemap(page(body)))


def test_indexes_are_not_followed_for_ever() -> None:
    deep = Request(f"{SITE}/s.xml", label=SITEMAP, metadata={"nested": 3})
    assert failing(index("/a.xml"), request=deep) == (
        [],
        "the sitemap is an index inside of 3 others; URLs taken before that: 0",
    )
    assert [request.url for request in parse_sitemap(page(urlset("/a"), request=deep))] == [f"{SITE}/a"]


# ── encodings ──


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        *(("utf-8", "UTF-8"), ("latin-1", "ISO-8859-1"), ("cp1251", "windows-1251"), ("koi8-r", "KOI8-R")),
        *(
            ("shift_jis", "Shift_JIS"),
            ("iso2022_jp", "ISO-2022-JP"),
            ("euc_jp", "EUC-JP"),
            ("gb18030", "GB2312"),
            ("big5", "Big5"),
            ("euc_kr", "EUC-KR"),
        ),
        *(("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16")),
    ],
)
def test_a_sitemap_may_be_in_any_encoding_that_it_declares(encoding: str, label: str) -> None:
    letters = {"latin-1": "é", "cp1251": "ж", "koi8-r": "ж", "gb18030": "中", "big5": "中", "euc_kr": "한"}.get(
        encoding, "日"
    )
    # Long enough that characters are cut where the pieces end.
    locs = [f"/{letters * length}" for length in range(1, 400)]
    body = f'<?xml version="1.0" encoding="{label}"?>\n{urlset(*locs)}'
    assert urls(body.encode(encoding)) == urls(urlset(*locs))
    assert urls(gzip.compress(body.encode(encoding))) == urls(urlset(*locs))


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("body", ['<?xml version="1.0" encoding="koi8-r"?>' + urlset("/ж"), f"{SITE}/ж\n"])
def test_a_byte_order_mark_outranks_all_else(name: str, body: str) -> None:
    mark = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}[name]
    assert urls(mark + body.encode(name), "text/xml; charset=latin-1") == [f"{SITE}/%D0%B6"]


def test_the_content_type_outranks_the_declaration() -> None:
    body = ('<?xml version="1.0" encoding="iso-8859-1"?>' + urlset("/ж")).encode("koi8-r")
    assert urls(body, 'application/xml; charset="KOI8-R"') == [f"{SITE}/%D0%B6"]
    assert urls(body, "application/xml; charset=nonsense") == [f"{SITE}/%C3%96"]


def test_bytes_that_do_not_decode_cost_their_url_alone() -> None:
    assert urls(urlset("/a", "/caf", "/b").encode().replace(b"caf", b"caf\xe9")) == [
        f"{SITE}/a",
        f"{SITE}/caf%EF%BF%BD",
        f"{SITE}/b",
    ]


@pytest.mark.parametrize("start", ["\n", " \r\n\t", "\ufeff", "\ufeff\n", " " * 200_000])
def test_what_precedes_the_xml_declaration_is_passed_over(start: str) -> None:
    assert urls(start + '<?xml version="1.0"?>' + urlset("/a")) == [f"{SITE}/a"]


# ── what goes wrong ──


@pytest.mark.parametrize("cut", ["</loc></url></urlset>", "</url></urlset>", "</urlset>"])
def test_of_a_truncated_sitemap_the_urls_before_are_taken_and_it_fails(cut: str) -> None:
    body = urlset("/a", "/b")
    found, error = failing(body[: -len(cut)])
    assert found == [f"{SITE}/a", f"{SITE}/b"][: 2 if cut == "</urlset>" else 1]
    assert error == f"the sitemap ends too early, in line 1; URLs taken before that: {len(found)}"


def test_of_a_broken_sitemap_the_urls_before_are_taken() -> None:
    found, error = failing(urlset("/a", "/b").replace("/b", "/b?c&d=1"))
    assert found == [f"{SITE}/a"]
    assert error.startswith(
        "the sitemap is broken in line 1: not well-formed (invalid token); URLs taken before that: 1"
    )


def test_the_errors_of_a_sitemap_are_raised_after_what_came_before() -> None:
    requests = parse_sitemap(page(urlset("/a")[:-3]))
    assert next(requests).url == f"{SITE}/a"
    with pytest.raises(ParseError, match="ends too early"):
        next(requests)


@pytest.mark.parametrize("wrapped", [urlset, lambda *locs: "\n".join(SITE + loc for loc in locs)])
def test_of_a_truncated_gzip_file_the_urls_before_are_taken(wrapped: Any) -> None:
    locs = [f"/{number}-{zlib.crc32(b'%d' % number)}" for number in range(20_000)]
    packed = gzip.compress(wrapped(*locs).encode())
    found, error = failing(packed[: len(packed) // 2])
    assert 5000 < len(found) < 15_000
    assert found == [SITE + loc for loc in locs[: len(found)]]
    assert error.startswith("the sitemap is a gzip file that ends too early; ")


@pytest.mark.parametrize(
    "damage", [b"\x1f\x8b", b"\x1f\x8b\x08\x00garbage", gzip.compress(b"", mtime=0)[:-1], b"\x1f\x8b" * 9]
)
def test_a_damaged_gzip_file_is_an_error(damage: bytes) -> None:
    assert "gzip file" in failing(damage)[1]


def test_a_gzip_file_whose_checksum_is_wrong_is_an_error() -> None:
    packed = bytearray(gzip.compress(urlset("/a").encode()))
    packed[-5] ^= 1
    assert "damaged gzip file" in failing(bytes(packed))[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<!DOCTYPE html><html><body>404</body></html>", "DOCTYPE"),
        ('<!DOCTYPE urlset [<!ENTITY a "b">]>' + urlset("/&a;"), "DOCTYPE"),
        ('<!DOCTYPE urlset SYSTEM "file:///etc/passwd">' + urlset("/"), "DOCTYPE"),
        ("<html><body><url><loc>/a</loc></url></body></html>", "its root is <html>"),
        ("<sitemap><loc>/a</loc></sitemap>", "its root is <sitemap>"),
        ('{"urls": []}', "neither XML nor text"),
        ("404 not found", "neither XML nor text"),
        (gzip.compress(gzip.compress(urlset("/a").encode())), "neither XML nor text"),
        (urlset("/&a;"), "undefined entity"),
        (urlset("/a").replace("<loc>", "<a>" * 100), "more than 64 elements"),
        (f'<urlset a="{"x" * 2**21}"/>', "tag of more than 1048576 bytes"),
        (f"<urlset><!--{'-x' * 2**20}", "tag of more than 1048576 bytes"),
    ],
)
def test_what_is_no_sitemap_is_an_error_that_says_why(body: bytes | str, expected: str) -> None:
    found, error = failing(body)
    assert found == []
    assert expected in error


# ── limits ──


@pytest.mark.parametrize("wrapped", [urlset, lambda *locs: "\n".join(SITE + loc for loc in locs)])
def test_a_sitemap_has_fifty_thousand_urls_at_most(wrapped: Any) -> None:
    locs = [f"/{number}" for number in range(50_001)]
    assert len(urls(wrapped(*locs[:-1]))) == 50_000
    found, error = failing(wrapped(*locs))
    assert len(found) == 50_000
    assert error.startswith("the sitemap has more than the 50000 URLs allowed")


def bomb(filling: bytes, size: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    block = filling * (2**20 // len(filling))
    return b"".join(compressor.compress(block) for _ in range(size // 2**20)) + compressor.flush()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b" " * (52_428_800 + 1), "more than the 52428800 bytes"),
        (
            gzip.compress(urlset("/a").encode()) + bomb(b" " * 64, 60 * 2**20) + b"x" * 2**19,
            "more than the 52428800 bytes",
        ),
        (bomb(b"<!-- -->", 100 * 2**20), "more than 250 times"),
        (gzip.compress(b"", mtime=0) * 1001, "more than 1000 members"),
    ],
)
def test_a_bomb_does_not_go_off(body: bytes, expected: str) -> None:
    assert expected in failing(body)[1]


def test_a_sitemap_of_fifty_megabytes_is_read() -> None:
    body = urlset("/a", "/b").encode()
    start, end = body.split(b"<url>", 1)
    padding = b" " * (52_428_800 - len(body))
    assert urls(start + padding + b"<url>" + end) == [f"{SITE}/a", f"{SITE}/b"]
    assert failing(start + padding + b" <url>" + end) == (
        [f"{SITE}/a", f"{SITE}/b"],
        "the sitemap has more than the 52428800 bytes allowed; URLs taken before that: 2",
    )


def test_a_text_of_one_line_is_no_sitemap_and_takes_no_time_that_grows_with_its_square() -> None:
    assert failing(b"https://example.org/" + b"a" * 20_000_000)[0] == []


# ── any body ──

MARKUP = st.sampled_from(
    [
        *("<urlset>", "</urlset>", "<sitemapindex>", "<url>", "</url>", "<loc>", "</loc>", "<sitemap>", "</sitemap>"),
        *("<feed>", "<entry>", "<link href='/x'/>", "</entry>", "<rss>", "<item>", "<link>", "</link>", "</item>"),
        *(
            "https://example.org/a",
            "&amp;",
            "&",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "<?xml version='1.0' encoding='utf-16'?>",
        ),
        *("\n", "<", ">", "x", "\0", "\ufeff", "é", "<!DOCTYPE a [", "<a:b c:d='e'>"),
    ]
)
BODIES = st.one_of(st.binary(), st.lists(MARKUP, max_size=30).map(lambda parts: "".join(parts).encode()))


@given(
    BODIES,
    st.sampled_from(["", "text/xml", "text/xml; charset=utf-16", "text/plain; charset=hz-gb-2312"]),
    st.booleans(),
)
@example(b"\xff\xfe<", "", False)
def test_whatever_the_body_there_are_requests_and_at_most_a_parse_error(body: bytes, kind: str, packed: bool) -> None:
    requests, error = read_sitemap(page(gzip.compress(body) if packed else body, kind))
    assert all(request.url.startswith(("http://", "https://")) for request in requests)
    assert error is None or str(error)


@given(st.lists(st.integers(0, 10**6), max_size=50), st.integers(0, 10_000))
def test_a_prefix_of_a_sitemap_gives_a_prefix_of_its_urls(numbers: list[int], cut: int) -> None:
    body = urlset(*(f"/{number}" for number in numbers)).encode()
    whole = [request.url for request in read_sitemap(page(body))[0]]
    assert whole == [f"{SITE}/{number}" for number in numbers]
    part, error = read_sitemap(page(body[:cut]))
    assert [request.url for request in part] == whole[: len(part)]
    assert (error is None) is (cut >= len(body) or cut == 0)
