"""How bytes are cut into packets changes no outcome: each response is cut at each byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest
from aiohttp.http import HttpProcessingError

from crawler.fetching.bounded_protocol import BoundedProtocol
from crawler.fetching.tolerant_parser import LONGEST_HEAD
from fixtures_server import HostileServer
from fixtures_server.hostile import BEHAVIOURS
from tests.hostile import hear

MOST = 100_000  # bytes of an endless answer
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\nhello"
PAGE = (200, b"hello")
BROKEN = "ClientPayloadError"
NO_HTTP = "HttpProcessingError"

RESPONSES: dict[str, tuple[bytes, Any]] = {
    "length": (FIVE, PAGE),
    "end of the connection": (OK + b"\r\nhello", PAGE),
    "chunks": (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", PAGE),
    "chunks with extensions and trailers": (CHUNKED + b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n", PAGE),
    "interim responses": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + FIVE, PAGE),
    "interim responses and a head to be repaired": (
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + OK + b"odd\r\nContent-Length: 5\r\n\r\nhello",
        PAGE,
    ),
    "an interim head to be repaired": (b"HTTP/1.1 103 Early Hints\r\nodd\r\n\r\n" + FIVE, PAGE),
    "surplus that is nothing": (FIVE + b"surplus", PAGE),
    "surplus that is an answer": (FIVE + FIVE, PAGE),
    "surplus that is the beginning of an answer": (FIVE + OK, PAGE),
    "surplus behind chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\nsurplus", PAGE),
    "no size of a chunk": (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", BROKEN),
    "no size of the second chunk": (CHUNKED + b"5\r\nhello\r\nzz\r\n", BROKEN),
    "a negative size": (CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n", BROKEN),
    "a size of thirty digits": (CHUNKED + b"f" * 30 + b"\r\nhello\r\n0\r\n\r\n", BROKEN),
    "a chunk longer than its size": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", BROKEN),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", BROKEN),
    "a body too short": (OK + b"Content-Length: 6\r\n\r\nhello", BROKEN),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", (204, b"")),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", PAGE),
    "line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", PAGE),
    "a line without a colon": (OK + b"odd\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "a blank before the colon": (OK + b"A : b\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "no name": (OK + b": b\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "a folded line": (OK + b"A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "a stray carriage return": (OK + b"A: b\rc\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "one length twice": (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", PAGE),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", NO_HTTP),
    "a length and chunks": (
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        NO_HTTP,
    ),
    "NUL": (OK + b"A: b\0c\r\n\r\n", NO_HTTP),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2p1\r\n", NO_HTTP),
    "a body without a head": (b"<!doctype html>hello", NO_HTTP),
    "an odd line, and then the end": (OK + b"odd\r\n", NO_HTTP),
    "nothing": (b"", "ServerDisconnectedError"),
    "half a head": (OK, "ServerDisconnectedError"),
}


class Transport(asyncio.Transport):
    """Takes nothing, and can be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def outcome_of(packets: Iterable[bytes], *, is_head: bool = False) -> Any:
    """Return what comes of a response in ``packets``, after which the connection ends."""
    loop = asyncio.get_running_loop()
    protocol, transport = BoundedProtocol(loop), Transport()
    protocol.connection_made(transport)
    protocol.set_response_params(
        skip_payload=is_head,
        read_until_eof=True,
        auto_decompress=False,
        max_line_size=LONGEST_HEAD,
        max_field_size=LONGEST_HEAD,
        max_headers=LONGEST_HEAD,
    )
    for packet in packets:
        if not transport.is_closed:
            protocol.data_received(packet)
    protocol.connection_lost(None)
    try:
        message, body = await protocol.read()
        while 100 <= message.code < 200:
            message, body = await protocol.read()
        return message.code, await body.read()
    except HttpProcessingError:
        return NO_HTTP
    except aiohttp.ClientError as error:
        return type(error).__name__


def cuts(data: bytes) -> list[int]:
    """Return where to cut: everywhere, but in the middle of what is long."""
    if len(data) <= 1200:
        return list(range(len(data) + 1))
    return [*range(600), *range(600, len(data) - 200, max(1, len(data) // 100)), *range(len(data) - 200, len(data) + 1)]


@pytest.mark.parametrize("name", RESPONSES)
async def test_a_response_comes_out_the_same_wherever_it_is_cut(name: str) -> None:
    data, expected = RESPONSES[name]
    assert await outcome_of([data]) == expected
    assert await outcome_of([data[place : place + 1] for place in range(len(data))]) == expected
    assert {str(await outcome_of([data[:place], data[place:]])) for place in cuts(data)} == {str(expected)}


@pytest.mark.parametrize("name", ["length", "surplus that is nothing", "surplus that is an answer", "chunks"])
async def test_the_body_of_an_answer_to_head_is_dropped_wherever_it_is_cut(name: str) -> None:
    data, _ = RESPONSES[name]
    outcomes = {await outcome_of([data[:place], data[place:]], is_head=True) for place in cuts(data)}
    assert outcomes == {(200, b"")}


FRAMING = sorted(address for address in BEHAVIOURS if address.startswith(("/framing/", "/statuses/", "/encodings/")))


@pytest.mark.parametrize("address", FRAMING)
async def test_what_a_hostile_server_sends_comes_out_the_same_wherever_it_is_cut(address: str) -> None:
    async with HostileServer(tls=False) as server:
        data = (await hear(server, address, enough=MOST)).data
    expected = str(await outcome_of([data]))
    assert {str(await outcome_of([data[:place], data[place:]])) for place in cuts(data)} == {expected}


async def test_a_connection_with_surplus_is_not_used_again() -> None:
    protocol = BoundedProtocol(asyncio.get_running_loop())
    protocol.connection_made(Transport())
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    protocol.data_received(FIVE)
    assert not protocol.should_close or protocol._buffer
    await protocol.read()
    assert not protocol.should_close
    protocol.data_received(b"surplus")
    assert protocol.should_close
