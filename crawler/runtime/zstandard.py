"""Zstandard, from the standard library since Python 3.14, before that its backport; and how stored bodies use it."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["STORED", "decompressed", "zstd"]

STORED = {int(zstd.CompressionParameter.compression_level): 1, int(zstd.CompressionParameter.checksum_flag): 1}
"""Parameters for stored bodies. The next levels take half as long again and save 1 to 5 %; the checksum detects damage.
"""


def decompressed(data: bytes, size: int) -> bytes | None:
    """Return the body of ``size`` bytes that is compressed in ``data``; ``None`` if the data is damaged."""
    decompressor = zstd.ZstdDecompressor()
    try:
        body = decompressor.decompress(data, max_length=size + 1)
    except (zstd.ZstdError, MemoryError):
        return None
    return body if decompressor.eof and len(body) == size else None
