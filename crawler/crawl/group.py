"""Pages that come to their end together, with their items for each sink."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from crawler.document.page import Page
from crawler.models import Request

_MOST_PAGES = 2000  # that wait for a commit; arbitrary
_MOST_ITEMS = 10_000  # for one sink that wait for a commit; arbitrary
_MOST_BYTES = 16 * 2**20  # of encoded items, and of bodies that wait for a commit; the same


class Part(NamedTuple):
    """The share of one page, or of one archived response.

    Attributes:
        request: The request of the page; ``None`` for a response, which comes to no end here.
        status: The HTTP status of the page.
        items: How many items its parser yielded.
        lengths: How many there are for each sink.
    """

    request: Request | None
    status: int
    items: int
    lengths: tuple[int, ...]


class Group:
    """The items of several pages, for each sink.

    Attributes:
        parts: What belongs to which page, in the order of the outputs.
        outputs: The items as each sink wants them.
        pages: The pages whose bodies are to be written.
        is_wanted: Set when nobody should wait for more.
        written: Set when all is written.
        has_responses: Whether there are responses that are archived.
    """

    def __init__(self, sinks: int) -> None:
        """Create an empty group for so many sinks."""
        self.parts: list[Part] = []
        self.outputs: list[list[Any]] = [[] for _ in range(sinks)]
        self.pages: list[Page] = []
        self.is_wanted = asyncio.Event()
        self.written = asyncio.Event()
        self.has_responses = False
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Group of {len(self.parts)} pages>"

    def add(self, parts: Sequence[Part], outputs: Sequence[list[Any]]) -> None:
        """Add pages with their items."""
        self.parts += parts
        for items, more in zip(self.outputs, outputs, strict=True):
            items.extend(more)
            self._bytes += sum(len(item) for item in more if isinstance(item, bytes))

    def keep(self, pages: Sequence[Page]) -> None:
        """Add pages whose bodies are to be written."""
        self.pages += pages
        self._bytes += sum(len(page.body) for page in pages)

    def archive(self, page: Page, places: Sequence[int]) -> None:
        """Add a response for the sinks at these ``places``."""
        for place in places:
            self.outputs[place].append(page)
        self.parts.append(Part(None, 0, 0, tuple(int(place in places) for place in range(len(self.outputs)))))
        self._bytes += len(page.body)
        self.has_responses = True

    def items_at(self, place: int) -> Iterator[tuple[Part, list[Any]]]:
        """Yield each part with its items for one sink."""
        output = self.outputs[place]
        ends = accumulate(part.lengths[place] for part in self.parts)
        for part, end in zip(self.parts, ends, strict=True):
            yield part, output[end - part.lengths[place] : end]

    def drop(self, bad: Sequence[Part]) -> None:
        """Remove parts with all of their items."""
        dropped = set(map(id, bad))
        self.outputs = [
            [item for part, items in self.items_at(place) if id(part) not in dropped for item in items]
            for place in range(len(self.outputs))
        ]
        self.parts = [part for part in self.parts if id(part) not in dropped]

    @property
    def done(self) -> Iterator[tuple[Request, int]]:
        """The requests of the pages, with their HTTP status."""
        return ((part.request, part.status) for part in self.parts if part.request is not None)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.parts

    @property
    def is_large(self) -> bool:
        """Whether it should be written before there is more."""
        if max(len(self.parts), len(self.pages)) >= _MOST_PAGES or self._bytes >= _MOST_BYTES:
            return True
        return any(len(items) >= _MOST_ITEMS for items in self.outputs)
