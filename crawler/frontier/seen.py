"""The URLs that a crawl has met."""

from __future__ import annotations

from crawler.digests import DigestSet, digest_of

_REMEMBERED = 50_000  # texts of which no digest need be made to know that they were met; arbitrary


class Seen:
    """A `DigestSet` that is asked by text, and knows at once what it was asked lately: most links of most pages."""

    __slots__ = ("_digests", "_old", "_recent")

    def __init__(self) -> None:
        self._digests = DigestSet()
        self._recent: set[str] = set()
        self._old: set[str] = set()

    def __repr__(self) -> str:
        return f"<Seen {len(self._digests)} fingerprints>"

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, fingerprint: str) -> bool:
        if fingerprint in self._recent:
            return True
        if fingerprint not in self._old and digest_of(fingerprint) not in self._digests:
            return False
        self._remember(fingerprint)
        return True

    @property
    def digests(self) -> DigestSet:
        """The digests of all of them."""
        return self._digests

    def add(self, fingerprint: str, digest: bytes) -> bool:
        """Add a fingerprint whose digest was made already; tell whether it was not there before."""
        if not self._digests.add(digest):
            return False
        self._remember(fingerprint)
        return True

    def _remember(self, fingerprint: str) -> None:
        if len(self._recent) >= _REMEMBERED:
            self._recent, self._old = set(), self._recent
        self._recent.add(fingerprint)
