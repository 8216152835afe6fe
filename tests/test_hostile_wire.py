"""The hostile server below HTTP and at its edge: does each address do what it says?"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import brotli  # type: ignore[import-untyped]  # it has none
import pytest

from crawler.runtime.zstandard import zstd as zstandard
from fixtures_server import HostileServer
from fixtures_server.hostile.compression import BLOCK, CODECS
from fixtures_server.hostile.encodings import TEXT
from fixtures_server.hostile.framing import POISON
from tests.hostile import LOOPBACK, Heard, hear, request, response

pytestmark = pytest.mark.no_loop_debug
MIB = 2**20


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer(tls=False) as server:
        yield server


def zstd(data: bytes) -> bytes:
    decoded: bytes = zstandard.decompress(data)
    return decoded


def whole(decompressor: Any, data: bytes) -> bytes:
    """Decode a stream that has to be complete, and nothing behind it."""
    text: bytes = decompressor.decompress(data)
    assert decompressor.eof
    assert not decompressor.unused_data
    return text


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: whole(zlib.decompressobj(wbits=31), data),
    "deflate": lambda data: whole(zlib.decompressobj(), data),
    "br": brotli.decompress,
    "zstd": zstd,
}


# ── slow ──


async def test_a_server_that_never_answers_sends_nothing_at_all(server: HostileServer) -> None:
    assert await hear(server, "/slow/never?seconds=0.01") == Heard(b"")


async def test_a_slow_start_is_an_honest_page_after_all(server: HostileServer) -> None:
    heard = await hear(server, "/slow/start?seconds=0.01")
    assert heard.status == "HTTP/1.1 200 OK"
    assert b"a slow start" in heard.body


async def test_a_slow_status_line_is_a_head_in_the_end(server: HostileServer) -> None:
    assert (await hear(server, "/slow/status-line?seconds=0")).data == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_slow_headers_do_not_end(server: HostileServer) -> None:
    heard = await hear(server, "/slow/headers?seconds=0", enough=1000)
    assert heard.end == "open"
    assert b"\r\n\r\n" not in heard.data
    assert heard.data.count(b"X-Slow: yes\r\n") > 70


async def test_a_slow_body_has_as_many_bytes_as_announced(server: HostileServer) -> None:
    heard = await hear(server, "/slow/body?seconds=0&bytes=20")
    assert heard.value("Content-Length") == "20"
    assert heard.body == b"<p>slowly</p>\n<p>slo"
    assert (await hear(server, "/slow/chunks?seconds=0&bytes=3")).body == b"1\r\n<\r\n1\r\np\r\n1\r\n>\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("address", "until"),
    [
        ("/slow/status-line", b"H"),
        ("/slow/headers", b"text/html\r\nX"),
        ("/slow/body", b"\r\n\r\n<"),
        ("/slow/chunks", b"\r\n\r\n1\r\n<\r\n"),
        ("/slow/stall-in-head", b"Content-Type: text/"),
    ],
)
async def test_what_is_slow_waits_after_each_byte(server: HostileServer, address: str, until: bytes) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    writer.write(request(address, "x"))
    await reader.readuntil(until)
    for _ in range(50):  # rounds of the loop: without a wait, as many bytes would be here by now
        await asyncio.sleep(0)
    writer.close()
    assert await reader.read() == b""


async def test_a_stalled_body_stops_in_the_middle(server: HostileServer) -> None:
    heard = await hear(server, "/slow/stall?seconds=0")
    assert int(heard.value("Content-Length")) == 2 * len(heard.body) > 0
    assert b"\r\n\r\n" not in (await hear(server, "/slow/stall-in-head?seconds=0")).data


# ── endless ──

ENDLESS: dict[str, tuple[str, Callable[[Heard], bool]]] = {
    "/endless/body": ("bytes=100000", lambda heard: len(heard.body) == 100_000 and not heard.values("Content-Length")),
    "/endless/length": ("bytes=100000", lambda heard: len(heard.body) == 100_000 == int(heard.value("Content-Length"))),
    "/endless/chunks": ("chunks=30", lambda heard: heard.body.count(b"4268\r\n") == 30),
    "/endless/small-chunks": ("chunks=40000", lambda heard: heard.body == b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n"),
    "/endless/extension": ("bytes=100000", lambda heard: heard.body.index(b"\r\n") == 100_002),
    "/endless/trailers": ("fields=5000", lambda heard: heard.body.count(b"X-Trailer:") == 5000),
    "/endless/headers": ("fields=5000", lambda heard: len(heard.values("X-Field")) == 5000),
    "/endless/header": ("", lambda heard: len(heard.value("X-Field")) == 10_000_000),
    "/endless/status-line": ("bytes=100000", lambda heard: len(heard.status) == 13 + 100_000),
    "/endless/interim": ("responses=500", lambda heard: heard.data.count(b"HTTP/1.1 103 Early Hints\r\n") == 500),
    "/endless/continues": ("responses=500", lambda heard: heard.data.count(b"HTTP/1.1 100 Continue\r\n\r\n") == 500),
}


@pytest.mark.parametrize("address", ENDLESS)
async def test_what_is_endless_ends_where_it_is_told_to(server: HostileServer, address: str) -> None:
    query, is_right = ENDLESS[address]
    assert is_right(await hear(server, f"{address}?{query}"))


@pytest.mark.parametrize("address", [address for address in ENDLESS if address != "/endless/header"])
async def test_what_is_endless_goes_on_by_itself(server: HostileServer, address: str) -> None:
    heard = await hear(server, address, enough=5 * MIB)
    assert (heard.end, len(heard.data) >= 5 * MIB) == ("open", True)


# ── bombs and encodings ──


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [0, 100, MIB, 5 * MIB + 3])
def test_a_compressed_stream_decodes_to_what_was_asked_for(codec: str, size: int) -> None:
    text = DECODERS[codec](b"".join(CODECS[codec](b"<p>prefix", size)))
    rounded = size if codec != "br" else 9 + -(-max(0, size - 9) // MIB) * MIB
    assert len(text) == max(9, rounded)
    assert text.startswith(b"<p>prefix")
    assert not text[9:].strip(b" ")


@pytest.mark.parametrize("codec", CODECS)
async def test_a_bomb_is_small_on_the_wire_and_large_decoded(server: HostileServer, codec: str) -> None:
    for name, status in (
        ("page", "200 OK"),
        ("redirect", "302 Found"),
        ("missing", "404 Not Found"),
        ("sitemap.xml", "200 OK"),
    ):
        heard = await hear(server, f"/bombs/{codec}/{name}?bytes=3000000")
        assert heard.status == f"HTTP/1.1 {status}"
        assert heard.value("Content-Encoding") == codec
        assert len(heard.body) < 4000
        assert len(DECODERS[codec](heard.body)) >= 3_000_000
    robots = await hear(server, f"//robots-bomb-{codec}.localhost/robots.txt?bytes=3000000")
    assert DECODERS[codec](robots.body).startswith(b"User-agent: *\nDisallow: /private/\n")


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_has_ten_gigabytes_unless_it_is_told_otherwise(codec: str) -> None:
    wire = sum(map(len, CODECS[codec](b"", 10_000_000_000)))
    one = sum(map(len, CODECS[codec](b"", len(BLOCK) * 1000)))
    assert wire == pytest.approx(one * 10_000_000_000 / (len(BLOCK) * 1000), rel=0.01)
    assert wire < 10_000_000


async def test_a_nested_bomb_and_a_bomb_in_a_file(server: HostileServer) -> None:
    heard = await hear(server, "/bombs/nested?bytes=30000000")
    once = DECODERS["gzip"](heard.body)
    assert len(heard.body) < len(once) < len(DECODERS["gzip"](once)) == 30_000_000
    heard = await hear(server, "/bombs/sitemap.xml.gz?bytes=3000000")
    assert (heard.value("Content-Type"), heard.values("Content-Encoding")) == ("application/gzip", [])
    assert len(DECODERS["gzip"](heard.body)) == 3_000_000


@pytest.mark.parametrize(
    ("name", "encoding", "decode"),
    [
        *((codec, codec, decode) for codec, decode in DECODERS.items()),
        ("deflate-raw", "deflate", lambda data: whole(zlib.decompressobj(wbits=-15), data)),
        ("x-gzip", "x-gzip", DECODERS["gzip"]),
        ("capitals", "GZIP", DECODERS["gzip"]),
        ("identity", "identity", bytes),
        ("gzip-gzip", "gzip, gzip", lambda data: DECODERS["gzip"](DECODERS["gzip"](data))),
        ("three-deep", "gzip, gzip, gzip", lambda data: DECODERS["gzip"](DECODERS["gzip"](DECODERS["gzip"](data)))),
        ("claims-gzip", "gzip", bytes),
        ("claims-br", "br", bytes),
        ("unknown", "sdch", bytes),
    ],
)
async def test_a_body_is_encoded_as_its_address_says(
    server: HostileServer, name: str, encoding: str, decode: Callable[[bytes], bytes]
) -> None:
    heard = await hear(server, f"/encodings/{name}")
    assert heard.value("Content-Encoding") == encoding
    assert int(heard.value("Content-Length")) == len(heard.body)
    assert decode(heard.body) == TEXT


@pytest.mark.parametrize("kind", ["truncated", "garbled"])
@pytest.mark.parametrize("codec", DECODERS)
async def test_a_broken_body_does_not_decode(server: HostileServer, kind: str, codec: str) -> None:
    heard = await hear(server, f"/encodings/{kind}-{codec}")
    assert int(heard.value("Content-Length")) == len(heard.body) > 50
    with pytest.raises(Exception):  # noqa: B017, PT011  # each codec has errors of its own
        DECODERS[codec](heard.body)


async def test_other_bodies_lie_in_other_ways(server: HostileServer) -> None:
    members = (await hear(server, "/encodings/two-members")).body
    first = zlib.decompressobj(wbits=31)
    assert first.decompress(members) + DECODERS["gzip"](first.unused_data) == TEXT
    hidden = await hear(server, "/encodings/hides-gzip")
    assert (hidden.values("Content-Encoding"), DECODERS["gzip"](hidden.body)) == ([], TEXT)
    assert (await hear(server, "/encodings/empty")).body == b""
    assert (await hear(server, "/encodings/a-hundred-deep")).value("Content-Encoding").count("gzip") == 100
    trailing = zlib.decompressobj(wbits=31)
    assert trailing.decompress((await hear(server, "/encodings/trailing-garbage")).body) == TEXT
    assert len(trailing.unused_data) == 1024
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompress((await hear(server, "/encodings/wrong-checksum")).body, 31)
    window = (await hear(server, "/encodings/zstd-window")).body[5]
    assert 2 ** (10 + (window >> 3)) == 2**31  # RFC 8878 §3.1.1.1.2


# ── framing ──


def length(heard: Heard) -> int:
    return int(heard.value("Content-Length"))


def has(fragment: bytes) -> Callable[[Heard], bool]:
    return lambda heard: fragment in heard.data


FRAMING: dict[str, Callable[[Heard], bool]] = {
    "short-length": lambda heard: length(heard) == len(heard.body) - 10,
    "long-length": lambda heard: length(heard) == len(heard.body) + 100,
    "negative-length": lambda heard: heard.value("Content-Length") == "-1",
    "plus-length": lambda heard: heard.value("Content-Length") == f"+{len(heard.body)}",
    "word-length": lambda heard: heard.value("Content-Length") == "many",
    "absurd-length": lambda heard: length(heard) == 10**30 - 1,
    "two-lengths": lambda heard: len(set(heard.values("Content-Length"))) == 2,
    "length-list": lambda heard: heard.value("Content-Length") == "5, 6",
    "length-and-chunks": lambda heard: length(heard) == 5 and heard.value("Transfer-Encoding") == "chunked",
    "no-length": lambda heard: not heard.values("Content-Length") and b"framed" in heard.body,
    "bad-chunk-size": lambda heard: heard.body.startswith(b"zz\r\n"),
    "negative-chunk-size": lambda heard: heard.body.startswith(b"-1\r\n"),
    "huge-chunk-size": lambda heard: heard.body.startswith(b"ffffffffffffffff\r\n"),
    "absurd-chunk-size": lambda heard: heard.body.index(b"\r\n") == 10_000,
    "unended-chunk": lambda heard: heard.body.startswith(b"5\r\n<!doctype"),
    "no-last-chunk": lambda heard: heard.body.startswith(b"77\r\n") and not heard.body.endswith(b"0\r\n\r\n"),
    "reset-in-chunk": lambda heard: heard.end == "reset",
    "chunked-twice": lambda heard: heard.value("Transfer-Encoding") == "chunked, chunked",
    "unknown-transfer-encoding": lambda heard: heard.value("Transfer-Encoding") == "smoke",
    "http-0.9": lambda heard: heard.data.startswith(b"<!doctype html>"),
    "not-http": lambda heard: heard.data == b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "tls": lambda heard: heard.data[:3] == b"\x15\x03\x01",
    "random": lambda heard: set(heard.data) == set(range(256)),
    "nul-in-field": has(b"\r\nX-Odd: a\0b\r\n"),
    "nul-in-name": has(b"\r\nX-\0dd: a\r\n"),
    "bare-cr": has(b"\r\nX-Odd: a\rX-Smuggled: b\r\n"),
    "bare-lf": lambda heard: b"\r" not in heard.data and b"\n\n<!doctype" in heard.data,
    "folded-field": has(b"\r\nX-Odd: a\r\n  b\r\n"),
    "no-colon": has(b"\r\nwhat is this\r\n"),
    "space-before-colon": has(b"\r\nX-Odd : a\r\n"),
    "no-name": has(b"\r\n: a\r\n"),
    "latin-1-field": has(b"\r\nX-Odd: \xe9\r\nX-Eve: \xc3\xa9\r\n"),
    "many-fields": lambda heard: heard.head.count(b"\r\nX-") == 1000,
    "closed": lambda heard: heard == Heard(b"", "closed"),
    "reset": lambda heard: heard == Heard(b"", "reset"),
    "reset-in-body": lambda heard: heard.end == "reset" and length(heard) == 100_000,
    "closed-in-head": lambda heard: heard.end == "closed" and b"\r\n\r\n" not in heard.data,
    "old-version": lambda heard: heard.status == "HTTP/1.0 200 OK" and heard.value("Connection") == "keep-alive",
    "pads": lambda heard: heard.values("Connection")[0] == "upgrade",
}


@pytest.mark.parametrize("name", FRAMING)
async def test_a_response_is_wrong_as_its_address_says(server: HostileServer, name: str) -> None:
    assert FRAMING[name](await hear(server, f"/framing/{name}"))


@pytest.mark.parametrize("name", ["second-response", "late-response"])
async def test_a_second_response_comes_unasked(server: HostileServer, name: str) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    writer.write(request(f"/framing/{name}?seconds=0", "x"))
    assert b"framed" in (await response(reader)).body
    assert (await response(reader)).body == POISON
    writer.write(request("/framing/honest/1", "x"))
    assert b"honest" in (await response(reader)).body
    writer.close()


async def test_a_kept_connection_closes_when_the_next_request_has_come(server: HostileServer) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    writer.write(request("/framing/closes-next", "x"))
    heard = await response(reader)
    assert (heard.status, heard.values("Connection")) == ("HTTP/1.1 200 OK", [])
    assert not reader.at_eof()
    writer.write(request("/framing/honest/1", "x"))
    assert await reader.read() == b""
    assert server.requests == {"http://x/framing/closes-next": 1}
    writer.close()


# ── statuses ──

LINES = {
    "000": "HTTP/1.1 000 Nothing",
    "999": "HTTP/1.1 999 Denied",
    "299": "HTTP/1.1 299 Fine",
    "20": "HTTP/1.1 20 OK",
    "2000": "HTTP/1.1 2000 OK",
    "word": "HTTP/1.1 OK 200",
    "no-reason": "HTTP/1.1 200",
    "version-9": "HTTP/9.9 200 OK",
    "version-2": "HTTP/2.0 200 OK",
    "no-version": "HTTP 200 OK",
    "101": "HTTP/1.1 101 Switching Protocols",
    "204-with-body": "HTTP/1.1 204 No Content",
    "205": "HTTP/1.1 205 Reset Content",
    "206": "HTTP/1.1 206 Partial Content",
    "304": "HTTP/1.1 304 Not Modified",
    "401": "HTTP/1.1 401 Unauthorized",
    "407": "HTTP/1.1 407 Proxy Auth",
    "early-hints": "HTTP/1.1 103 Early Hints",
}


@pytest.mark.parametrize("name", LINES)
async def test_a_status_line_is_as_its_address_says(server: HostileServer, name: str) -> None:
    assert (await hear(server, f"/statuses/{name}")).status == LINES[name]


async def test_some_statuses_come_with_what_they_should_not_have(server: HostileServer) -> None:
    assert len((await hear(server, "/statuses/long-reason")).status) == 13 + 2**20
    assert b"a status" in (await hear(server, "/statuses/204-with-body")).body
    assert (await hear(server, "/statuses/401")).values("WWW-Authenticate") == []
    hints = await hear(server, "/statuses/early-hints")
    assert hints.body.startswith(b"HTTP/1.1 200 OK\r\n")
