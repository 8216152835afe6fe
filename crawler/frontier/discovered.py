"""Every URL that the crawl has met, each once, and the serial numbers of their requests."""

from __future__ import annotations

from msgspec.structs import replace

from crawler.frontier.seen import Seen
from crawler.frontier.shortest_ways import ShortestWays
from crawler.frontier.state_counts import StateCounts
from crawler.models import Ledger, Refusal, Request, State
from crawler.state.changes import Snapshot
from crawler.state.digests import DigestSet
from crawler.state.journal import Journal

_SNAPSHOT_AFTER = 200_000  # digests, which are read in 0.1 s; arbitrary
_SNAPSHOT_GROWTH = 0.25  # so that all snapshots together write five times what the last one does; arbitrary


class Discovered:
    """The fingerprints of all requests, and of those that are too deep so far; what is new is counted and noted.

    Attributes:
        seen: Those of all requests, whatever became of them.
        too_deep: The digests of the others: each may yet be found on a shorter way.
        redirected: Those of requests that ended as redirects: no page was delivered for the URL that they asked for.
        serial: The serial number of the newest request.
    """

    def __init__(self, counts: StateCounts, journal: Journal, ways: ShortestWays | None = None) -> None:
        """Know nothing.

        Args:
            counts: Where what is new is counted.
            ways: Is told how deep it is, where that matters.
            journal: Where it is noted, so that it can be written to a disk.
        """
        self.seen = Seen()
        self.too_deep = DigestSet()
        self.redirected = DigestSet()
        self.serial = 0
        self._counts = counts
        self._journal = journal
        self._ways = ways
        self._snapshot = 0  # the last serial number at that time

    def __repr__(self) -> str:
        return f"<Discovered {len(self.seen)} requests, {len(self.too_deep)} too deep>"

    def __len__(self) -> int:
        return len(self.seen) + len(self.too_deep)

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self.seen or (bool(self.too_deep) and self.seen.digest(fingerprint) in self.too_deep)

    def add(self, request: Request, found_on: int, host_key: int) -> None:
        """Add a request that is pending; it has the next serial number, and a rank.

        Raises:
            ParseError: It cannot be written down, and nothing is known of it afterwards. The two below raise it, too.
        """
        fingerprint = request.fingerprint
        self._journal.found(request, self.seen.digest(fingerprint), found_on, host_key)
        self._take(request, fingerprint, State.PENDING)

    def refuse(self, request: Request, reason: Refusal, found_on: int) -> None:
        """Add a request that is not to be fetched."""
        request = replace(request, serial=self.serial + 1)
        fingerprint = request.fingerprint
        self._journal.refused(request, self.seen.digest(fingerprint), found_on, reason)
        self._take(request, fingerprint, State.REFUSED)

    def put_off(self, request: Request, found_on: int) -> None:
        """Take note of what is too deep to be a request."""
        digest = self.seen.digest(request.fingerprint)
        self._journal.put_off(request, digest, found_on)
        self.too_deep.add(digest)
        self._counts.enter(State.REFUSED)

    def told_apart(self, request: Request) -> Request:
        """Return a request that is made again; as any other, where there was none like it."""
        plain = replace(request, again=False)
        return request if plain.fingerprint in self.seen else plain

    def at_its_depth(self, request: Request) -> Request:
        """Return a request that is not done with the depth that it has by now."""
        return self._ways.at_its_depth(request) if self._ways else request

    def note_redirected(self, fingerprint: str) -> None:
        """Take note that a request has ended as a redirect: there was no page for its URL."""
        digest = self.seen.digest(fingerprint)
        if self.redirected.add(digest):
            self._journal.redirected(digest)

    def was_redirected(self, request: Request) -> bool:
        """Tell whether a request of the same fingerprint has ended as a redirect."""
        return bool(self.redirected) and self.seen.digest(request.fingerprint) in self.redirected

    def note_delivered(self, request: Request) -> None:
        """Take note that there was a page after all, behind another request, so that it is not delivered again.

        The disk is not told: until the page is committed there, it must be possible to deliver it.
        """
        if self.redirected:
            self.redirected.discard(self.seen.digest(request.fingerprint))

    def _take(self, request: Request, fingerprint: str, state: State) -> None:
        """Take note of a request that is new, once it is written down."""
        self.serial = request.serial
        digest = self.seen.add(fingerprint)
        self._counts.enter(state)
        if digest is not None and self._ways is not None:
            self._ways.note_added(digest, request.depth, is_pending=state is State.PENDING)
        if digest is not None and self.too_deep and self.too_deep.discard(digest):
            self._counts.leave(State.REFUSED)
            self._journal.taken(digest)

    def resume(self, serial: int, snapshot: int = 0, ledger: Ledger | None = None) -> None:
        """Go on after a ``serial`` number, and a ``snapshot`` at another, with the states of a ``ledger``."""
        self.serial, self._snapshot = serial, snapshot
        if ledger is not None:
            self._counts.resume(ledger)

    def take_snapshot(self) -> Snapshot | None:
        """Return all digests for the disk, where so many are new that reading them one by one would take long."""
        if self.serial < _SNAPSHOT_AFTER + self._snapshot * (1 + _SNAPSHOT_GROWTH):
            return None
        self._snapshot = self.serial
        return Snapshot(self.serial, self.seen.digests.lengths(), self.seen.digests)
