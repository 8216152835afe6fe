"""Compressed streams of any length, made from a block that repeats, so that the server itself stays small.

Each codec can be cut into pieces that decode on their own: deflate after a full flush (RFC 1951 §3.2.4), zstd at its
blocks (RFC 8878 §3.1.1.2), Brotli where its encoder was flushed and nothing but the same block came before.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import brotli  # type: ignore[import-untyped]  # it has none

BLOCK = b" " * 2**20  # decoded: spaces, as text may have any number of them anywhere
_BATCH = 64  # blocks sent at once: 64 MiB decoded, below 70 kB compressed
_ZSTD_BLOCK = 2**17  # decoded bytes of a block at most (RFC 8878 §3.1.1.2.4)
_ADLER = 65_521  # RFC 1950 §9
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952 §2.3: deflate, no name, no time
_DEFLATE_END = b"\x03\x00"  # an empty last block

Compress: TypeAlias = Callable[[bytes, int], Iterator[bytes]]


def gzip(prefix: bytes, size: int) -> Iterator[bytes]:
    """Compress `prefix` and then spaces, `size` bytes together."""
    blocks, rest = divmod(max(0, size - len(prefix)), len(BLOCK))
    yield _GZIP_HEAD + _flushed(prefix)
    yield from _repeated(_flushed(BLOCK) if blocks else b"", blocks)
    tail = BLOCK[:rest]
    crc = zlib.crc32(tail, _crc_after(zlib.crc32(prefix), blocks))
    length = len(prefix) + blocks * len(BLOCK) + rest
    yield _flushed(tail) + _DEFLATE_END + crc.to_bytes(4, "little") + (length % 2**32).to_bytes(4, "little")


def deflate(prefix: bytes, size: int) -> Iterator[bytes]:
    """Do the same in the format that HTTP calls deflate and everybody else zlib (RFC 1950)."""
    blocks, rest = divmod(max(0, size - len(prefix)), len(BLOCK))
    yield b"\x78\x9c" + _flushed(prefix)
    yield from _repeated(_flushed(BLOCK) if blocks else b"", blocks)
    checksum = _adler_after(zlib.adler32(prefix), blocks * len(BLOCK) + rest)
    yield _flushed(BLOCK[:rest]) + _DEFLATE_END + checksum.to_bytes(4, "big")


def br(prefix: bytes, size: int) -> Iterator[bytes]:
    """Do the same in Brotli; `size` is rounded up to whole blocks of a mebibyte."""
    blocks = -(-max(0, size - len(prefix)) // len(BLOCK))
    compressor = brotli.Compressor(quality=5, lgwin=18)
    # The first block fills the window; from the second on, all are the same octets.
    yield compressor.process(prefix + BLOCK * min(1, blocks)) + compressor.flush()
    block = compressor.process(BLOCK) + compressor.flush()
    yield from _repeated(block, blocks - 1)
    yield b"\x03"  # an empty last meta-block (RFC 7932 §9.2), after the flush's alignment


def zstd(prefix: bytes, size: int) -> Iterator[bytes]:
    """Do the same in Zstandard (RFC 8878), by hand: a block of one repeated byte takes four."""
    blocks, rest = divmod(max(0, size - len(prefix)), _ZSTD_BLOCK)
    yield zstd_head(_ZSTD_BLOCK) + _zstd_block(prefix, len(prefix), kind=0)
    yield from _repeated(_zstd_block(b" ", _ZSTD_BLOCK, kind=1), blocks)
    yield _zstd_block(b" ", rest, kind=1) + _zstd_block(b"", 0, kind=0, is_last=True)


CODECS: dict[str, Compress] = {"gzip": gzip, "deflate": deflate, "br": br, "zstd": zstd}
"""Compressed streams by the names that `Content-Encoding` has for them."""


def whole(compress: Compress, text: bytes) -> bytes:
    """Compress a text and nothing else."""
    return b"".join(compress(text, len(text)))


def zstd_head(window: int) -> bytes:
    """Make a frame's head that asks for a window of `window` bytes, a power of two: no size, no checksum."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes(((window.bit_length() - 11) << 3,))


def _zstd_block(content: bytes, size: int, *, kind: int, is_last: bool = False) -> bytes:
    return (size << 3 | kind << 1 | is_last).to_bytes(3, "little") + content


def _repeated(block: bytes, times: int) -> Iterator[bytes]:
    """Give a block `times` times, many at once."""
    many = block * _BATCH
    for _ in range(times // _BATCH):
        yield many
    yield block * (max(0, times) % _BATCH)


def _flushed(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


def _crc_after(crc: int, blocks: int) -> int:
    """Give the CRC after so many blocks without reading them: what a block does to it is linear over GF(2)."""
    nothing = zlib.crc32(BLOCK, 0)
    bits = [zlib.crc32(BLOCK, 1 << bit) ^ nothing for bit in range(32)]
    for _ in range(blocks):
        after = nothing
        for bit in bits:
            after ^= bit if crc & 1 else 0
            crc >>= 1
        crc = after
    return crc


def _adler_after(checksum: int, spaces: int) -> int:
    """Give the Adler-32 after so many spaces."""
    low, high = checksum & 0xFFFF, checksum >> 16
    # The high sum grows by the low one after each byte, which itself grows by 32 each time.
    high += spaces * low + 32 * spaces * (spaces + 1) // 2
    return (high % _ADLER) << 16 | (low + 32 * spaces) % _ADLER
