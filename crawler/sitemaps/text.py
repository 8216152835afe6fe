"""The text of a sitemap, unpacked and decoded piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from crawler.document.charset import BYTE_ORDER_MARKS, encoding_in
from crawler.document.encodings import decoder
from crawler.document.prescan import declared_encoding
from crawler.errors import ParseError
from crawler.policy.bodies import Bodies

MAX_BYTES = 52_428_800  # of a sitemap, unpacked; https://www.sitemaps.org/protocol.html#otherformats
BODIES = Bodies(max_bytes=MAX_BYTES)
"""The bodies that sitemaps may have. Any content type is allowed, as most servers send a wrong one."""

_CHUNK = 64 * 1024  # bytes unpacked, decoded and parsed at a time; arbitrary
_MAGIC = b"\x1f\x8b"  # RFC 1952 §2.3.1
_GZIP = 16 + zlib.MAX_WBITS
_MOST_MEMBERS = 1000  # arbitrary; bgzip makes one for each 64 kB


def pieces_of(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the text of the sitemap in ``body``, which may be a gzip file.

    The encoding is that of its byte order mark, else of the ``Content-Type``, else of its XML declaration, else UTF-8.
    Bytes that do not decode become U+FFFD.

    Raises:
        ParseError: The file is damaged or too large. The text before that point is yielded first.
    """
    decode: Callable[[bytes, bool], str] | None = None
    for chunk in _unpacked(body) if body.startswith(_MAGIC) else _sliced(body):
        if decode is None:
            mark, encoding = _encoding_of(chunk, content_type)
            decode = decoder(encoding)
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
    """Yield the contents of a gzip file; bytes after its last member are ignored."""
    size = 0
    for chunk in _inflated(body):
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large()
        if not BODIES.allows_ratio(size, len(body)):
            raise ParseError(f"the sitemap has more than {BODIES.max_ratio:g} times its {len(body)} compressed bytes")
        if chunk:  # empty if a slice held only a header
            yield chunk


def _inflated(body: bytes) -> Iterator[bytes]:
    """Yield the contents of all members of a gzip file (RFC 1952 §2.2), piece by piece."""
    position = members = 0
    while body.startswith(_MAGIC, position):
        members += 1
        if members > _MOST_MEMBERS:
            raise ParseError(f"the sitemap is a gzip file of more than {_MOST_MEMBERS} members")
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            # Fed slice by slice, because the decompressor copies its unread input for each piece.
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
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return mark, name
    return b"", encoding_in(content_type) or declared_encoding(head[:1024]) or "utf-8"
