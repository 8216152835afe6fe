"""What becomes of parsed pages: their links to the frontier, their items to the sinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crawler.committer import Committer
from crawler.discovery import Discovery
from crawler.endings import Endings
from crawler.errors import ParseError, QuarantineError
from crawler.outputs import items_for
from crawler.page import Page
from crawler.parsing.worker import Parsed
from crawler.sinks.sink import Sink
from crawler.tally import Tally


class Settling:
    """Settles batches of parsed pages."""

    def __init__(
        self,
        discovery: Discovery,
        endings: Endings,
        committer: Committer,
        sinks: Sequence[Sink],
        *,
        tally: Tally,
        advance: Callable[[], None],
        is_kept: bool,
    ) -> None:
        """Create the settling of a crawl.

        Args:
            discovery: Takes links.
            endings: Takes pages that came to nothing.
            committer: Makes the rest last.
            sinks: Where items go.
            tally: Counts items and settled pages.
            advance: Called when something else may be fetched.
            is_kept: Whether the crawl has a state folder.
        """
        self._discovery = discovery
        self._endings = endings
        self._committer = committer
        self._sinks = sinks
        self._tally = tally
        self._advance = advance
        self._is_kept = is_kept

    def __repr__(self) -> str:
        return f"<Settling {self._tally.settled} pages for {len(self._sinks)} sinks>"

    async def settle(self, results: Sequence[tuple[Page, Parsed]]) -> None:
        """Add the links of parsed pages, and hand over their items, with which their requests come to their end."""
        outputs: list[list[Any]] = [[] for _ in self._sinks]
        pages, made = [], 0
        for page, parsed in results:
            problem = await self._add_links(page, parsed)
            try:
                items = items_for(self._sinks, page, parsed)
                if problem is not None:
                    raise problem
            except (ParseError, QuarantineError) as error:
                self._endings.fail_page(page, error, parsed.saved)
                continue
            for output, some in zip(outputs, items, strict=True):
                output.extend(some)
            made += parsed.items
            pages.append(page)
        self._advance()
        # Nothing is awaited between the counts and the pages that they count: both are in the same commit.
        self._tally.items += made
        self._tally.settled += len(results)
        if pages or self._is_kept:  # a state may hold failed pages, of which there are never too many
            await self._committer.put(pages, outputs)

    async def _add_links(self, page: Page, parsed: Parsed) -> ParseError | None:
        """Add what a page leads to, of one that failed too: a broken sitemap, for example. Return what cannot be."""
        try:
            await self._discovery.add_all(page, parsed)
        except ParseError as error:
            return error
        return None
