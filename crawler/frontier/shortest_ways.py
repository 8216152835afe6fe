"""The depths of URLs in a crawl with a limit on depth: each is that of the shortest way known.

A page may be parsed before a shorter way to it is found, because a page on that way was slow. Its depth is lowered
then, and so is what hangs below it, some of which may have been too deep. So the links of a page are remembered until
its depth is *proven*: until no request is pending that is less deep, through which a shorter way could lead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from crawler.models import Request
from crawler.state.digests import DIGEST_BYTES, DigestSet, digest_of
from crawler.state.journal import Journal

_MOST_FOR_SEEDS = 200_000  # links that are remembered because seeds are to come, about 50 MB; arbitrary


class Unproven(NamedTuple):
    """A parsed page whose depth may yet be lowered.

    Attributes:
        serial: The serial number of its request.
        step: How much deeper its links are: 1, or 0 for a sitemap.
        links: The digests of those that are known, one behind the other.
        too_deep: Those that are too deep to be requests.
    """

    serial: int
    step: int
    links: bytes
    too_deep: tuple[Request, ...]

    @property
    def size(self) -> int:
        """How many links it has."""
        return len(self.links) // DIGEST_BYTES + len(self.too_deep)


class Found(NamedTuple):
    """A request that is not too deep any more, and the serial number of the one that led to it."""

    request: Request
    found_on: int


class ShortestWays:
    """Knows the depth of each URL, and the links of pages whose depth is not proven."""

    def __init__(self, journal: Journal) -> None:
        """Know nothing.

        Args:
            journal: Where is noted what a crawl needs to go on.
        """
        self._journal = journal
        self._levels: list[DigestSet] = []  # by depth
        self._unproven: dict[int, dict[bytes, Unproven]] = {}  # by depth
        self._open = DigestSet()  # requests that are not done
        self._active: Counter[int] = Counter()  # the same, counted by depth
        self._lowered: dict[bytes, int] = {}  # those of them whose depth has been lowered since they were queued
        self._remembered = 0  # links of the pages that are unproven
        self._waits_for_seeds = False

    def __repr__(self) -> str:
        unproven = sum(map(len, self._unproven.values()))
        return f"<ShortestWays {sum(map(len, self._levels))} URLs, {unproven} pages unproven>"

    def depth_of(self, digest: bytes) -> int | None:
        """Return the depth of a request; ``None`` if there is none."""
        return next((depth for depth, level in enumerate(self._levels) if digest in level), None)

    def is_shorter(self, digest: bytes, depth: int) -> bool:
        """Tell whether ``depth`` is less than what is known."""
        return not any(digest in level for level in self._levels[: depth + 1])

    # ── what becomes of requests ──

    def note_added(self, digest: bytes, depth: int, *, is_pending: bool) -> None:
        """Take note of a new request."""
        self._level(depth).add(digest)
        if is_pending:
            self._open.add(digest)
            self._active[depth] += 1

    def at_its_depth(self, request: Request) -> Request:
        """Return a request that is not done with the depth that it has by now: in a queue it keeps the one it had."""
        if not self._lowered:
            return request
        depth = self._lowered.get(digest_of(request.identity))
        return request if depth is None else replace(request, depth=depth)

    def note_ended(self, request: Request) -> None:
        """Take note that a request is done, or has failed."""
        digest = digest_of(request.identity)
        self._open.discard(digest)
        self._active[self._lowered.pop(digest, request.depth)] -= 1
        self._forget_proven()

    def wait_for_seeds(self) -> None:
        """Take note that there are seeds to come: any URL may be one."""
        self._waits_for_seeds = True
        self._active[0] += 1

    def seeds_are_over(self) -> None:
        """Take note that there are no more of them, or that too much is remembered because of them."""
        if self._waits_for_seeds:
            self._waits_for_seeds = False
            self._active[0] -= 1
            self._forget_proven()

    # ── what pages lead to ──

    @property
    def least(self) -> int:
        """The least depth that a page may yet get."""
        return min((depth for depth, count in self._active.items() if count), default=0)

    def is_proven(self, depth: int) -> bool:
        """Tell whether a page at ``depth`` cannot become less deep."""
        return all(active >= depth or not count for active, count in self._active.items())

    def remember(self, digest: bytes, depth: int, page: Unproven) -> None:
        """Remember the links of a page, until its depth is proven."""
        pages = self._unproven.setdefault(depth, {})
        self._remembered += page.size - (pages[digest].size if digest in pages else 0)
        pages[digest] = page
        too_deep = [digest_of(request.fingerprint) for request in page.too_deep]
        self._journal.unproven(digest, depth, page.serial, page.step, page.links + joined(too_deep))
        if self._remembered > _MOST_FOR_SEEDS:
            self.seeds_are_over()

    def lower(self, digest: bytes, depth: int) -> Iterator[Found]:
        """Lower the depth of a request, and of what hangs below it; yield what was too deep for a longer way."""
        return self._lower([(digest, depth)])

    def hand_down(self, page: Unproven, depth: int) -> Iterator[Found]:
        """Lower what hangs below a page that is at ``depth`` by now; yield the same."""
        waiting: list[tuple[bytes, int]] = []
        yield from _below(page, depth, waiting)
        yield from self._lower(waiting)

    def _lower(self, waiting: list[tuple[bytes, int]]) -> Iterator[Found]:
        while waiting:
            digest, depth = waiting.pop()
            before = self.depth_of(digest)
            if before is None or before <= depth:
                continue
            self._move(digest, before, depth)
            self._journal.lowered(digest, depth)
            if page := self._unproven.get(before, {}).pop(digest, None):
                self._unproven.setdefault(depth, {})[digest] = page
                yield from _below(page, depth, waiting)

    def _move(self, digest: bytes, before: int, depth: int) -> None:
        self._levels[before].discard(digest)
        self._level(depth).add(digest)
        if digest in self._open:
            self._active[before] -= 1
            self._active[depth] += 1
            self._lowered[digest] = depth

    def _forget_proven(self) -> None:
        for depth in [depth for depth in self._unproven if self.is_proven(depth)]:
            if pages := self._unproven.pop(depth):
                self._remembered -= sum(page.size for page in pages.values())
                self._journal.proven(depth)

    def _level(self, depth: int) -> DigestSet:
        while len(self._levels) <= depth:
            self._levels.append(DigestSet())
        return self._levels[depth]

    # ── what an earlier crawl has left ──

    def restore(
        self,
        depths: Iterable[tuple[bytes, int, bool]],
        lowered: Iterable[tuple[bytes, int]],
        unproven: Iterable[tuple[bytes, Unproven]],
    ) -> None:
        """Go on with the depths of requests, each with whether it is pending; with those lowered since; with pages."""
        for digest, depth, is_pending in depths:
            self.note_added(digest, depth, is_pending=is_pending)
        for digest, depth in lowered:
            before = self.depth_of(digest)
            if before is not None and depth < before:
                self._move(digest, before, depth)
        for digest, page in unproven:
            if (known := self.depth_of(digest)) is not None:
                self._unproven.setdefault(known, {})[digest] = page
                self._remembered += page.size


def joined(digests: Sequence[bytes]) -> bytes:
    """Return ``digests`` one behind the other, each once."""
    return b"".join(dict.fromkeys(digests))


def _digests_in(data: bytes) -> Iterator[bytes]:
    return (data[start : start + DIGEST_BYTES] for start in range(0, len(data), DIGEST_BYTES))


def _below(page: Unproven, depth: int, links: list[tuple[bytes, int]]) -> Iterator[Found]:
    """Yield what is too deep on a page that is at ``depth`` by now, and add its ``links`` with their depth."""
    deeper = depth + page.step
    links += [(link, deeper) for link in _digests_in(page.links)]
    return (Found(replace(request, depth=deeper), page.serial) for request in page.too_deep)
