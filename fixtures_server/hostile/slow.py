"""Slowness: the server has time, and wants the client's."""

import asyncio

from .behaviour import Behaviour, Family, page
from .exchange import HTML, Exchange, chunk, head

_GAP = 5.0  # seconds between two bytes
_FOREVER = 86_400.0  # seconds; a day is forever to a client that waits
_TEXT = b"<p>slowly</p>\n" * 100


async def _never(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.number("seconds", _FOREVER))


async def _start(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.number("seconds", 0.5))
    await exchange.answer(page("a slow start"))


async def _status_line(exchange: Exchange) -> None:
    await exchange.trickle(head("200 OK", [("Content-Length", "0")]), exchange.number("seconds", _GAP))


async def _headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
    while True:
        await exchange.trickle(b"X-Slow: yes\r\n", exchange.number("seconds", _GAP))


async def _body(exchange: Exchange) -> None:
    size = exchange.whole("bytes", 1000)
    await exchange.send(head("200 OK", [("Content-Type", HTML), ("Content-Length", str(size))]))
    for index in range(size):
        await exchange.trickle(_TEXT[index % len(_TEXT) :][:1], exchange.number("seconds", _GAP))


async def _chunks(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", [("Content-Type", HTML), ("Transfer-Encoding", "chunked")]))
    for index in range(exchange.whole("bytes", 1000)):
        await exchange.send(chunk(_TEXT[index % len(_TEXT) :][:1]))
        await asyncio.sleep(exchange.number("seconds", _GAP))
    await exchange.send(chunk(b""))


async def _stall(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", [("Content-Type", HTML), ("Content-Length", str(2 * len(_TEXT)))]) + _TEXT)
    await _never(exchange)


async def _stall_in_head(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/")
    await _never(exchange)


_TIMEOUT = "a time-out, after its retries; nobody else waits"
SLOW = Family(
    "slow",
    "Answers that come late, a byte at a time, or never.",
    (
        Behaviour("/slow/never", "takes the request and never answers; ?seconds= ends it", _TIMEOUT, _never),
        Behaviour("/slow/start", "answers after ?seconds=0.5, then properly", "the page", _start),
        Behaviour("/slow/status-line", "a byte of the head every ?seconds=5", _TIMEOUT, _status_line),
        Behaviour("/slow/headers", "header fields without end, a byte every ?seconds=5", _TIMEOUT, _headers),
        Behaviour("/slow/body", "a body of ?bytes=1000, one every ?seconds=5", _TIMEOUT, _body),
        Behaviour("/slow/chunks", "?bytes=1000 chunks of one byte, one every ?seconds=5", _TIMEOUT, _chunks),
        Behaviour("/slow/stall", "half of the body that was announced, then silence", _TIMEOUT, _stall),
        Behaviour("/slow/stall-in-head", "half a header field, then silence", _TIMEOUT, _stall_in_head),
    ),
)
