"""The results of parsed pages: their links go to the frontier, their items to the sinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crawler.crawl.committer import Committer
from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.failed_requests import FailedRequests
from crawler.crawl.group import Part
from crawler.crawl.retries import Retries
from crawler.crawl.unencodable import UnencodablePages
from crawler.document.page import Page
from crawler.errors import EncodingError, PageRetryError, ParseError, QuarantineError
from crawler.parsing.worker import Encode, OfPage, Parsed
from crawler.sinks.sink import Sink, keyed


class PageResults:
    """Takes the results of parsed pages, a batch at a time."""

    def __init__(
        self,
        discovery: Discovery,
        failed_requests: FailedRequests,
        retries: Retries,
        committer: Committer,
        sinks: Sequence[Sink],
        *,
        uncount: Callable[[], None],
        unencodable: UnencodablePages,
        counters: Counters,
    ) -> None:
        """Create what takes the results of a crawl.

        Args:
            discovery: Takes links.
            failed_requests: Closes the requests of pages that could not be parsed.
            retries: Has pages fetched again whose parsers ask for it.
            committer: Writes the items, and closes the requests of the other pages.
            sinks: Where items go.
            uncount: Called for each page that is fetched again, as the limit of pages does not count it.
            unencodable: Counts pages whose items could not be encoded.
            counters: Counts items and parsed pages.
        """
        self._discovery = discovery
        self._failed_requests = failed_requests
        self._retries = retries
        self._committer = committer
        self._uncount_one = uncount
        self._unencodable = unencodable
        self._sinks = sinks
        self._counters = counters

    def __repr__(self) -> str:
        return f"<PageResults {self._counters.parsed} pages for {len(self._sinks)} sinks>"

    async def take(self, results: Sequence[tuple[Page, Parsed]]) -> None:
        """Add the links of parsed pages, and hand over their items; with these, their requests are finished."""
        batch, again = ItemBatch(self._sinks), 0
        for page, parsed in results:
            if isinstance(parsed.error, PageRetryError):
                if self._retries.again_for_parser(page, parsed.error):
                    self._committer.archive(page)
                    again += 1
                continue
            problem = await self._add_links(page, parsed)
            try:
                batch.add(page, parsed, problem)
            except (ParseError, QuarantineError, EncodingError) as error:
                if isinstance(error, EncodingError):
                    self._unencodable.note_bad(error)
                self._failed_requests.fail_page(page, error, parsed.saved)
            else:
                if parsed.items:
                    self._unencodable.note_good()
        # Nothing is awaited from here to the commit of these pages, so that one commit has them and their counts.
        self._counters.items += batch.items
        self._counters.parsed += len(results) - again
        self._uncount(again)
        if batch.pages:
            await self._committer.put(batch.pages, batch.outputs, batch.parts)
        else:  # bodies of failed pages wait for a commit, too: never too many of them
            await self._committer.wait()

    async def fail(self, page: Page, error: ParseError) -> None:
        """Close the request of a page that could not be handed over."""
        self._failed_requests.fail_page(page, error)
        await self._committer.wait()

    def _uncount(self, again: int) -> None:
        """Count pages that are fetched again as not fetched, as redirects and failures are."""
        self._counters.fetched -= again
        for _ in range(again):
            self._uncount_one()

    async def _add_links(self, page: Page, parsed: Parsed) -> ParseError | None:
        """Add the links of a page, also of a failed one, such as a broken sitemap. Return why one cannot be added."""
        try:
            await self._discovery.add_all(page, parsed)
        except ParseError as error:
            return error
        return None


class ItemBatch:
    """The items of several parsed pages, for each sink.

    Attributes:
        pages: The pages.
        items: How many items they have.
        outputs: The items as each sink wants them.
        parts: What of these belongs to which page.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Create an empty one for ``sinks``."""
        self.pages: list[Page] = []
        self.items = 0
        self.outputs: list[list[Any]] = [[] for _ in sinks]
        self.parts: list[Part] = []
        self._sinks = sinks

    def __repr__(self) -> str:
        return f"<ItemBatch {self.items} items of {len(self.pages)} pages>"

    def add(self, page: Page, parsed: Parsed, problem: ParseError | None = None) -> None:
        """Add a page with its items; nothing where that raises.

        Args:
            page: The page.
            parsed: What its parser made of it.
            problem: What else speaks against it.

        Raises:
            CrawlerError: The page has failed: that of the parser, or ``problem``.
        """
        items = items_for(self._sinks, page, parsed)
        if problem is not None:
            raise problem
        for output, some in zip(self.outputs, items, strict=True):
            output.extend(some)
        self.items += parsed.items
        self.pages.append(page)
        self.parts.append(Part(page.request, page.status, parsed.items, tuple(map(len, items))))


def encoder_of(sink: Sink) -> Encode | OfPage | None:
    """Return how the workers encode for ``sink``."""
    of_page: Callable[[Page], bytes] | None = getattr(sink, "encode_page", None)
    return sink.encode if of_page is None else OfPage(of_page)


def items_for(sinks: Sequence[Sink], page: Page, parsed: Parsed) -> list[list[Any]]:
    """Return the items of a page for each of ``sinks``.

    Raises:
        CrawlerError: There are none because of it.
    """
    if parsed.error is not None:
        raise parsed.error
    fingerprint = page.request.identity if parsed.items else ""
    return [keyed(sink, fingerprint, parsed.items_for(place)) for place, sink in enumerate(sinks)]
