"""HTTP that is wrong: lengths, chunks, header fields, and connections that end at the wrong moment."""

from .behaviour import Behaviour, Family, Serve, fixed, page, raw
from .exchange import HTML, Exchange, Then, chunk, head

_BODY = page("framed", "/framing/honest/1")
_KEPT = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
_OK = _KEPT + b"Connection: close\r\n"  # so that none of these is taken for a connection that closes under a client
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LENGTH = b"Content-Length: %d\r\n" % len(_BODY)
POISON = b"<!doctype html><title>poison</title><h1>nobody asked for this</h1>"


def _with(field: bytes) -> Serve:
    """Send a proper page with one field more in its head."""
    return raw(_OK, field, b"\r\n", _LENGTH, b"\r\n", _BODY)


def _length(value: bytes, body: bytes = _BODY) -> Serve:
    return raw(_OK, b"Content-Length: ", value, b"\r\n\r\n", body)


async def _second_response(exchange: Exchange) -> None:
    """In one piece, so that a client has both before it can ask for more."""
    exchange.then = Then.KEEP if exchange.request.keeps_alive else Then.CLOSE
    await exchange.send(_response(_BODY) + _response(POISON))


async def _late_response(exchange: Exchange) -> None:
    """Only while nothing else was asked: whatever comes after a request is its answer, as far as anybody can tell."""
    await exchange.answer(_BODY)
    exchange.unasked, exchange.idle_seconds = _response(POISON), exchange.number("seconds", 0.05)


def _response(body: bytes) -> bytes:
    return head("200 OK", [("Content-Type", HTML), ("Content-Length", str(len(body)))]) + body


async def _closes_next(exchange: Exchange) -> None:
    await exchange.answer(_BODY)
    if exchange.then is Then.KEEP:
        exchange.then = Then.CLOSE_AT_NEXT


def _at(name: str, does: str, expected: str, serve: Serve) -> Behaviour:
    return Behaviour(f"/framing/{name}", does, expected, serve)


_PROTOCOL = "a protocol error"
_EITHER = "the page without harm, or a protocol error"
_DISAGREE = "a protocol error: two readers would disagree about where the body ends"

LENGTHS = (
    _at(
        "short-length",
        "a Content-Length of ten bytes less than the body",
        "the shorter body or a protocol error, and the rest is no answer to the next request",
        raw(_KEPT, b"Content-Length: %d\r\n\r\n" % (len(_BODY) - 10), _BODY, then=Then.KEEP),
    ),
    _at(
        "long-length",
        "a Content-Length of a hundred bytes more than the body",
        _PROTOCOL,
        _length(b"%d" % (len(_BODY) + 100)),
    ),
    _at("negative-length", "Content-Length: -1", _PROTOCOL, _length(b"-1")),
    _at("plus-length", "Content-Length with a plus sign", _PROTOCOL, _length(b"+%d" % len(_BODY))),
    _at("word-length", "Content-Length: many", _PROTOCOL, _length(b"many")),
    _at("absurd-length", "a Content-Length of thirty digits", "a protocol error, or too large", _length(b"9" * 30)),
    _at(
        "two-lengths",
        "two Content-Lengths that differ",
        _DISAGREE,
        raw(_OK, b"Content-Length: 5\r\n", _LENGTH, b"\r\n", _BODY),
    ),
    _at("length-list", "Content-Length: 5, 6", _DISAGREE, _length(b"5, 6")),
    _at(
        "length-and-chunks",
        "Content-Length and Transfer-Encoding at once",
        "a protocol error, or the chunks (RFC 9112 §6.3)",
        raw(_OK, b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(_BODY), chunk(b"")),
    ),
    _at("no-length", "a body that ends with the connection", "the page", raw(_OK, b"\r\n", _BODY)),
)

CHUNKS = (
    _at(
        "bad-chunk-size", "a chunk size that is no number", _PROTOCOL, raw(_CHUNKED, b"zz\r\n", _BODY, b"\r\n0\r\n\r\n")
    ),
    _at(
        "negative-chunk-size", "a chunk of minus one byte", _PROTOCOL, raw(_CHUNKED, b"-1\r\n", _BODY, b"\r\n0\r\n\r\n")
    ),
    _at(
        "huge-chunk-size", "a chunk of sixteen exbibytes, it says", _PROTOCOL, raw(_CHUNKED, b"f" * 16, b"\r\n", _BODY)
    ),
    _at(
        "absurd-chunk-size",
        "a chunk size of ten thousand digits",
        _PROTOCOL,
        raw(_CHUNKED, b"f" * 10_000, b"\r\n", _BODY),
    ),
    _at(
        "unended-chunk",
        "a chunk that is longer than it says",
        _PROTOCOL,
        raw(_CHUNKED, b"5\r\n", _BODY, b"\r\n0\r\n\r\n"),
    ),
    _at("no-last-chunk", "chunks, and then the connection ends", _PROTOCOL, raw(_CHUNKED, chunk(_BODY))),
    _at(
        "reset-in-chunk",
        "half a chunk, and then a reset",
        _PROTOCOL,
        raw(_CHUNKED, b"ff\r\n", _BODY[:20], then=Then.RESET),
    ),
    _at(
        "chunked-twice",
        "Transfer-Encoding: chunked, chunked",
        _EITHER,
        raw(_OK, b"Transfer-Encoding: chunked, chunked\r\n\r\n", chunk(_BODY), chunk(b"")),
    ),
    _at(
        "unknown-transfer-encoding",
        "Transfer-Encoding: smoke",
        _EITHER,
        raw(_OK, b"Transfer-Encoding: smoke\r\n\r\n", _BODY),
    ),
)

HEADS = (
    _at("http-0.9", "a body without any head, as in HTTP/0.9", _PROTOCOL, raw(_BODY)),
    _at("not-http", "a line of SSH", _PROTOCOL, raw(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
    _at("tls", "a TLS alert", _PROTOCOL, raw(b"\x15\x03\x01\x00\x02\x02\x46")),
    _at("random", "bytes that are nothing at all", _PROTOCOL, raw(bytes(range(256)) * 8)),
    _at("nul-in-field", "NUL in the value of a header field", _PROTOCOL, _with(b"X-Odd: a\0b")),
    _at("nul-in-name", "NUL in the name of a header field", _PROTOCOL, _with(b"X-\0dd: a")),
    _at("bare-cr", "a carriage return on its own in a field", _EITHER, _with(b"X-Odd: a\rX-Smuggled: b")),
    _at(
        "bare-lf",
        "lines that end with a line feed alone",
        _EITHER,
        raw(_OK.replace(b"\r\n", b"\n"), b"Content-Length: %d\n\n" % len(_BODY), _BODY),
    ),
    _at("folded-field", "a field that goes on in the next line (RFC 9112 §5.2)", _EITHER, _with(b"X-Odd: a\r\n  b")),
    _at("no-colon", "a header line without a colon", _EITHER, _with(b"what is this")),
    _at("space-before-colon", "a space between a field's name and its colon", _EITHER, _with(b"X-Odd : a")),
    _at("no-name", "a field without a name", _EITHER, _with(b": a")),
    _at("latin-1-field", "a field in Latin-1, and one in UTF-8", "the page", _with(b"X-Odd: \xe9\r\nX-Eve: \xc3\xa9")),
    _at(
        "many-fields", "a thousand different fields", _EITHER, _with(b"\r\n".join(b"X-%d: a" % n for n in range(1000)))
    ),
)

CONNECTIONS = (
    _at("closed", "the connection closed, and not a byte", "a protocol or connection error, after its retries", raw()),
    _at("reset", "the connection reset, and not a byte", "a connection error, after its retries", raw(then=Then.RESET)),
    _at(
        "reset-in-body",
        "half a body, then a reset",
        _PROTOCOL,
        raw(_OK, b"Content-Length: 100000\r\n\r\n", _BODY, then=Then.RESET),
    ),
    _at("closed-in-head", "half a head, then the end", "a protocol or connection error", raw(_OK)),
    _at(
        "closes-next",
        "a page, and the persistent connection closes when the next request comes",
        "this page and the next one",
        _closes_next,
    ),
    _at(
        "second-response",
        "a page, and at once a second response that nobody asked for",
        "this page, and the next request does not get the second response",
        _second_response,
    ),
    _at(
        "late-response",
        "a page, and when the connection was idle for ?seconds=0.05 a response that nobody asked for",
        "this page, and the next request does not get that response",
        _late_response,
    ),
    _at(
        "old-version",
        "HTTP/1.0 that keeps the connection open",
        "the page",
        raw(
            b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n",
            _LENGTH,
            b"Connection: keep-alive\r\n\r\n",
            _BODY,
            then=Then.KEEP,
        ),
    ),
    _at(
        "pads",
        "a proper page that says Connection: upgrade",
        _EITHER,
        fixed(_BODY, ("Connection", "upgrade"), ("Upgrade", "smoke")),
    ),
)

FRAMING = Family(
    "framing",
    "Lengths, chunks, heads and connections that are wrong.",
    (*LENGTHS, *CHUNKS, *HEADS, *CONNECTIONS),
)
