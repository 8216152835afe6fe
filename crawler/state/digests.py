"""Sets of digests of URLs: exact and compact.

A digest has 128 bits. The probability that two of ten thousand million URLs share one is 10⁻¹⁹, so a digest is taken
for the URL itself. No URL is dropped because it looks like a known one, as a Bloom filter would do.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from struct import iter_unpack

DIGEST_BYTES = 16
_BUCKETS = 1 << 16  # chosen by the first two bytes of a digest
PART = 256  # buckets that are written in one piece; arbitrary
_REST = DIGEST_BYTES - 2  # bytes that a bucket has of it: the place of the bucket says the first two


def digest_of(fingerprint: str) -> bytes:
    """Return the 16 bytes that represent a fingerprint: BLAKE2b (RFC 7693), so that nobody can forge a second text."""
    return blake2b(fingerprint.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


class DigestSet:
    """A set of digests that takes about 18 bytes for each, where a set of ``bytes`` takes 100.

    Buckets are strings of digests, searched as text. Of ten million digests each has 150, which takes about 1 µs.
    """

    __slots__ = ("_buckets", "_size")

    def __init__(self) -> None:
        self._buckets: list[bytearray | None] = [None] * _BUCKETS
        self._size = 0

    def __repr__(self) -> str:
        return f"<DigestSet of {self._size}>"

    def __len__(self) -> int:
        return self._size

    def __contains__(self, digest: bytes) -> bool:
        bucket = self._buckets[digest[0] | digest[1] << 8]
        return bucket is not None and _place_in(bucket, digest[2:]) >= 0

    def __iter__(self) -> Iterator[bytes]:
        for place, bucket in enumerate(self._buckets):
            start = place.to_bytes(2, "little")
            for index in range(0, len(bucket or b""), _REST):
                yield start + bytes((bucket or b"")[index : index + _REST])

    def add(self, digest: bytes) -> bool:
        """Add a digest; tell whether it was not there before."""
        place, rest = digest[0] | digest[1] << 8, digest[2:]
        bucket = self._buckets[place]
        if bucket is None:
            self._buckets[place] = bytearray(rest)
        elif _place_in(bucket, rest) >= 0:
            return False
        else:
            bucket += rest
        self._size += 1
        return True

    def discard(self, digest: bytes) -> bool:
        """Remove a digest; tell whether it was there."""
        bucket = self._buckets[digest[0] | digest[1] << 8]
        place = -1 if bucket is None else _place_in(bucket, digest[2:])
        if bucket is None or place < 0:
            return False
        bucket[place : place + _REST] = bucket[-_REST:]  # the last one takes its place
        del bucket[-_REST:]
        self._size -= 1
        return True

    def extend(self, digests: bytes) -> None:
        """Add many digests, one behind the other, none of which is there or comes twice."""
        buckets = self._buckets
        for place, rest in iter_unpack(f"<H{_REST}s", digests):
            bucket = buckets[place]
            if bucket is None:
                buckets[place] = bytearray(rest)
            else:
                bucket += rest
        self._size += len(digests) // DIGEST_BYTES

    # ── in one piece, as it is on the disk: to add the first two bytes to each digest would take ten times as long ──

    def lengths(self) -> list[int]:
        """Return the bytes in each bucket at this moment; what is added later comes behind them."""
        return [len(bucket or b"") for bucket in self._buckets]

    def parts(self, lengths: list[int]) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield what the buckets held when ``lengths`` was read; none was removed since.

        For each part the place of its first bucket, the lengths as 32-bit numbers, and the digests.
        """
        for start in range(0, _BUCKETS, PART):
            some = lengths[start : start + PART]
            found = zip(self._buckets[start : start + PART], some, strict=True)
            yield (
                start,
                array("I", some).tobytes(),
                b"".join(bytes(bucket[:length]) for bucket, length in found if bucket),
            )

    def restore(self, start: int, lengths: bytes, data: bytes) -> None:
        """Fill empty buckets with one of the `parts`."""
        at = 0
        for place, length in enumerate(array("I", lengths), start):
            if length:
                self._buckets[place] = bytearray(data[at : at + length])
                at += length
        self._size += len(data) // _REST


def _place_in(bucket: bytearray, rest: bytes) -> int:
    """Return where a digest begins in a bucket; a negative number where it is not there."""
    place = bucket.find(rest)
    while place > 0 and place % _REST:  # a match across two digests
        place = bucket.find(rest, place + 1)
    return place
