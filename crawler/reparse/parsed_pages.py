"""What becomes of pages that were parsed again: their items go to the sinks, their failures to the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crawler.crawl.configuration import Configuration
from crawler.crawl.counters import Counters
from crawler.crawl.failed_requests import failure_of, tell
from crawler.crawl.group import Group, Part
from crawler.crawl.page_results import ItemBatch
from crawler.crawl.sink_writes import SinkWrites
from crawler.crawl.unencodable import UnencodablePages
from crawler.document.page import Page
from crawler.errors import CrawlerError, EncodingError, ParseError, QuarantineError, SinkError
from crawler.models import State
from crawler.parsing.worker import Parsed
from crawler.reparse.new_links import NewLinks
from crawler.sinks.sink import Sink


class ParsedPages:
    """Takes the results of one run.

    Attributes:
        counters: Items and failures, and the clock of the run.
        pages: Pages parsed, or failed.
        links: Links and requests that the parser yielded.
        found: Those of them that are new.
        bytes: Bytes of bodies.
        states: Failures by the state of their URL.
    """

    def __init__(self, options: Configuration, new_links: NewLinks | None, links_sink: Sink | None) -> None:
        """Create one with all counts at zero.

        Args:
            options: Its sinks take the items, its ``on_failure`` the failures.
            new_links: Tells new links from others; ``None`` where they are not wanted.
            links_sink: Where they go.
        """
        self.begin()
        self.counters.end()
        self.pages = self.links = self.found = self.bytes = 0
        self.states: Counter[State] = Counter()
        self._sinks = options.sinks
        self._on_failure = options.on_failure
        self._new_links = new_links
        self._links_sink = links_sink
        self._unencodable = UnencodablePages()

    def __repr__(self) -> str:
        return f"<ParsedPages {self.pages} pages, {self.counters.items} items>"

    def begin(self) -> None:
        """Start the clock, with no item and no failure counted."""
        self.counters = Counters()

    async def take(self, results: Sequence[tuple[Page, Parsed]]) -> None:
        """Write the items and the new links of parsed pages.

        Raises:
            SinkError: They could not be written.
        """
        batch = ItemBatch(self._sinks)
        new: list[Any] = []
        pages: dict[int, Page] = {}  # of the parts of the batch
        for page, parsed in results:
            self.links += len(parsed.links) + len(parsed.requests)
            if self._new_links is not None:
                new.extend(self._new_links.of(page, parsed))
            try:
                batch.add(page, parsed)
            except (ParseError, QuarantineError, EncodingError) as error:
                if isinstance(error, EncodingError):
                    self._unencodable.note_bad(error)
                self.fail(page, error, parsed.saved)
            else:
                pages[id(batch.parts[-1])] = page
                if parsed.items:
                    self._unencodable.note_good()

        def reject(part: Part, error: EncodingError) -> None:
            self._unencodable.note_bad(error, was_good=True)
            self.fail(pages.pop(id(part)), error)

        group = Group(len(self._sinks))
        group.add(batch.parts, batch.outputs)
        await SinkWrites(self._sinks, reject, _no_space).write(group)
        for page in pages.values():
            self._note(page)
        self.counters.items += sum(part.items for part in group.parts)
        await self._write_links(new)

    async def _write_links(self, links: list[Any]) -> None:
        sink = self._links_sink
        if sink is None or not links:
            return
        self.found += len(links)
        await sink.write([sink.encode(link) for link in links] if sink.encode is not None else links)

    def fail(self, page: Page, error: CrawlerError, saved: str = "") -> None:
        """Count a page that could not be parsed; ``saved`` is the file with its body, if there is one."""
        failure = failure_of(page.request, error, saved)
        self._note(page)
        self.states[failure.state] += 1
        tell(failure, self.counters, self._on_failure)

    def _note(self, page: Page) -> None:
        self.pages += 1
        self.bytes += len(page.body)


async def _no_space(error: SinkError) -> None:
    """Raise ``error``: what is parsed again can be parsed once more."""
    raise error
