"""Things without end, sent as fast as the client takes them."""

from .behaviour import Behaviour, Family, page, until_closed
from .exchange import HTML, Exchange, chunk, head

_ENDLESS = 2**40  # bytes, or pieces; a client that takes a gigabyte a second needs 18 minutes
_TEXT = b"<p>and so on</p>\n"
_CHUNKED = [("Content-Type", HTML), ("Transfer-Encoding", "chunked")]


async def _body(exchange: Exchange) -> None:
    await exchange.send(until_closed())
    await exchange.flood(_TEXT, exchange.whole("bytes", _ENDLESS))


async def _length(exchange: Exchange) -> None:
    size = exchange.whole("bytes", _ENDLESS)
    await exchange.send(until_closed(("Content-Length", str(size))))
    await exchange.flood(_TEXT, size)


async def _chunks(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", _CHUNKED))
    piece = chunk(_TEXT * 1000)
    await exchange.flood(piece, exchange.whole("chunks", _ENDLESS // len(piece)) * len(piece))
    await exchange.send(chunk(b""))


async def _small_chunks(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", _CHUNKED))
    piece = chunk(b"x")
    await exchange.flood(piece, exchange.whole("chunks", _ENDLESS) * len(piece))
    await exchange.send(chunk(b""))


async def _extension(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", _CHUNKED) + b"1;")
    await exchange.flood(b"extension=x;", exchange.whole("bytes", _ENDLESS))
    await exchange.send(b"\r\nx\r\n" + chunk(b""))


async def _trailers(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", _CHUNKED) + chunk(_TEXT) + b"0\r\n")
    field = b"X-Trailer: and one more\r\n"
    await exchange.flood(field, exchange.whole("fields", _ENDLESS // len(field)) * len(field))
    await exchange.send(b"\r\n")


async def _headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n")
    field = b"X-Field: and one more\r\n"
    await exchange.flood(field, exchange.whole("fields", _ENDLESS // len(field)) * len(field))
    await exchange.send(b"Content-Length: 0\r\n\r\n")


async def _header(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Field: ")
    await exchange.flood(b"x", exchange.whole("bytes", 10_000_000))
    await exchange.send(b"\r\nContent-Length: 0\r\n\r\n")


async def _status_line(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 ")
    await exchange.flood(b"OK ", exchange.whole("bytes", _ENDLESS))
    await exchange.send(b"\r\nContent-Length: 0\r\n\r\n")


async def _interim(exchange: Exchange) -> None:
    response = head("103 Early Hints", [("Link", "</style.css>; rel=preload")])
    await exchange.flood(response, exchange.whole("responses", _ENDLESS // len(response)) * len(response))
    await exchange.answer(page("at last"))


async def _continues(exchange: Exchange) -> None:
    response = head("100 Continue")
    await exchange.flood(response, exchange.whole("responses", _ENDLESS // len(response)) * len(response))
    await exchange.answer(page("at last"))


_TOO_LARGE = "an error that says that it is too large, with no more read than allowed"
_PROTOCOL = "a protocol error or a time-out, in bounded memory"
ENDLESS = Family(
    "endless",
    "Bodies, chunks and heads without end, as fast as the client takes them.",
    (
        Behaviour("/endless/body", "a body that ends with the connection, after ?bytes=", _TOO_LARGE, _body),
        Behaviour("/endless/length", "a Content-Length of ?bytes=, and all of it", _TOO_LARGE, _length),
        Behaviour("/endless/chunks", "?chunks= of 17 kB", _TOO_LARGE, _chunks),
        Behaviour("/endless/small-chunks", "?chunks= of one byte", f"{_TOO_LARGE}; or a time-out", _small_chunks),
        Behaviour("/endless/extension", "a chunk extension of ?bytes=", _PROTOCOL, _extension),
        Behaviour("/endless/trailers", "?fields= after the last chunk", _PROTOCOL, _trailers),
        Behaviour("/endless/headers", "?fields= in the head", _PROTOCOL, _headers),
        Behaviour("/endless/header", "one header field of ?bytes=10000000", _PROTOCOL, _header),
        Behaviour("/endless/status-line", "a reason phrase of ?bytes=", _PROTOCOL, _status_line),
        Behaviour("/endless/interim", "?responses= of 103 Early Hints, then a page", _PROTOCOL, _interim),
        Behaviour("/endless/continues", "?responses= of 100 Continue, then a page", _PROTOCOL, _continues),
    ),
)
