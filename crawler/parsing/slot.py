"""The contract of a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from crawler.document.page import Page
from crawler.parsing.process import WorkerDiedError
from crawler.parsing.worker import DEFAULT_MANNERS, Batch, Encoders, LinkDirectives


class Progress(NamedTuple):
    """How far a slot is.

    Attributes:
        pages: The very sequence that was given to `Slot.parse`.
        place: That of the page that is parsed now.
        seconds: Since when.
    """

    pages: Sequence[Any]
    place: int
    seconds: float


class Slot(Protocol):
    """A place where one call after another is worked on.

    Attributes:
        pid: The process that works, as far as that is known.
        restarts: How often a worker that died was replaced.
    """

    pid: int
    restarts: int

    @property
    def busy_seconds(self) -> float:
        """Seconds that its workers have worked, the call they are at included as far as that can be known."""

    @property
    def progress(self) -> Progress | None:
        """The page that its worker is at; ``None`` where it is at none, or that cannot be known."""

    def use(self, encoders: Encoders, link_directives: LinkDirectives = DEFAULT_MANNERS) -> None:
        """Encode items this way from now on, and tell pages that of the crawl.

        Raises:
            ConfigurationError: The encoders do not pickle.
        """

    def pack(self, page: Page) -> Any:
        """Return ``page`` in the form in which it travels.

        Raises:
            ParseError: The metadata of its request does not pickle.
        """

    async def parse(self, pages: Sequence[Any]) -> Batch:
        """Parse packed pages.

        Raises:
            WorkerDiedError: The worker died.
        """

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call a function of the user's; raise what it raises.

        Raises:
            WorkerDiedError: The worker died.
        """

    async def replace(self, died: WorkerDiedError) -> None:
        """Put a new worker in the place of the one that died, unless that was done before.

        Raises:
            WorkerLostError: That cannot be done.
        """

    async def recycle(self) -> bool:
        """Put a new worker in the place of one that is idle, where the slot can; tell whether it can."""
