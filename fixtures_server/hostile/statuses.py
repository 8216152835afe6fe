"""Status lines that no standard knows, and statuses in the wrong place."""

from .behaviour import Behaviour, Family, Serve, page, raw
from .exchange import Exchange, head

_BODY = page("a status", "/statuses/honest/1")
_REST = b"\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
_SWITCHED = head("101 Switching Protocols", [("Connection", "upgrade"), ("Upgrade", "smoke")])


def _at(name: str, does: str, expected: str, serve: Serve) -> Behaviour:
    return Behaviour(f"/statuses/{name}", does, expected, serve)


def _line(line: bytes) -> Serve:
    return raw(line, _REST)


async def _reason(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 ")
    await exchange.flood(b"OK ", exchange.whole("bytes", 2**20))
    await exchange.send(_REST)


_STATUS = "a status error"
_PROTOCOL = "a protocol error"
_EITHER = "the page, or a protocol error"

STATUSES = Family(
    "statuses",
    "Statuses that do not exist, or that nobody asked for.",
    (
        _at("000", "status 000", "a status or protocol error", _line(b"HTTP/1.1 000 Nothing")),
        _at(
            "999",
            "status 999, as some sites answer crawlers",
            "a status or protocol error",
            _line(b"HTTP/1.1 999 Denied"),
        ),
        _at("299", "status 299, which is a success nobody has defined", "the page", _line(b"HTTP/1.1 299 Fine")),
        _at("20", "a status of two digits", _PROTOCOL, _line(b"HTTP/1.1 20 OK")),
        _at("2000", "a status of four digits", _PROTOCOL, _line(b"HTTP/1.1 2000 OK")),
        _at("word", "a status that is a word", _PROTOCOL, _line(b"HTTP/1.1 OK 200")),
        _at("no-reason", "a status line without a reason, nor the space before it", "the page", _line(b"HTTP/1.1 200")),
        _at("long-reason", "a reason of ?bytes=1048576", _EITHER, _reason),
        _at("version-9", "HTTP/9.9", _EITHER, _line(b"HTTP/9.9 200 OK")),
        _at("version-2", "HTTP/2.0 in the clear", _EITHER, _line(b"HTTP/2.0 200 OK")),
        _at("no-version", "a status line without a version", _PROTOCOL, _line(b"HTTP 200 OK")),
        _at("101", "101 Switching Protocols, unasked", "a protocol or status error", raw(_SWITCHED, _BODY)),
        _at(
            "204-with-body",
            "204 and a body all the same",
            "an empty page, or a protocol error",
            _line(b"HTTP/1.1 204 No Content"),
        ),
        _at(
            "205",
            "205 Reset Content",
            "an empty page, or a status error",
            raw(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        ),
        _at(
            "206", "206 Partial Content, unasked", "the page, or a status error", _line(b"HTTP/1.1 206 Partial Content")
        ),
        _at(
            "304", "304 Not Modified, unasked", _STATUS, raw(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        ),
        _at(
            "401",
            "401 without a challenge",
            "a status error, and no credential is sent",
            _line(b"HTTP/1.1 401 Unauthorized"),
        ),
        _at(
            "407",
            "407 from what is no proxy",
            "a status error, and no credential is sent",
            _line(b"HTTP/1.1 407 Proxy Auth"),
        ),
        _at(
            "early-hints",
            "103 Early Hints, then a page",
            "the page",
            raw(head("103 Early Hints", [("Link", "</s.css>; rel=preload")]), b"HTTP/1.1 200 OK", _REST),
        ),
    ),
)
