from __future__ import annotations

import asyncio
import gzip
import os
import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from crawler import Access, Basic, Cookies, Crawler, Fetch, Politeness, Retry
from crawler.document.page import Page
from crawler.document.transfer import Transfer
from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.parsing.cpu import Cpu
from crawler.sinks.sink import CheckpointedSink
from crawler.sinks.warc import Warc
from tests.integration.sites import Answer, links, serve

URL = "http://books.example/a?b=ä"
PAGE = Page(URL, "<h1>Der Prozeß</h1>".encode(), headers=[("content-type", "text/html")])


def record_of(page: Page, name: str = "x.warc.gz") -> bytes:
    encode = pickle.loads(pickle.dumps(Warc(name).encode_page))  # noqa: S301  # as it reaches the workers
    record: bytes = encode(page)
    return record


def records(data: bytes) -> Iterator[tuple[Any, bytes]]:
    """Yield each record with its body; digests are checked, as by ``warcio check``."""
    for record in ArchiveIterator(BytesIO(data), check_digests="raise"):
        body = record.content_stream().read()
        if record.rec_type in {"response", "request"}:
            assert record.digest_checker.passed is True, record.digest_checker.problems
        yield record, body


def pages(path: Path) -> list[tuple[str, bytes]]:
    found = list(records(path.read_bytes()))
    assert found[0][0].rec_type == "warcinfo"
    assert len({record.rec_headers["WARC-Record-ID"] for record, _ in found}) == len(found)
    return [(record.rec_headers["WARC-Target-URI"], body) for record, body in found if record.rec_type == "response"]


def requests(path: Path) -> dict[str, Any]:
    """Return the header of the request for each URL; it is checked that each has a response."""
    responses, found = {}, {}
    for record, _ in records(path.read_bytes()):
        if record.rec_type == "response":
            responses[record.rec_headers["WARC-Record-ID"]] = record.rec_headers
        elif record.rec_type == "request":
            response = responses[record.rec_headers["WARC-Concurrent-To"]]
            assert record.rec_headers["WARC-Date"] == response["WARC-Date"]
            found[record.rec_headers["WARC-Target-URI"]] = record.http_headers
            assert response["WARC-Target-URI"] == record.rec_headers["WARC-Target-URI"]
    return found


@asynccontextmanager
async def opened(file: Path | int, token: bytes | None = None) -> AsyncIterator[Warc]:
    sink = Warc(file)
    await sink.open()
    try:
        await sink.restore(token)
        yield sink
    finally:
        await sink.close()


# ── records ──


def test_a_page_is_a_record_that_other_tools_read() -> None:
    fields = [("content-type", "text/html"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    [(record, body)] = records(record_of(Page(URL, b"body", status=203, headers=fields)))
    assert (record.rec_type, record.rec_headers.protocol, body) == ("response", "WARC/1.1", b"body")
    assert record.rec_headers["WARC-Target-URI"] == URL
    assert record.rec_headers["WARC-Date"].endswith("Z")
    assert record.rec_headers["WARC-Payload-Digest"].startswith("sha1:")
    assert record.rec_headers["Content-Type"] == "application/http; msgtype=response"
    assert record.http_headers.protocol == "HTTP/1.1"
    assert record.http_headers.statusline == "203 Non-Authoritative Information"
    assert record.http_headers.headers == [*fields, ("content-length", "4")]


def test_what_the_header_said_of_codings_is_kept_under_other_names() -> None:
    coded = [("content-encoding", "gzip"), ("transfer-encoding", "chunked"), ("content-length", "99"), ("x", "y")]
    [(record, body)] = records(record_of(Page(URL, b"decoded", headers=coded)))
    assert body == b"decoded"
    assert record.http_headers.headers == [
        ("x-archive-orig-content-encoding", "gzip"),
        ("x-archive-orig-transfer-encoding", "chunked"),
        ("x-archive-orig-content-length", "99"),
        ("x", "y"),
        ("content-length", "7"),
    ]


def test_odd_bytes_in_a_header_are_kept_and_line_breaks_are_not() -> None:
    odd = b"caf\xe9 \xc3\xa4".decode("utf-8", "surrogateescape")
    record = record_of(Page(URL, b"x", headers=[("x-odd", odd), ("x-break", "a\r\nb: c\nd")]), "x.warc")
    assert b"\r\nx-odd: caf\xe9 \xc3\xa4\r\nx-break: a  b: c d\r\ncontent-length: 1\r\n\r\nx\r\n\r\n" in record
    assert len(list(records(record))) == 1


@pytest.mark.parametrize("status", [200, 299, 418, 999])
def test_any_status_has_a_status_line(status: int) -> None:
    [(record, _)] = records(record_of(Page(URL, b"x", status=status)))
    assert record.http_headers.get_statuscode() == str(status)


def test_no_two_records_have_the_same_id_even_of_the_same_page() -> None:
    page = Page(URL, b"1", request=Request(URL, method="POST", body=b"a"))
    ids = [record.rec_headers["WARC-Record-ID"] for _ in range(2) for record, _ in records(record_of(page))]
    assert len(set(ids)) == len(ids) == 4


def test_a_request_is_a_record_of_its_own_that_names_its_response() -> None:
    request = Request(URL, method="POST", body=b"a=1&b=2", headers=(("X-Own", "1"),))
    page = Page(URL, b"1", request=request)
    page.transfer = Transfer(1e9, (("Host", "books.example"), ("User-Agent", "me")))
    (response, _), (sent, body) = records(record_of(page))
    assert (response.rec_type, sent.rec_type, body) == ("response", "request", b"a=1&b=2")
    assert sent.rec_headers["WARC-Concurrent-To"] == response.rec_headers["WARC-Record-ID"]
    assert sent.rec_headers["Content-Type"] == "application/http; msgtype=request"
    assert sent.http_headers.headers == [("Host", "books.example"), ("User-Agent", "me")]
    assert (sent.http_headers.protocol, sent.http_headers.statusline) == ("POST", "/a?b=ä HTTP/1.1")
    assert [record.rec_headers["WARC-Date"] for record in (response, sent)] == ["2001-09-09T01:46:40.000000Z"] * 2


def test_the_answer_to_head_is_marked_by_its_request_and_has_the_length_of_what_was_not_sent() -> None:
    page = Page(
        URL, request=Request(URL, method="HEAD"), headers=[("content-length", "99"), ("content-encoding", "br")]
    )
    (response, body), (sent, _) = records(record_of(page))
    assert (sent.http_headers.protocol, body) == ("HEAD", b"")
    assert response.http_headers.headers == [
        ("x-archive-orig-content-length", "99"),
        ("x-archive-orig-content-encoding", "br"),
        ("content-length", "99"),
    ]


def test_a_page_that_was_not_asked_for_has_no_request() -> None:
    assert [record.rec_type for record, _ in records(record_of(PAGE))] == ["response"]


def test_a_body_that_was_not_read_to_its_end_is_marked() -> None:
    page = Page(URL, b"beginning")
    page.transfer = Transfer(1e9, (), is_cut=True)
    (response, _), _ = records(record_of(page))
    assert response.rec_headers["WARC-Truncated"] == "unspecified"


def test_responses_are_pages_or_all() -> None:
    with pytest.raises(ConfigurationError, match=r"responses='errors'.*'pages' or 'all'"):
        Warc("x.warc.gz", responses="errors")  # type: ignore[arg-type]


@given(st.binary(max_size=300), st.sampled_from(["x.warc", "x.warc.gz"]))
def test_any_body_comes_back(body: bytes, name: str) -> None:
    [(_, found)] = records(record_of(Page(URL, body), name))
    assert found == body


def test_each_record_is_a_member_of_its_own_where_the_name_says_so() -> None:
    assert gzip.decompress(record_of(PAGE)).startswith(b"WARC/1.1\r\n")
    assert record_of(PAGE, "x.warc").startswith(b"WARC/1.1\r\n")


# ── files ──


@pytest.mark.parametrize("name", ["out.warc.gz", "out.warc"])
async def test_a_file_begins_with_a_record_about_itself(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    async with opened(path) as sink:
        assert isinstance(sink, CheckpointedSink)
        await asyncio.gather(*(sink.write([record_of(PAGE, name)]) for _ in range(3)))
    [(first, text), *_] = records(path.read_bytes())
    assert first.rec_headers["WARC-Filename"] == name
    assert b"format: WARC File Format 1.1\r\n" in text
    assert pages(path) == [(URL, PAGE.body)] * 3


@pytest.mark.parametrize("name", ["out.warc.gz", "out.warc"])
async def test_a_record_that_a_kill_tore_anywhere_is_cut_off_and_written_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    async with opened(path) as sink:
        await sink.write([record_of(PAGE, name)])
        token = await sink.checkpoint()
        kept, lost = path.read_bytes(), record_of(Page("http://books.example/2", b"2"), name)
    for length in {*range(0, len(lost), 3), len(lost) - 1, len(lost)}:
        path.write_bytes(kept + lost[:length])
        async with opened(path, token) as sink:
            assert path.read_bytes() == kept
            await sink.write([lost])
        assert path.read_bytes() == kept + lost
    assert pages(path) == [(URL, PAGE.body), ("http://books.example/2", b"2")]


async def test_a_kill_before_the_first_commit_leaves_one_first_record_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    async with opened(path) as sink:
        token = await sink.checkpoint()
        await sink.write([record_of(PAGE)])
        whole = path.read_bytes()
    for again in (token, None):
        for length in range(0, len(whole) + 1, 16):
            path.write_bytes(whole[:length])
            async with opened(path, again) as sink:
                await sink.write([record_of(PAGE)])
            assert pages(path) == [(URL, PAGE.body)]


async def test_a_descriptor_gets_compressed_records() -> None:
    read_end, write_end = os.pipe()
    async with opened(write_end) as sink:
        await sink.write([record_of(PAGE)])
        assert await sink.checkpoint() is None
        await sink.restore(None)
        await sink.write([record_of(PAGE)])
    os.close(write_end)
    with open(read_end, "rb") as file:  # noqa: ASYNC230, PTH123  # a pipe that is full and closed
        assert [record.rec_type for record, _ in records(file.read())] == ["warcinfo", "response", "response"]


async def test_a_file_that_is_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    async with opened(path) as sink:
        await sink.write([record_of(PAGE)])
        token = await sink.checkpoint()
    os.truncate(path, 10)
    with pytest.raises(ConfigurationError, match=r"out\.warc\.gz' has 10 bytes; it had"):
        async with opened(path, token):
            pass


# ── crawls ──


def follow(page: Page) -> Iterator[Any]:
    yield from page.links()


async def follow_async(page: Page) -> list[Any]:
    return [{"an": "item"}, *page.links()]


def fail(page: Page) -> Iterator[Any]:
    yield from page.links()
    if page.url.endswith("b"):
        raise KeyError("b")


@pytest.mark.parametrize("parser", [follow, follow_async, fail], ids=lambda parser: parser.__name__)
@pytest.mark.parametrize("executor", ["process", "inline"])
async def test_every_page_that_was_parsed_is_in_the_archive_with_or_without_items(
    tmp_path: Path, parser: Any, executor: Any
) -> None:
    async def packed(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=gzip.compress(b"<p>packed"), headers={"Content-Encoding": "gzip"}, content_type="text/html"
        )

    path = tmp_path / "out.warc.gz"
    items: list[Any] = []
    async with serve({"/": links("/a", "/b"), "/a": links("/"), "/b": packed}) as site:
        async with Crawler(
            parser,
            sinks=[Warc(path), items.append],
            cpu=Cpu(workers=1, executor=executor),
            politeness=Politeness(robots=False),
        ) as crawler:
            summary = await crawler.run(site.url)
        found = dict(pages(path))
    assert summary.items == len(items) == (3 if parser is follow_async else 0)
    assert set(found) == {site.url, f"{site.url}a"} | (set() if parser is fail else {f"{site.url}b"})
    assert found.get(f"{site.url}b") == (None if parser is fail else b"<p>packed")
    assert set(requests(path)) == set(found)


async def test_a_request_is_archived_as_it_was_sent_but_for_secrets(tmp_path: Path) -> None:
    received: dict[str, dict[str, str]] = {}

    async def page(request: web.Request) -> web.StreamResponse:
        received[request.path] = dict(request.headers)
        answer = web.Response(text='<a href="/b">', content_type="text/html")
        answer.set_cookie("session", "s3cret")
        return answer

    path = tmp_path / "out.warc.gz"
    async with serve({"/": page, "/b": page}) as site:
        origin = site.url.rstrip("/")
        access = Access(
            headers={origin: {"X-Key": "s3cret"}}, cookies=Cookies(), credentials={origin: Basic("me", "s3cret")}
        )
        fetch = Fetch(access=access, headers={"X-All": "1"})
        async with Crawler(follow, sinks=[Warc(path)], fetch=fetch, politeness=Politeness(robots=False)) as crawler:
            await crawler.run(site.url)
        sent = requests(path)
    assert {"X-Key", "Authorization", "Cookie"} < set(received["/b"])
    for name, header in sent.items():
        there = received[name.removeprefix(origin)]
        assert dict(header.headers) == {
            name: value for name, value in there.items() if name not in {"X-Key", "Authorization", "Cookie"}
        }
    archived = gzip.decompress(path.read_bytes())
    assert archived.count(b"s3cret") == archived.count(b"set-cookie: session=s3cret") == 2


def broken(page: Page) -> Iterator[Any]:
    if page.url.endswith("broken"):
        raise KeyError("broken")
    yield from page.links()


@pytest.mark.parametrize("is_durable", [True, False], ids=["state", "no state"])
async def test_all_responses_are_archived_where_that_is_wanted(tmp_path: Path, is_durable: bool) -> None:
    answers = iter([500, 503])

    async def flaky(_: web.Request) -> web.StreamResponse:
        status = next(answers, 200)
        return web.Response(status=status, text=f"flaky {status}", content_type="text/html")

    async def moved(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/target"}, text="moved")

    async def gone(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404, body=gzip.compress(b"gone"), headers={"Content-Encoding": "gzip"})

    async def large(_: web.Request) -> web.StreamResponse:
        return web.Response(status=410, body=b"x" * (2**20 + 1))

    start = links("/moved", "/target", "/gone", "/flaky", "/broken", "/large")
    routes: dict[str, Answer] = {
        "/": start,
        "/moved": moved,
        "/target": links(),
        "/gone": gone,
        "/flaky": flaky,
        "/large": large,
    }
    path = tmp_path / "out.warc.gz"
    async with serve({**routes, "/broken": links()}) as site:
        async with Crawler(
            broken,
            sinks=[Warc(path, responses="all")],
            state=tmp_path / "state" if is_durable else None,
            cpu=Cpu(workers=1, quarantine=None),
            retry=Retry(attempts=3, wait=0.01),
            politeness=Politeness(robots=False, delay=0),
        ) as crawler:
            await crawler.run(site.url)
        found = [
            (
                record.rec_headers["WARC-Target-URI"].removeprefix(site.url),
                record.http_headers.get_statuscode(),
                record.rec_headers["WARC-Truncated"] is not None,
                body if len(body) < 10 or record.http_headers.get_statuscode() != "200" else b"page",
            )
            for record, body in records(path.read_bytes())
            if record.rec_type == "response"
        ]
        assert len(requests(path)) == 7
    assert sorted(found) == [
        ("", "200", False, b"page"),
        ("broken", "200", False, b"page"),
        ("flaky", "200", False, b"flaky 200"),
        ("flaky", "500", False, b"flaky 500"),
        ("flaky", "503", False, b"flaky 503"),
        ("gone", "404", False, b"gone"),
        ("large", "410", True, b"x" * 2**20),
        ("moved", "302", False, b"moved"),
        ("target", "200", False, b"page"),
    ]


async def test_without_the_wish_no_body_of_an_error_is_read(tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=404)
        await answer.prepare(request)
        await asyncio.Future()  # whoever waits for the body waits for ever
        return answer

    path = tmp_path / "out.warc.gz"
    crawler = Crawler(follow, sinks=[Warc(path)], politeness=Politeness(robots=False), retry=Retry(attempts=1))
    async with serve({"/": links("/gone"), "/gone": endless}) as site, crawler:
        summary = await crawler.run(site.url)
    assert dict(summary.errors) == {"StatusError": 1}
    assert [url for url, _ in pages(path)] == [site.url]


@pytest.mark.parametrize("is_durable", [True, False], ids=["state", "no state"])
@pytest.mark.parametrize("size", [0, 2**21])
async def test_the_last_response_of_a_crawl_is_archived(tmp_path: Path, size: int, is_durable: bool) -> None:
    async def gone(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404, body=b"x" * size)

    path = tmp_path / "out.warc.gz"
    async with (
        serve({"/": gone}) as site,
        Crawler(
            follow,
            sinks=[Warc(path, responses="all")],
            state=tmp_path / "state" if is_durable else None,
            cpu=Cpu(executor="inline"),
            politeness=Politeness(robots=False),
        ) as crawler,
    ):
        await crawler.run(site.url)
    assert [len(body) for _, body in pages(path)] == [min(size, 2**20)]


async def test_pages_that_a_parser_has_fetched_again_are_archived(tmp_path: Path) -> None:
    titles = iter(["banned", "banned"])

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text=f"<title>{next(titles, 'page')}</title>", content_type="text/html")

    def unless_banned(page: Page) -> Iterator[Any]:
        yield page.retry(reason="banned", wait=0) if page.title == "banned" else page.url

    path = tmp_path / "out.warc.gz"
    async with (
        serve({"/": page}) as site,
        Crawler(
            unless_banned,
            sinks=[Warc(path, responses="all")],
            cpu=Cpu(executor="inline"),
            politeness=Politeness(robots=False),
        ) as crawler,
    ):
        await crawler.run(site.url)
    assert [body for _, body in pages(path)] == [b"<title>banned</title>"] * 2 + [b"<title>page</title>"]
