"""Zstandard: of the standard library from Python 3.14 on, before that its backport. And how bodies are kept with it."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["STORED", "decompressed", "zstd"]

STORED = {int(zstd.CompressionParameter.compression_level): 1, int(zstd.CompressionParameter.checksum_flag): 1}
"""How bodies are kept. The next levels take half as long again, and save 1 to 5 %; the checksum is what damage is found
by."""


def decompressed(data: bytes, size: int) -> bytes | None:
    """Return the body of ``size`` bytes that was compressed into ``data``; ``None`` where that is damaged."""
    decompressor = zstd.ZstdDecompressor()
    try:
        body = decompressor.decompress(data, max_length=size + 1)
    except (zstd.ZstdError, MemoryError):
        return None
    return body if decompressor.eof and len(body) == size else None
