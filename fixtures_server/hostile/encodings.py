"""Content-Encodings that lie, break off, or pile up; and the honest ones beside them."""

import zlib

from .behaviour import Behaviour, Family, Serve, fixed, page
from .compression import CODECS, gzip, whole, zstd_head

TEXT = page("encoded", "/encodings/honest/1") + b"<p>A page long enough to be worth its compression.</p>\n" * 50
_PAGE = "the page"
_AS_BROWSERS = "what browsers show of it, or a decoding error"
_BROKEN = "a decoding error; no page of half a body, or of garbage"


def _encoded(body: bytes, encoding: str) -> Serve:
    return fixed(body, ("Content-Encoding", encoding))


def _raw_deflate(text: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(text) + compressor.flush()


def _at(name: str, does: str, expected: str, serve: Serve) -> Behaviour:
    return Behaviour(f"/encodings/{name}", does, expected, serve)


def _truncated(codec: str) -> Behaviour:
    body = whole(CODECS[codec], TEXT)
    serve = _encoded(body[: len(body) // 2], codec)
    return _at(f"truncated-{codec}", f"half of a {codec} body, with the right Content-Length for it", _BROKEN, serve)


def _garbled(codec: str) -> Behaviour:
    body = bytearray(whole(CODECS[codec], TEXT))
    # Zstandard's blocks hold the text as it is, so there it is their framing that must go.
    middle = 6 if codec == "zstd" else len(body) // 2
    body[middle : middle + 16] = b"\xff" * 16
    # Only the checksum of gzip would tell, which browsers do not look at.
    expected = _AS_BROWSERS if codec == "gzip" else _BROKEN
    return _at(
        f"garbled-{codec}", f"a {codec} body with sixteen bytes of 0xFF in it", expected, _encoded(bytes(body), codec)
    )


_GZIP = whole(gzip, TEXT)
_ONCE_MORE = whole(gzip, _GZIP)

ENCODINGS = Family(
    "encodings",
    "Compressed bodies that are not what Content-Encoding says.",
    (
        *(
            _at(codec, f"an honest {codec} body", _PAGE, _encoded(whole(CODECS[codec], TEXT), codec))
            for codec in CODECS
        ),
        _at(
            "deflate-raw",
            "deflate without zlib's frame, as some servers do",
            _PAGE,
            _encoded(_raw_deflate(TEXT), "deflate"),
        ),
        _at("x-gzip", "gzip by its old name (RFC 9110 §8.4.1.3)", _PAGE, _encoded(_GZIP, "x-gzip")),
        _at("capitals", "gzip in capitals, as names of codings are of any case", _PAGE, _encoded(_GZIP, "GZIP")),
        _at("identity", "a plain body, and it says so", _PAGE, _encoded(TEXT, "identity")),
        _at(
            "two-members",
            "two gzip members one after the other (RFC 1952 §2.2)",
            "both halves",
            _encoded(whole(gzip, TEXT[:500]) + whole(gzip, TEXT[500:]), "gzip"),
        ),
        _at("gzip-gzip", "gzip in gzip, and it says so", _PAGE, _encoded(_ONCE_MORE, "gzip, gzip")),
        _at(
            "three-deep",
            "gzip in gzip in gzip",
            "a decoding error: two codings are enough",
            _encoded(whole(gzip, _ONCE_MORE), "gzip, gzip, gzip"),
        ),
        _at(
            "a-hundred-deep",
            "gzip a hundred times, it says",
            "a decoding error",
            _encoded(_GZIP, ", ".join(["gzip"] * 100)),
        ),
        _at(
            "claims-gzip",
            "a plain page that claims to be gzip",
            "the page, or a decoding error",
            _encoded(TEXT, "gzip"),
        ),
        _at("claims-br", "a plain page that claims to be br", "the page, or a decoding error", _encoded(TEXT, "br")),
        _at(
            "hides-gzip",
            "a gzip body that does not say so",
            "the body as it is: nobody said that it was compressed",
            fixed(_GZIP),
        ),
        _at("unknown", "a coding nobody knows", "a decoding error", _encoded(TEXT, "sdch")),
        _at("empty", "gzip of no bytes at all", "an empty page, or a decoding error", _encoded(b"", "gzip")),
        *map(_truncated, CODECS),
        *map(_garbled, CODECS),
        _at(
            "trailing-garbage",
            "a gzip body with a kilobyte of something behind it",
            "the page, or a decoding error",
            _encoded(_GZIP + b"\xde\xad\xbe\xef" * 256, "gzip"),
        ),
        _at("wrong-checksum", "a gzip body whose CRC is wrong", _AS_BROWSERS, _encoded(_GZIP[:-8] + b"\0" * 8, "gzip")),
        _at(
            "zstd-window",
            "zstd that asks for a window of 2 GB",
            "a decoding error, without the memory",
            _encoded(zstd_head(2**31) + b"\x01\x00\x00", "zstd"),
        ),
    ),
)
