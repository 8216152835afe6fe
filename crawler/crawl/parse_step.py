"""The parsing of a page: in the CPU stage or, where its parser is asynchronous, on the loop."""

from __future__ import annotations

from crawler.crawl.page_results import PageResults
from crawler.document.page import Page
from crawler.errors import ParseError
from crawler.models import SITEMAP
from crawler.parsing.asynchronous import parse_async
from crawler.parsing.router import Parser, is_async, parser_for
from crawler.parsing.stage import Stage
from crawler.parsing.worker import Encoders, LinkDirectives


class ParseStep:
    """Has pages parsed by whichever parser their label asks for."""

    def __init__(
        self,
        parser: Parser,
        stage: Stage,
        page_results: PageResults,
        encoders: Encoders,
        link_directives: LinkDirectives,
        *,
        crawler: object = None,
    ) -> None:
        """Create the parse step of a crawl.

        Args:
            parser: The user's parser, or a router of several.
            stage: Parses in workers.
            page_results: Takes the results of pages that are parsed here.
            encoders: How the sinks want the items.
            link_directives: What pages are told of the crawl.
            crawler: What ``async def`` parsers get as their second argument.
        """
        self._parser = parser
        self._stage = stage
        self._page_results = page_results
        self._encoders = encoders
        self._link_directives = link_directives
        self._crawler = crawler
        self._async_parsers: dict[str, Parser | None] = {}

    def __repr__(self) -> str:
        return f"<ParseStep {self._stage!r}>"

    async def serve(self) -> None:
        """Run the CPU stage until cancelled; see `Stage.run` for what it raises."""
        await self._stage.run(self._encoders, self._page_results.take, self._link_directives)

    async def run(self, page: Page) -> None:
        """Hand ``page`` to the CPU stage, or parse it here.

        Raises:
            ParseError: It cannot be handed over, or there is no parser for it.
        """
        parser = self._async_parser_for(page.label)
        if parser is None:
            await self._stage.put(page)
            return
        parsed = await parse_async(parser, page, self._crawler, self._encoders, self._link_directives)
        parsed = await self._stage.quarantine(page, parsed)
        await self._page_results.take([(page, parsed)])

    async def fail(self, page: Page, error: ParseError) -> None:
        """Close the request of a page that could not be parsed."""
        await self._page_results.fail(page, error)

    def _async_parser_for(self, label: str) -> Parser | None:
        if label == SITEMAP:
            return None
        if label not in self._async_parsers:
            parser = parser_for(self._parser, label)
            self._async_parsers[label] = parser if is_async(parser) else None
        return self._async_parsers[label]
