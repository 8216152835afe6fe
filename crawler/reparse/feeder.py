"""Reads saved pages, and hands them to the CPU stage: no more at a time than about a second of work."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from crawler.document.page import Page
from crawler.errors import DamagedBodyError, ParseError
from crawler.models import SITEMAP
from crawler.parsing.router import Parser, is_async, parser_for
from crawler.parsing.stage import Stage
from crawler.parsing.worker import Parsed
from crawler.reparse.parsed_pages import ParsedPages
from crawler.runtime.serial_executor import SerialExecutor
from crawler.state.saved_pages import SavedPage, SavedPages

_READ_BYTES = 2**20  # of bodies that are read at a time; arbitrary, a call into a thread takes as long as 50 kB
_AHEAD_SECONDS = 1.0  # of work that are handed to the workers: what must be finished when it is to stop; arbitrary
_AHEAD_PAGES = 8  # for each worker at least, so that they have two batches each; arbitrary


class Feeder:
    """Feeds the CPU stage with the saved pages of a folder, once from the first to the last.

    Attributes:
        is_stopping: Whether no more pages are begun.
    """

    def __init__(
        self,
        saved: SavedPages,
        executor: SerialExecutor,
        stage: Stage,
        parsed: ParsedPages,
        parser: Parser,
        labels: Collection[str],
    ) -> None:
        """Create a feeder.

        Args:
            saved: The pages, open.
            executor: Runs what reads them.
            stage: Parses them.
            parsed: Takes the results, and pages that fail before they get to the stage.
            parser: The user's.
            labels: Those of the requests whose pages are parsed; all if empty.
        """
        self.is_stopping = False
        self._saved = saved
        self._executor = executor
        self._stage = stage
        self._parsed = parsed
        self._parser = parser
        self._labels = labels
        self._handed = 0
        self._changed = asyncio.Event()
        self._async_labels: dict[str, ParseError | None] = {}

    def __repr__(self) -> str:
        return f"<Feeder {self._handed} pages handed over>"

    async def run(self) -> None:
        """Hand over all pages, or those until `stop`; return when all of them have come back."""
        await self._feed()
        while self._handed:
            await self._next_change()

    def stop(self) -> None:
        """Begin no more pages."""
        self.is_stopping = True
        self._changed.set()

    async def take(self, results: Sequence[tuple[Page, Parsed]]) -> None:
        """Pass on what the stage returns; more may be handed over then."""
        await self._parsed.take(results)
        self._handed -= len(results)
        self._changed.set()

    async def _feed(self) -> None:
        last = 0
        while batch := await self._executor.run(self._saved.read, last, _READ_BYTES, self._labels):
            for saved in batch:
                if not await self._may_hand_over():
                    return
                await self._hand_over(saved)
            last = batch[-1].page.request.serial

    async def _may_hand_over(self) -> bool:
        """Wait until another page may be handed over; tell whether it is to be."""
        while self._handed >= self._most_ahead and not self.is_stopping:
            await self._next_change()
        return not self.is_stopping

    async def _hand_over(self, saved: SavedPage) -> None:
        try:
            if error := saved.error or self._async_error(saved.page.label):
                raise error
            await self._stage.put(saved.page)
            self._handed += 1
        except (ParseError, DamagedBodyError) as error:
            self._parsed.fail(saved.page, error)

    @property
    def _most_ahead(self) -> int:
        """How many pages may be under way."""
        speed = self._parsed.pages / self._parsed.counters.seconds
        return max(_AHEAD_PAGES * len(self._stage.statistics().workers), int(speed * _AHEAD_SECONDS))

    def _async_error(self, label: str) -> ParseError | None:
        """Return why pages of ``label`` cannot be parsed here, if there is a reason."""
        if label == SITEMAP:
            return None
        if label not in self._async_labels:
            self._async_labels[label] = _reason_against(self._parser, label)
        return self._async_labels[label]

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _reason_against(parser: Parser, label: str) -> ParseError | None:
    try:
        if not is_async(parser_for(parser, label)):
            return None
    except ParseError as error:
        return error
    return ParseError(f"the parser for label {label!r} is async def, and needs a crawler that runs")
