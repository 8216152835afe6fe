"""The compressions that HTTP uses, each as streams that give a bounded piece a step."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import brotli  # type: ignore[import-untyped]  # it has no stubs

from crawler.errors import DecodingError
from crawler.runtime.zstandard import zstd

PIECE = 2**16
"""Bytes that a step gives at most; with br half as much again, as it fills a buffer before it looks at the limit."""

# Bytes of window as a power of two. RFC 9659 §3 asks senders for no more than 8 MB, and receivers to be ready for them.
_ZSTD_OPTIONS: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
_GZIP_HEAD = b"\x1f\x8b\x08"  # RFC 1952 §2.3.1: the magic, and the only method
_ZSTD_HEAD = b"\x28\xb5\x2f\xfd"  # RFC 8878 §3.1.1
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # RFC 8878 §3.1.2: the last three of four; in the first, four bits are free


class Stream(Protocol):
    """One compressed stream: a gzip member, a zstd frame, the whole body for others.

    Attributes:
        has_more: Whether a further step, without data, gives more.
        is_complete: Whether its end was reached, and its checksum was right.
        rest: What came after its end.
    """

    has_more: bool

    @property
    def is_complete(self) -> bool: ...  # noqa: D102

    @property
    def rest(self) -> bytes: ...  # noqa: D102

    def step(self, data: bytes) -> bytes:
        """Take ``data``, and return what can be decoded, up to a piece."""
        ...


class Coding(NamedTuple):
    """A content coding.

    Attributes:
        name: Its name in errors.
        head_size: Bytes needed to begin a stream.
        begin: Takes that many and the number of streams before it; returns the stream that begins so, which has not
            taken them yet, or ``None`` where none begins.
        errors: What its streams raise.
    """

    name: str
    head_size: int
    begin: Callable[[bytes, int], Stream | None]
    errors: tuple[type[Exception], ...]


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

    def step(self, data: bytes) -> bytes:
        stream = self._stream
        piece = stream.decompress(data or stream.unconsumed_tail, PIECE)
        # A full piece may have left something, in the window if not in the tail.
        self.has_more = len(piece) == PIECE
        return piece


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

    def step(self, data: bytes) -> bytes:
        piece = self._stream.decompress(data, PIECE)
        self.has_more = not self._stream.eof and not self._stream.needs_input
        return piece


class _Brotli:
    rest = b""  # it refuses what follows its end

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.has_more = False

    @property
    def is_complete(self) -> bool:
        return bool(self._stream.is_finished())

    def step(self, data: bytes) -> bytes:
        piece: bytes = self._stream.process(data, output_buffer_limit=PIECE)
        self.has_more = len(piece) >= PIECE
        return piece


def _begin_gzip(head: bytes, before: int) -> Stream | None:
    del before  # members may follow each other
    return _Zlib(zlib.MAX_WBITS | 16) if head == _GZIP_HEAD else None


def _begin_deflate(head: bytes, before: int) -> Stream | None:
    """Choose between what RFC 9110 §8.4.1.2 means by "deflate" (zlib's format) and what some servers took it for.

    RFC 1950 §2.2: the method is 8, and the two bytes are a multiple of 31. No encoder writes raw data that look so.
    """
    if before:
        return None
    is_zlib = head[0] & 15 == zlib.DEFLATED and int.from_bytes(head, "big") % 31 == 0
    return _Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _begin_zstd(head: bytes, before: int) -> Stream | None:
    del before  # frames may follow each other
    is_frame = head == _ZSTD_HEAD or (head[0] >> 4 == 5 and head[1:] == _ZSTD_SKIPPABLE)
    return _Zstd() if is_frame else None


def _begin_br(head: bytes, before: int) -> Stream | None:
    del head  # it tells nothing
    if before:
        # Dropped, as elsewhere, it would depend on how the bytes were cut on their way.
        raise DecodingError("the body goes on after the end of its br data")
    return _Brotli()


_GZIP = Coding("gzip", len(_GZIP_HEAD), _begin_gzip, (zlib.error,))

CODINGS = {
    "gzip": _GZIP,
    "deflate": Coding("deflate", 2, _begin_deflate, (zlib.error,)),
    "br": Coding("br", 1, _begin_br, (brotli.error,)),
    "zstd": Coding("zstd", len(_ZSTD_HEAD), _begin_zstd, (zstd.ZstdError,)),
    "x-gzip": _GZIP,  # RFC 9110 §8.4.1.3
}
"""Content codings by their names in HTTP, in lower case."""
