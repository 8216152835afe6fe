"""Content types and charsets that lie."""

from .behaviour import Behaviour, Family, Serve, fixed, page, raw
from .exchange import HTML

_WORD = "größer 価格 цена"
_PAGE = page("types", "/types/honest/1")
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
_NOT_HTML = "its body not read where types are filtered; no links elsewhere"


def _html(word: bytes, head: bytes = b"") -> bytes:
    return b"<!doctype html>\n<head>%b<title>charset</title></head><p id=word>%b</p>\n" % (head, word)


def _type(name: str, does: str, expected: str, kind: str, body: bytes) -> Behaviour:
    return Behaviour(f"/types/{name}", does, expected, fixed(body, kind=kind))


def _charset(name: str, does: str, charset: str, body: bytes, expected: str = "the word as it was meant") -> Behaviour:
    return _type(f"charset-{name}", does, expected, f"text/html; charset={charset}" if charset else "text/html", body)


def _at(name: str, does: str, expected: str, serve: Serve) -> Behaviour:
    return Behaviour(f"/types/{name}", does, expected, serve)


def _untyped(field: bytes = b"") -> Serve:
    return raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n", field, b"\r\n", _PAGE)


_LATIN = "größer".encode("windows-1252")
_SAFE = "some text, no crash: the label is none of the web's (WHATWG Encoding)"

TYPES = (
    _type("binary-as-html", "an image called text/html", "a page of garbage at worst; no crash", HTML, _PNG),
    _type(
        "html-as-image",
        "a page called image/png",
        "its body not read where types are filtered; no links elsewhere",
        "image/png",
        _PAGE,
    ),
    _type("html-as-text", "a page called text/plain", "no links, as it is text", "text/plain", _PAGE),
    _type("pdf-as-html", "a PDF called text/html", "a page of garbage at worst; no crash", HTML, b"%PDF-1.7\n" + _PNG),
    _type(
        "gzip-as-html", "a gzip file called text/html", "a page of garbage at worst; no crash", HTML, b"\x1f\x8b" + _PNG
    ),
    _type("zip", "a ZIP archive", _NOT_HTML, "application/zip", b"PK\x03\x04" + _PNG),
    _type("video", "a video, it says", _NOT_HTML, "video/mp4", _PNG),
    _type("xhtml", "a page as XHTML", "the page", "application/xhtml+xml", _PAGE),
    _type("garbage", "Content-Type: ;;;/charset", "the page, or filtered", ";;;/charset", _PAGE),
    _type("capitals", "Content-Type: TEXT/HTML", "the page", "TEXT/HTML", _PAGE),
    _type("long", "a Content-Type of 5000 bytes", "the page, or filtered", f"text/html; x={'x' * 5000}", _PAGE),
    _at("none", "no Content-Type at all", "the page, by what it looks like", _untyped()),
    _at("empty", "an empty Content-Type", "the page, by what it looks like", _untyped(b"Content-Type:\r\n")),
    _at(
        "two",
        "two Content-Types",
        "the page, or filtered",
        _untyped(b"Content-Type: image/png\r\nContent-Type: text/html\r\n"),
    ),
)

CHARSETS = (
    _charset(
        "utf-8-is-1252",
        "UTF-8, it says, and is windows-1252",
        "utf-8",
        _html(_LATIN),
        "a page with replacement characters",
    ),
    _charset(
        "1252-is-utf-8",
        "ISO-8859-1, it says, and is UTF-8",
        "iso-8859-1",
        _html(_WORD.encode()),
        "mojibake, as in browsers",
    ),
    _charset(
        "header-beats-meta",
        "UTF-8 by header, Shift_JIS by meta",
        "utf-8",
        _html(_WORD.encode(), b"<meta charset=shift_jis>"),
    ),
    _charset(
        "bom-beats-header",
        "a UTF-8 mark, and windows-1252 by header",
        "windows-1252",
        b"\xef\xbb\xbf" + _html(_WORD.encode()),
    ),
    _charset(
        "utf-16-bom",
        "a UTF-16 mark, and UTF-8 by header",
        "utf-8",
        b"\xff\xfe" + _html(_WORD.encode()).decode().encode("utf-16-le"),
    ),
    _charset(
        "meta-utf-16",
        "UTF-16 by meta, which cannot be: it is UTF-8",
        "",
        _html(_WORD.encode(), b"<meta charset=utf-16>"),
    ),
    _charset("meta", "Shift_JIS by meta alone", "", _html("価格".encode("shift_jis"), b"<meta charset=shift_jis>")),
    _charset("utf-16-is-ascii", "UTF-16, it says, and is ASCII", "utf-16", _html(b"ascii"), "some text, no crash"),
    _charset(
        "late-meta",
        "a meta behind the first 1024 bytes",
        "",
        _html(_WORD.encode(), b"<!--" + b"x" * 2000 + b"--><meta charset=utf-8>"),
        "some text, no crash",
    ),
    _charset("unknown", "charset=klingon", "klingon", _html(_WORD.encode()), "some text, no crash"),
    _charset("empty", "charset= and nothing", '""', _html(_WORD.encode()), "some text, no crash"),
    _charset("utf-7", "charset=utf-7, which hides scripts", "utf-7", _html(b"+ADw-b+AD4-"), _SAFE),
    *(
        _charset(
            f"python-{name}", f"charset={name}, a codec of Python's and none of the web's", name, _html(b"ascii"), _SAFE
        )
        for name in ("zlib_codec", "base64", "rot13", "idna", "punycode", "unicode_escape", "undefined", "hex", "mbcs")
    ),
    _charset("quoted", "charset=utf-8, quoted and escaped", '"utf\\-8"', _html(_WORD.encode()), "some text, no crash"),
    _charset(
        "surrogates",
        "UTF-8 with surrogates and bytes that never occur",
        "utf-8",
        _html(b"\xed\xa0\x80\xff\xfe\xc0\x80\xf5"),
        "a page with replacement characters",
    ),
    _charset(
        "truncated",
        "UTF-8 that ends in the middle of a character",
        "utf-8",
        _html(b"x") + "価".encode()[:2],
        "a page with a replacement character",
    ),
)

TYPES_FAMILY = Family("types", "Content types and charsets that lie.", (*TYPES, *CHARSETS))
