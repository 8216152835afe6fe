from __future__ import annotations

import asyncio
import gzip
import itertools
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import brotli  # type: ignore[import-untyped]  # it has no stubs
import psutil
import pytest

from crawler.errors import (
    BodyTooLargeError,
    ContentTypeError,
    CrawlerError,
    DecodingError,
    LimitReachedError,
    ProtocolError,
)
from crawler.fetching.body import read_body, read_pieces
from crawler.fetching.error_mapping import FOREIGN, mapped
from crawler.fetching.loop_share import LoopShare
from crawler.policy.bodies import Bodies
from crawler.policy.limits import ByteBudget

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.both_loops

PAGE = b"<!doctype html>" + b"".join(b'<p id="%d">%d</p>\n' % (n, n * n) for n in range(4000))
CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("br", brotli.compress),
    ("zstd", zstd.compress),
    ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
    ("br, zstd", lambda data: bytes(zstd.compress(brotli.compress(data)))),
]
MEGABYTE = 2**20
ENDLESS = 10**10  # bytes
# What the sockets and buffers of both sides hold, of what the server has written and nobody has read.
UNREAD = 20 * MEGABYTE


@dataclass
class Server:
    """What a server says, and what it saw."""

    says: Callable[[], Iterable[bytes]]
    url: str = ""
    connections: int = 0
    sent: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for data in self.says():
                    writer.write(data)
                    self.sent += len(data)
                    await writer.drain()
                    if not data:
                        return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()


@asynccontextmanager
async def serving(*parts: bytes | Callable[[], Iterable[bytes]]) -> AsyncIterator[Server]:
    """Answer each request with all ``parts``; an empty one closes the connection."""
    tasks: set[asyncio.Task[None]] = set()

    def says() -> Iterator[bytes]:
        for part in parts:
            yield from (part,) if isinstance(part, bytes) else part()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(server.serve(reader, writer)))

    server = Server(says)
    listener = await asyncio.start_server(start, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    try:
        yield server
    finally:
        listener.close()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def opened() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode()


def answer(body: bytes, *fields: str) -> bytes:
    return head(*fields, f"Content-Length: {len(body)}") + body


def chunked(body: bytes, size: int = 1000) -> bytes:
    cuts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(cut), cut) for cut in (*cuts, b""))


async def fetched(
    *parts: bytes | Callable[[], Iterable[bytes]],
    bodies: Bodies | None = None,
    budget: ByteBudget | None = None,
    method: str = "GET",
) -> bytes:
    """Return the body of what a server says, whose connection is closed then, as the session is."""
    async with serving(*parts) as server, opened() as session, session.request(method, server.url) as response:
        return await read_body(response, bodies or Bodies(), budget or ByteBudget())


def forever(block: bytes, size: int = ENDLESS) -> Callable[[], Iterator[bytes]]:
    blocks = block * max(1, 2**16 // len(block))
    return lambda: itertools.repeat(blocks, size // len(blocks))


def bombs() -> list[tuple[str, bytes, bytes]]:
    """Return codings with the beginning of a body, and a block to be repeated that holds 1 MiB or nearly so."""
    block = bytes(MEGABYTE)
    deflate = zlib.compressobj(9, wbits=-15)
    deflated = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    br = brotli.Compressor(quality=9)
    metablocks = [br.process(block) + br.flush() for _ in range(3)]
    run = struct.pack("<I", 2**17 << 3 | 2)[:3] + b"a"  # RFC 8878 §3.1.1.2: 128 kB of one letter
    return [
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", deflated),
        ("deflate", b"\x78\x9c", deflated),
        ("br", metablocks[0] + metablocks[1], metablocks[2]),
        ("zstd", b"\x28\xb5\x2f\xfd\0\x68", run * 8),
    ]


each_bomb = pytest.mark.parametrize(("coding", "start", "block"), bombs(), ids=[name for name, _, _ in bombs()])


# ── what is read ──


@pytest.mark.parametrize(("coding", "compress"), CODINGS, ids=[name for name, _ in CODINGS])
async def test_a_body_is_decoded_with_and_without_a_length(coding: str, compress: Callable[[bytes], bytes]) -> None:
    body = compress(PAGE)
    encoding = f"Content-Encoding: {coding}"
    assert await fetched(answer(body, encoding)) == PAGE
    assert await fetched(head(encoding, "Transfer-Encoding: chunked"), chunked(body)) == PAGE
    assert await fetched(head(encoding, "Connection: close"), body, b"") == PAGE


async def test_a_plain_body_stays_as_it_is() -> None:
    assert await fetched(answer(PAGE)) == PAGE
    assert await fetched(answer(b"")) == b""
    assert await fetched(answer(PAGE, "Content-Encoding: identity")) == PAGE


async def test_a_body_that_comes_in_single_bytes_is_decoded() -> None:
    body = gzip.compress(PAGE[:300])
    cut = (body[at : at + 1] for at in range(len(body)))
    assert await fetched(head("Content-Encoding: gzip", f"Content-Length: {len(body)}"), lambda: cut) == PAGE[:300]


async def test_codings_in_several_fields_are_one_list() -> None:
    body = gzip.compress(brotli.compress(PAGE))
    assert await fetched(answer(body, "Content-Encoding: br", "Content-Encoding: gzip")) == PAGE


@pytest.mark.parametrize("codings", [["gzip, chunked"], ["gzip", "chunked"], ["GZIP , Chunked"]])
async def test_transfer_codings_are_undone_around_content_codings(codings: list[str]) -> None:
    fields = ["Content-Encoding: br", *(f"Transfer-Encoding: {coding}" for coding in codings)]
    assert await fetched(head(*fields), chunked(gzip.compress(brotli.compress(PAGE)))) == PAGE


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
async def test_an_answer_without_a_body_has_none_whatever_its_head_announces(method: str, status: str) -> None:
    announced = head("Content-Length: 99999999999", "Content-Encoding: x", "Content-Type: image/png", status=status)
    assert await fetched(announced, method=method, bodies=Bodies(content_types=("text/*",))) == b""


async def test_the_connection_is_used_again_after_a_body() -> None:
    async with serving(answer(gzip.compress(PAGE), "Content-Encoding: gzip")) as server, opened() as session:
        for _ in range(3):
            async with session.get(server.url) as response:
                assert await read_body(response, Bodies(), ByteBudget()) == PAGE
        assert server.connections == 1


# ── what is refused ──


@pytest.mark.parametrize(
    ("fields", "bodies", "error"),
    [
        (["Content-Type: video/mp4"], Bodies(content_types=("text/*",)), ContentTypeError),
        (["Content-Encoding: gzip, gzip, gzip"], Bodies(), DecodingError),
        (["Content-Encoding: compress"], Bodies(), DecodingError),
        (["Transfer-Encoding: compress, chunked"], Bodies(), DecodingError),
        # Another reader might see chunks.
        (["Transfer-Encoding: \x0bchunked"], Bodies(), DecodingError),
        (["Transfer-Encoding: \x0cchunked"], Bodies(), DecodingError),
        (["Transfer-Encoding: chunked\xa0"], Bodies(), DecodingError),
        (["Transfer-Encoding: chu nked"], Bodies(), DecodingError),
        ([f"Content-Length: {ENDLESS}"], Bodies(), BodyTooLargeError),
        ([f"Content-Length: {ENDLESS}", "Content-Encoding: gzip"], Bodies(), BodyTooLargeError),
        ([], Bodies(), BodyTooLargeError),
        (["Content-Encoding: gzip"], Bodies(), DecodingError),
    ],
)
async def test_of_a_body_that_is_refused_the_rest_is_not_read_and_the_connection_is_closed(
    fields: list[str], bodies: Bodies, error: type[CrawlerError]
) -> None:
    plain = forever(b"x" * 100)
    body = (lambda: (chunked(x, len(x))[:-5] for x in plain())) if "chunked" in str(fields) else plain
    budget = ByteBudget()
    async with serving(head(*fields), body) as server, opened() as session:
        with pytest.raises(error):
            async with session.get(server.url) as response:
                await read_body(response, bodies, budget)
        await server.hung_up.wait()
        assert server.sent < UNREAD
        assert server.connections == 1
    assert budget.spent <= bodies.max_bytes


async def test_an_error_does_not_repeat_all_that_a_server_said() -> None:
    with pytest.raises(ContentTypeError, match=r"'video/x+' ?; wanted are text/\*") as caught:
        await fetched(answer(b"", f"Content-Type: video/{'x' * 5000}"), bodies=Bodies(content_types=("text/*",)))
    assert len(str(caught.value)) < 200


async def test_a_type_that_is_wanted_or_not_told_is_read() -> None:
    bodies = Bodies(content_types=("text/*",))
    assert await fetched(answer(PAGE, "Content-Type: text/html; charset=utf-8"), bodies=bodies) == PAGE
    assert await fetched(answer(PAGE), bodies=bodies) == PAGE


@pytest.mark.parametrize("cut", [1, 10_000])
@pytest.mark.parametrize(
    "transfer",
    [
        lambda body, cut: answer(body)[:-cut],
        lambda body, cut: head("Transfer-Encoding: chunked") + chunked(body)[: -5 - cut],
        lambda body, _: head("Transfer-Encoding: chunked") + chunked(body)[:-5] + b"zz\r\n",
    ],
    ids=["length", "chunk", "bad chunk"],
)
async def test_a_transfer_that_ends_too_early_is_no_body(transfer: Callable[[bytes, int], bytes], cut: int) -> None:
    with pytest.raises(FOREIGN) as caught:
        await fetched(transfer(PAGE, cut), b"")
    assert type(mapped(caught.value, "http://x/")) is ProtocolError


@pytest.mark.parametrize(("coding", "compress"), CODINGS, ids=[name for name, _ in CODINGS])
async def test_a_compressed_body_that_ends_too_early_is_an_error_where_http_cannot_tell(
    coding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(PAGE)[: -1 if "gzip" not in coding else -9]  # without its checksum, gzip is whole
    with pytest.raises(DecodingError):
        await fetched(head(f"Content-Encoding: {coding}", "Connection: close"), body, b"")
    with pytest.raises(DecodingError):
        await fetched(answer(body, f"Content-Encoding: {coding}"))


# ── sizes ──


@pytest.mark.parametrize("size", [len(PAGE), len(PAGE) - 1])
@pytest.mark.parametrize("framing", [["Connection: close"], [f"Content-Length: {len(PAGE)}", "Connection: close"]])
async def test_the_largest_size_is_allowed_and_one_byte_more_is_not(size: int, framing: list[str]) -> None:
    bodies = Bodies(max_bytes=size)
    if size == len(PAGE):
        assert await fetched(head(*framing), PAGE, b"", bodies=bodies) == PAGE
    else:
        with pytest.raises(BodyTooLargeError, match=str(size)):
            await fetched(head(*framing), PAGE, b"", bodies=bodies)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_the_budget_is_charged_with_decoded_bytes_and_never_exceeded(coding: str) -> None:
    body = answer(gzip.compress(PAGE) if coding == "gzip" else PAGE, f"Content-Encoding: {coding}")
    budget = ByteBudget(2 * len(PAGE) - 1)
    assert await fetched(body, budget=budget) == PAGE
    assert budget.spent == len(PAGE)
    with pytest.raises(LimitReachedError, match="max_bytes"):
        await fetched(body, budget=budget)
    assert budget.spent < 2 * len(PAGE)


async def test_what_came_before_an_error_is_charged_too() -> None:
    budget = ByteBudget()
    with pytest.raises(DecodingError):
        await fetched(answer(zlib.compress(PAGE)[:-1], "Content-Encoding: deflate"), budget=budget)
    assert budget.spent == len(PAGE)


@each_bomb
async def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(coding: str, start: bytes, block: bytes) -> None:
    for bodies, most in ((Bodies(), 3 * MEGABYTE), (Bodies(max_ratio=None), Bodies().max_bytes)):
        budget = ByteBudget()
        async with serving(head(f"Content-Encoding: {coding}"), start, forever(block)) as server, opened() as session:
            with pytest.raises(BodyTooLargeError):
                async with session.get(server.url) as response:
                    await read_body(response, bodies, budget)
            await server.hung_up.wait()
            assert server.sent < UNREAD
        assert 0 < budget.spent <= most


@each_bomb
async def test_a_bomb_that_is_taken_piece_by_piece_needs_little_memory(coding: str, start: bytes, block: bytes) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    most = taken = 0

    def take(piece: bytes) -> bool:
        nonlocal most, taken
        taken += len(piece)
        most = max(most, process.memory_info().rss - before)
        return taken > 128 * MEGABYTE

    bodies = Bodies(max_bytes=ENDLESS, max_ratio=None)
    async with serving(head(f"Content-Encoding: {coding}"), start, forever(block)) as server, opened() as session:
        async with session.get(server.url) as response:
            await read_pieces(response, bodies, ByteBudget(), take)
        await server.hung_up.wait()
    assert taken > 128 * MEGABYTE
    assert most < 64 * MEGABYTE


async def test_whoever_has_enough_gets_no_more_and_the_rest_is_not_read() -> None:
    taken: list[int] = []

    def take(piece: bytes) -> bool:
        taken.append(len(piece))
        return sum(taken) >= 500_000

    budget = ByteBudget()
    async with serving(head(), forever(b"Disallow: /x\n")) as server, opened() as session:
        async with session.get(server.url) as response:
            await read_pieces(response, Bodies(max_bytes=ENDLESS), budget, take)
        await server.hung_up.wait()
        assert server.sent < UNREAD
    assert sum(taken) == budget.spent >= 500_000 > sum(taken[:-1])


# ── the loop ──


@each_bomb
async def test_the_loop_has_a_turn_between_steps_as_soon_as_the_share_is_spent(
    coding: str, start: bytes, block: bytes
) -> None:
    share = LoopShare(1, clock=itertools.count().__next__)  # a second each time that somebody looks
    turns = [0]
    ticking = asyncio.ensure_future(tick(turns))
    seen: list[int] = []

    def take(piece: bytes) -> bool:
        assert len(piece) < 100_000
        seen.append(turns[0])
        return len(seen) == 100

    bodies = Bodies(max_bytes=ENDLESS, max_ratio=None)
    async with (
        serving(head(f"Content-Encoding: {coding}"), start, forever(block)) as server,
        opened() as session,
        session.get(server.url) as response,
    ):
        await read_pieces(response, bodies, ByteBudget(), take, share)
    ticking.cancel()
    assert all(later > earlier for earlier, later in itertools.pairwise(seen[1:]))
    assert share.iterations >= len(seen) - 2


async def tick(turns: list[int]) -> None:
    while True:
        turns[0] += 1
        await asyncio.sleep(0)


async def test_a_page_of_one_step_waits_for_no_turn() -> None:
    share = LoopShare(1, clock=itertools.count().__next__)
    async with serving(answer(gzip.compress(PAGE[:30_000]), "Content-Encoding: gzip")) as server, opened() as session:
        for _ in range(3):
            async with session.get(server.url) as response:
                assert await read_body(response, Bodies(), ByteBudget(), share) == PAGE[:30_000]
    assert share.iterations == 0


async def test_a_page_waits_for_a_turn_where_others_have_taken_much() -> None:
    share = LoopShare(1, clock=itertools.count(step=10).__next__)
    page = answer(gzip.compress(PAGE[:30_000]), "Content-Encoding: gzip")
    async with serving(page) as server, opened() as session, session.get(server.url) as response:
        await response.content.wait_eof()
        list(share.timed([b"another body"]))
        assert share.iterations == 0
        assert await read_body(response, Bodies(), ByteBudget(), share) == PAGE[:30_000]
        assert share.iterations > 0


async def test_reading_can_be_given_up_in_the_middle() -> None:
    started = asyncio.Event()

    async def read(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as response:
            await read_pieces(response, Bodies(), ByteBudget(), lambda _: started.set())

    body = gzip.compress(PAGE)
    fields = ["Content-Encoding: gzip", f"Content-Length: {len(body)}"]
    async with serving(head(*fields) + body[:-10]) as server, opened() as session:
        reading = asyncio.ensure_future(read(session, server.url))
        await started.wait()
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
        await server.hung_up.wait()
