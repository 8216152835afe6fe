"""Gives a crawl its seeds: those that are known at once, those of an iterator as they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from crawler.crawl.seeds import Seed, requests_of
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import Request
from crawler.runtime.slices import Slices

_AHEAD = 10_000  # pending requests beyond which no more seeds are asked for; arbitrary


class Seeding:
    """The seeds of one crawl.

    Attributes:
        known: Those that are known at once.
        is_over: Whether there are no others.
    """

    def __init__(
        self,
        known: Sequence[Request],
        others: Iterator[Seed] | None = None,
        introduce: Callable[[Request], Request] = lambda request: request,
        ahead: int = _AHEAD,
    ) -> None:
        """Create the seeds of a crawl.

        Args:
            known: Requests for which ``introduce`` was called already.
            others: Asked for more while fewer than ``ahead`` requests are pending; called on the event loop.
            introduce: Called with each request of the user before it is added; returns the request to be crawled.
            ahead: How many requests may be pending.
        """
        self.known = known
        self.is_over = others is None
        self._others = others
        self._introduce = introduce
        self._ahead = ahead
        self._wanted = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Seeding of {len(self.known)} seeds{'' if self.is_over else ' and more'}>"

    def note_pending(self, pending: int) -> None:
        """Take note of how many requests are pending."""
        if pending < self._ahead and not self._wanted.is_set():
            self._wanted.set()

    async def run(
        self, add: Callable[[Request], object], refuse: Callable[[Seed, Exception], object], pending: Callable[[], int]
    ) -> None:
        """Ask for the other seeds to the end.

        Args:
            add: Called with each.
            refuse: Called with what is no seed, and why.
            pending: Returns how many requests are pending.

        Raises:
            ConfigurationError: There is not one seed.
            Exception: What the iterator raised.
        """
        count, slices = 0, Slices()
        for seed in self._others or ():
            count += 1
            try:
                for request in requests_of([seed]):
                    add(self._introduce(request))
            except (InvalidURLError, ConfigurationError) as error:
                refuse(seed, error)
            if slices.are_used_up():
                await slices.pause()
            while pending() >= self._ahead:
                self._wanted.clear()
                await self._wanted.wait()
        self.is_over = True
        if not count and not self.known:
            raise ConfigurationError("nothing to crawl: there is no seed")


def sorted_out(seeds: Sequence[Seed]) -> tuple[list[Request], Iterator[Seed] | None]:
    """Return the requests for ``seeds``, and one iterator over the iterators among them.

    Raises:
        InvalidURLError: One that is known at once is no http(s) URL.
        ConfigurationError: One that is known at once is neither a URL nor a request.
    """
    iterators = [seed for seed in seeds if isinstance(seed, Iterator)]
    known = requests_of(seed for seed in seeds if not isinstance(seed, Iterator))
    return known, _chained(iterators) if iterators else None


def _chained(iterators: Sequence[Iterator[str | Request]]) -> Iterator[Seed]:
    for iterator in iterators:
        for seed in iterator:
            if not (isinstance(seed, str) and not seed.strip()):  # the empty lines of a file
                yield seed
