"""From the body of a sitemap to its text, piece by piece: unpacked, decoded."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator

from crawler.encodings import encoding_named, read
from crawler.errors import ParseError
from crawler.prescan import declared_encoding

MAX_BYTES = 52_428_800  # of a sitemap, unpacked; https://www.sitemaps.org/protocol.html#otherformats

_CHUNK = 64 * 1024  # bytes unpacked, decoded and parsed at a time; arbitrary
_MAGIC = b"\x1f\x8b"  # RFC 1952 §2.3.1
_GZIP = 16 + zlib.MAX_WBITS
_MOST_MEMBERS = 1000  # arbitrary; bgzip makes one for each 64 kB
_RATIO_FLOOR = 2**20  # bytes up to which any ratio is honest
_MAX_RATIO = 250  # as for bodies; sitemaps whose URLs differ in a number alone come to 40
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le"))
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^"';,]+)""", re.IGNORECASE)
# Those in which a character may take several bytes, so that it may be cut: https://encoding.spec.whatwg.org/.
_STATEFUL = {"utf-16be": "utf-16-be", "utf-16le": "utf-16-le", "gbk": "gb18030"}
_STATEFUL |= {name: name for name in ("utf-8", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr")}


def pieces_of(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the text of the sitemap in ``body``, which may be a gzip file.

    It is in the encoding that its byte order mark names, the ``Content-Type`` or its XML declaration, by default UTF-8;
    what does not decode becomes U+FFFD.

    Raises:
        ParseError: The file is damaged or too large; what comes before that is yielded first.
    """
    decode: Callable[[bytes, bool], str] | None = None
    for chunk in _unpacked(body) if body.startswith(_MAGIC) else _sliced(body):
        if decode is None:
            mark, encoding = _encoding_of(chunk, content_type)
            decode = _decoder(encoding)
            yield decode(chunk[len(mark) :], False)
        else:
            yield decode(chunk, False)
    if decode is not None:
        yield decode(b"", True)


def _sliced(body: bytes) -> Iterator[bytes]:
    for start in range(0, min(len(body), MAX_BYTES), _CHUNK):
        yield body[start : min(start + _CHUNK, MAX_BYTES)]
    if len(body) > MAX_BYTES:
        raise _too_large()


def _unpacked(body: bytes) -> Iterator[bytes]:
    """Yield what a gzip file holds; what comes after it is not looked at."""
    size = 0
    for chunk in _inflated(body):
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large()
        if size > max(_RATIO_FLOOR, _MAX_RATIO * len(body)):
            raise ParseError(f"the sitemap has more than {_MAX_RATIO} times its {len(body)} compressed bytes")
        if chunk:  # not so where a slice held no more than a header
            yield chunk


def _inflated(body: bytes) -> Iterator[bytes]:
    """Yield the contents of the members of a gzip file, one or several (RFC 1952 §2.2), piece by piece."""
    position = members = 0
    while body.startswith(_MAGIC, position):
        members += 1
        if members > _MOST_MEMBERS:
            raise ParseError(f"the sitemap is a gzip file of more than {_MOST_MEMBERS} members")
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            # Fed slice by slice, because the decompressor copies what it has not got to with each piece.
            packed = member.unconsumed_tail or body[position : position + _CHUNK]
            position += 0 if member.unconsumed_tail else len(packed)
            yield _inflated_piece(member, packed)
        position -= len(member.unused_data)


def _inflated_piece(member: zlib._Decompress, packed: bytes) -> bytes:
    try:
        chunk = member.decompress(packed, _CHUNK)
    except zlib.error as error:
        raise ParseError(f"the sitemap is a damaged gzip file: {error}") from error
    if not packed and not chunk and not member.eof:
        raise ParseError("the sitemap is a gzip file that ends too early")
    return chunk


def _too_large() -> ParseError:
    return ParseError(f"the sitemap has more than the {MAX_BYTES} bytes allowed")


def _encoding_of(head: bytes, content_type: str) -> tuple[bytes, str]:
    """Return the byte order mark at the ``head`` of a file, and the name of its encoding (RFC 7303 §3)."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return mark, name
    found = _CHARSET.search(content_type)
    return b"", (encoding_named(found[1]) if found else None) or declared_encoding(head[:1024]) or "utf-8"


def _decoder(encoding: str) -> Callable[[bytes, bool], str]:
    name = _STATEFUL.get(encoding, encoding)
    if name in {*_STATEFUL.values()}:
        return codecs.getincrementaldecoder(name)("replace").decode
    return lambda data, _is_last: read(data, encoding)
