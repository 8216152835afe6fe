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

from crawler import Crawler, Politeness
from crawler.document.page import Page
from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.parsing.cpu import Cpu
from crawler.sinks.sink import CheckpointedSink
from crawler.sinks.warc import Warc
from tests.integration.sites import links, serve

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
        if record.rec_type == "response":
            assert record.digest_checker.passed is True, record.digest_checker.problems
        yield record, body


def pages(path: Path) -> list[tuple[str, bytes]]:
    found = list(records(path.read_bytes()))
    assert [record.rec_type for record, _ in found] == ["warcinfo"] + ["response"] * (len(found) - 1)
    return [(record.rec_headers["WARC-Target-URI"], body) for record, body in found[1:]]


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


def test_the_same_page_is_the_same_record_and_others_are_not() -> None:
    def id_of(page: Page) -> str:
        [(record, _)] = records(record_of(page))
        return str(record.rec_headers["WARC-Record-ID"])

    posts = [Page(URL, b"1", request=Request(URL, method="POST", body=body)) for body in (b"a", b"b")]
    others = [Page(URL, b"2"), Page("http://books.example/", b"1"), *posts]
    assert id_of(Page(URL, b"1")) == id_of(Page(URL, b"1", headers=[("date", "now")]))
    assert len({id_of(page) for page in (Page(URL, b"1"), *others)}) == 5


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
