from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from crawler.document.page import Page
from crawler.errors import ProtocolError
from crawler.fetching.fetcher import open_fetcher
from crawler.models import Request
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.policy.network import Network

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.both_loops

LOCAL = Fetch(timeout=30, network=Network(allow_private=True))
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """Serve each connection by ``serve``; yield the URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client hung up
        finally:
            writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(guarded(reader, writer)))

    server = await asyncio.start_server(start, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def flood(head: bytes, again: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """Send ``head``, then ``again`` until the client hangs up; yield the URL, and the bytes sent so far."""
    sent = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        block = again * (65_536 // len(again))
        while not writer.is_closing():
            writer.write(block)
            sent[0] += len(block)
            await writer.drain()

    async with listening(serve) as url:
        yield url, sent


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Answer each request with ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(answer)
            await writer.drain()

    async with listening(serve) as url:
        yield url


async def fetch(url: str) -> Page:
    async with open_fetcher(LOCAL) as fetcher:
        return await fetcher.fetch(Request(url), ByteBudget())


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"1;", b"extension"),
    ],
    ids=["early hints", "continue", "chunks of a byte", "extension"],
)
async def test_what_never_becomes_a_body_is_cut_off_long_before_the_time_is_up(head: bytes, again: bytes) -> None:
    async with flood(head, again) as (url, sent):
        with pytest.raises(ProtocolError):
            await fetch(url)
    assert sent[0] < 2**25


async def test_a_flood_does_not_keep_others_from_their_turn() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with flood(CHUNKED, b"1\r\nx\r\n") as (url, _):
        counting = asyncio.create_task(count())
        with pytest.raises(ProtocolError):
            await fetch(url)
        counting.cancel()
    # A megabyte and a half of framing, in steps of 32 kB.
    assert turns > 32


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 32_769, 300_000, 5_000_000])
async def test_bodies_of_any_size_arrive_whole_and_in_order(size: int) -> None:
    body = bytes(index % 251 for index in range(min(size, 251))) * (size // 251 + 1)
    body = body[:size]
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body) as url:
        assert (await fetch(url)).body == body


async def test_a_body_that_ends_with_its_connection_is_whole() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000)

    async with listening(serve) as url:
        assert (await fetch(url)).body == b"x" * 1_000_000


async def test_small_chunks_of_an_honest_server_are_a_page() -> None:
    async with answering(CHUNKED + b"8\r\n12345678\r\n" * 50_000 + b"0\r\n\r\n") as url:
        assert len((await fetch(url)).body) == 400_000


async def test_a_connection_over_which_something_came_unasked_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    connections = 0
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await asked.wait()  # until the client has its page, and keeps the connection for the next
        writer.write(poison)
        await reader.read()

    async with listening(serve) as url, open_fetcher(LOCAL) as fetcher:
        assert (await fetcher.fetch(Request(url), ByteBudget())).body == b"ok"
        asked.set()
        for _ in range(100):  # rounds of the loop, in which the poison arrives
            await asyncio.sleep(0)
        assert (await fetcher.fetch(Request(url), ByteBudget())).body == b"ok"
    assert connections == 2
