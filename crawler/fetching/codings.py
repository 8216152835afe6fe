"""The content codings of HTTP, as streams that decode a bounded piece in each step."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import brotli  # type: ignore[import-untyped]  # it has no stubs

from crawler.errors import DecodingError
from crawler.runtime.zstandard import zstd

PIECE = 2**16
"""Bytes that a step returns at most. A step of br may return half as much again, as it first fills a buffer."""

# The size of the window, as a power of two. RFC 9659 §3 allows 8 MB to senders, and asks receivers to support that.
_ZSTD_OPTIONS: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
_GZIP_HEAD = b"\x1f\x8b\x08"  # RFC 1952 §2.3.1: the magic, and the only method
_GZIP_TRAILER = 8  # bytes: CRC-32 and length
_LONGEST_GZIP_HEAD = 2**17  # bytes; arbitrary: twice the longest extra field
_ZSTD_HEAD = b"\x28\xb5\x2f\xfd"  # RFC 8878 §3.1.1
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # RFC 8878 §3.1.2: the last three of four bytes; four bits of the first are free


class Stream(Protocol):
    """One compressed stream: a gzip member, a zstd frame, or the whole body for other codings.

    Attributes:
        has_more: Whether a further step, without data, returns more.
        is_complete: Whether its end was reached.
        may_end: Whether the body may end here: all of its content came.
        rest: The bytes after its end.
    """

    has_more: bool

    @property
    def is_complete(self) -> bool: ...  # noqa: D102

    @property
    def may_end(self) -> bool: ...  # noqa: D102

    @property
    def rest(self) -> bytes: ...  # noqa: D102

    def step(self, data: bytes) -> bytes:
        """Take ``data``, and return the bytes that can be decoded, at most a piece."""
        ...


class Coding(NamedTuple):
    """A content coding.

    Attributes:
        name: Its name in errors.
        head_size: Bytes needed to begin a stream.
        begin: Takes so many bytes, and the number of streams before. Returns a new stream, which has not read the bytes
            yet; or ``None`` if no stream begins with them.
        errors: The exceptions of its streams.
        magic: The bytes that every stream begins with; empty if there are none.
    """

    name: str
    head_size: int
    begin: Callable[[bytes, int], Stream | None]
    errors: tuple[type[Exception], ...]
    magic: bytes = b""


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.has_more = False

    @property
    def is_complete(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        return self._stream.unused_data

    @property
    def may_end(self) -> bool:
        return self.is_complete

    def step(self, data: bytes) -> bytes:
        stream = self._stream
        piece = stream.decompress(data or stream.unconsumed_tail, PIECE)
        # After a full piece there may be more, in the window if not in the tail.
        self.has_more = len(piece) == PIECE
        return piece


class _Gzip:
    """A member of a gzip file (RFC 1952). Its checksum and its length are not checked, nor missed: as in browsers."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._head: bytes | None = b""  # while it is not complete
        self._trailer = 0  # bytes of it that came
        self.has_more = False
        self.rest = b""

    @property
    def is_complete(self) -> bool:
        return self._trailer == _GZIP_TRAILER

    @property
    def may_end(self) -> bool:
        return bool(self._stream.eof)

    def step(self, data: bytes) -> bytes:
        if self._head is not None:
            data = self._begin(self._head + data)
        stream = self._stream
        piece = b""
        if not stream.eof:
            piece = stream.decompress(data or stream.unconsumed_tail, PIECE)
            self.has_more = len(piece) == PIECE
            data = stream.unused_data
        if stream.eof:
            self.has_more = False
            skipped = min(len(data), _GZIP_TRAILER - self._trailer)
            self._trailer += skipped
            self.rest = data[skipped:]
        return piece

    def _begin(self, data: bytes) -> bytes:
        """Return what comes behind the head at the beginning of ``data``; nothing where that is not complete."""
        end = _end_of_gzip_head(data)
        self._head = data if end is None else None
        if end is None and len(data) > _LONGEST_GZIP_HEAD:
            raise zlib.error(f"its head has more than {_LONGEST_GZIP_HEAD} bytes")
        return b"" if end is None else data[end:]


def _end_of_gzip_head(data: bytes) -> int | None:
    """Return where the head of a gzip member ends (RFC 1952 §2.3); ``None`` where there is more to come."""
    if len(data) < 10:
        return None
    flags, end = data[3], 10
    if flags & 4:  # FEXTRA: a field whose length comes first
        end += 2 + int.from_bytes(data[10:12], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT: each ends with zero
        if flags & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return None
    end += 2 if flags & 2 else 0  # FHCRC
    return end if end <= len(data) else None


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        self.has_more = False

    @property
    def is_complete(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        return self._stream.unused_data

    @property
    def may_end(self) -> bool:
        return self.is_complete

    def step(self, data: bytes) -> bytes:
        piece = self._stream.decompress(data, PIECE)
        self.has_more = not self._stream.eof and not self._stream.needs_input
        return piece


class _Brotli:
    rest = b""  # it refuses bytes after its end

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.has_more = False

    @property
    def is_complete(self) -> bool:
        return bool(self._stream.is_finished())

    @property
    def may_end(self) -> bool:
        return self.is_complete

    def step(self, data: bytes) -> bytes:
        piece: bytes = self._stream.process(data, output_buffer_limit=PIECE)
        self.has_more = len(piece) >= PIECE
        return piece


def _begin_gzip(head: bytes, before: int) -> Stream | None:
    del before  # a body may have several members
    return _Gzip() if head == _GZIP_HEAD else None


def _begin_deflate(head: bytes, before: int) -> Stream | None:
    """Return a stream for zlib's format, as RFC 9110 §8.4.1.2 defines "deflate", or for raw data, as some servers send.

    RFC 1950 §2.2: the method is 8, and the first two bytes are a multiple of 31. No encoder writes such raw data.
    """
    if before:
        return None
    is_zlib = head[0] & 15 == zlib.DEFLATED and int.from_bytes(head, "big") % 31 == 0
    return _Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _begin_zstd(head: bytes, before: int) -> Stream | None:
    del before  # a body may have several frames
    is_frame = head == _ZSTD_HEAD or (head[0] >> 4 == 5 and head[1:] == _ZSTD_SKIPPABLE)
    return _Zstd() if is_frame else None


def _begin_br(head: bytes, before: int) -> Stream | None:
    del head  # br has no signature
    if before:
        # Other codings drop bytes after the end. Here it would depend on the packets which bytes are dropped.
        raise DecodingError("the body goes on after the end of its br data")
    return _Brotli()


_GZIP = Coding("gzip", len(_GZIP_HEAD), _begin_gzip, (zlib.error,), _GZIP_HEAD)

CODINGS = {
    "gzip": _GZIP,
    "deflate": Coding("deflate", 2, _begin_deflate, (zlib.error,)),
    "br": Coding("br", 1, _begin_br, (brotli.error,)),
    "zstd": Coding("zstd", len(_ZSTD_HEAD), _begin_zstd, (zstd.ZstdError,)),
    "x-gzip": _GZIP,  # RFC 9110 §8.4.1.3
}
"""Content codings by their names in HTTP, in lower case."""

OTHERS = frozenset({"aes128gcm", "compress", "dcb", "dcz", "exi", "pack200-gzip", "sdch", "x-compress"})
"""Codings that exist and are not decoded: IANA's registry, and one that was never in it."""
