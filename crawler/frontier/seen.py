"""The URLs that a crawl has met."""

from __future__ import annotations

from crawler.state.digests import DigestSet, digest_of

_REMEMBERED = 50_000  # texts of which no digest need be made to know that they were met; arbitrary


class Seen:
    """A `DigestSet` that is asked by text, and knows at once what it was asked lately: most links of most pages."""

    __slots__ = ("_digests", "_new", "_old", "_recent")

    def __init__(self) -> None:
        self._digests = DigestSet()
        self._recent: set[str] = set()
        self._old: set[str] = set()
        self._new = ("", b"")  # what was asked for last and is not there, which is about to be added

    def __repr__(self) -> str:
        return f"<Seen {len(self._digests)} fingerprints>"

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, fingerprint: str) -> bool:
        if fingerprint in self._recent:
            return True
        if fingerprint == self._new[0]:
            return False
        if fingerprint not in self._old and (digest := digest_of(fingerprint)) not in self._digests:
            self._new = fingerprint, digest
            return False
        self._remember(fingerprint)
        return True

    @property
    def digests(self) -> DigestSet:
        """The digests of all of them."""
        return self._digests

    def digest(self, fingerprint: str) -> bytes:
        """Return the digest of a fingerprint."""
        return self._new[1] if fingerprint == self._new[0] else digest_of(fingerprint)

    def add(self, fingerprint: str) -> bytes | None:
        """Add a fingerprint and return its digest; ``None`` where it is there already."""
        if fingerprint in self:
            return None
        digest = self._new[1]
        self._digests.add(digest)
        self._new = "", b""
        self._remember(fingerprint)
        return digest

    def _remember(self, fingerprint: str) -> None:
        if len(self._recent) >= _REMEMBERED:
            self._recent, self._old = set(), self._recent
        self._recent.add(fingerprint)
