"""The record of a crawl that has no state folder: it keeps nothing, and knows of nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from crawler.models import Failure, Ledger, Request, State
from crawler.robots.decision import Robots
from crawler.state.changes import Changes
from crawler.state.digests import DigestSet
from crawler.state.host_record import HostRecord
from crawler.state.journal import Journal
from crawler.state.record import QueuePart, Restored, Ways
from crawler.state.rows import PutOff, Waiting


class NullJournal:
    """Notes nothing: see `Journal`. Each call is one function call, and no more."""

    is_durable = False
    is_empty = True
    size = 0

    def __repr__(self) -> str:
        return "<NullJournal>"

    def take(self) -> Changes:
        """Return no changes."""
        return Changes()

    def found(self, request: Request, digest: bytes, found_on: int, host: int) -> None:
        """Note nothing."""

    def refused(self, request: Request, digest: bytes, found_on: int, reason: str) -> None:
        """Note nothing."""

    def put_off(self, request: Request, digest: bytes, found_on: int) -> None:
        """Note nothing."""

    def taken(self, digest: bytes) -> None:
        """Note nothing."""

    def redirected(self, digest: bytes) -> None:
        """Note nothing."""

    def lowered(self, digest: bytes, depth: int) -> None:
        """Note nothing."""

    def unproven(self, digest: bytes, depth: int, serial: int, step: int, links: bytes) -> None:
        """Note nothing."""

    def proven(self, depth: int) -> None:
        """Note nothing."""

    def ended(self, request: Request, state: State, status: int = 0, reason: str | None = None) -> None:
        """Note nothing."""

    def failed(self, request: Request, failure: Failure) -> None:
        """Note nothing."""

    def attempted(self, request: Request, failure: Failure) -> None:
        """Note nothing."""

    def waits(self, request: Request, ready_at: float) -> None:
        """Note nothing."""

    def learnt(self, origin: str, rules: Robots, until: float) -> None:
        """Note nothing."""

    def remember(self, host: str, known: HostRecord | None) -> None:
        """Note nothing."""


class NullRecord:
    """Keeps nothing: see `Record`. All pending requests are in memory, and nothing is ever low."""

    is_durable = False
    survives_power = False
    keeps_bodies = False
    window = None

    def __init__(self) -> None:
        self.journal: Journal = NullJournal()
        self.noted = asyncio.Event()
        self.low = asyncio.Event()

    def __repr__(self) -> str:
        return "<NullRecord>"

    async def load(self) -> Restored:
        """Return what a new crawl begins with."""
        return Restored()

    async def fill(self, seen: DigestSet, too_deep: DigestSet, redirected: DigestSet) -> None:
        """Leave the sets empty."""

    async def ways(self) -> Ways:
        """Return nothing."""
        return Ways()

    async def waiting_hosts(self) -> list[str]:
        """Return no host."""
        return []

    async def no_longer_too_deep(self, max_depth: int | None) -> list[PutOff]:  # noqa: ARG002  # as others have it
        """Return nothing."""
        return []

    async def seeds(self) -> AsyncIterator[list[str]]:
        """Yield no seeds."""
        nothing: list[list[str]] = []
        for urls in nothing:
            yield urls

    async def waiting(self, parts: Sequence[QueuePart]) -> list[list[Waiting]]:
        """Return no request of any host."""
        return [[] for _ in parts]

    async def commit(self, changes: Changes) -> None:
        """Forget ``changes``."""

    async def recount(self) -> Ledger:
        """Return that no URL is known."""
        return Ledger()
