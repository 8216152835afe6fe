"""The contract of a slot, in which a worker makes one call after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from crawler.document.page import Page
from crawler.parsing.process import WorkerDiedError
from crawler.parsing.worker import DEFAULT_LINK_DIRECTIVES, Batch, Encoders, LinkDirectives


class Progress(NamedTuple):
    """The page that a slot is parsing.

    Attributes:
        pages: The sequence that was passed to `Slot.parse`, the same object.
        place: The index of the page in it.
        seconds: Seconds since the page began.
    """

    pages: Sequence[Any]
    place: int
    seconds: float


class Slot(Protocol):
    """A worker, and the workers that replace it: one call after the other runs in it.

    Attributes:
        pid: The process of the worker; 0 if it is unknown.
        restarts: How often a worker died and was replaced.
    """

    pid: int
    restarts: int

    @property
    def busy_seconds(self) -> float:
        """Seconds that its workers have worked, including the present call if that is known."""

    @property
    def progress(self) -> Progress | None:
        """The page that its worker is at; ``None`` if it is at none, or if that is unknown."""

    def use(self, encoders: Encoders, link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES) -> None:
        """Parse with these encoders and link directives from now on.

        Raises:
            ConfigurationError: The encoders do not pickle.
        """

    def pack(self, page: Page) -> Any:
        """Return ``page`` in the form in which it is sent to the worker.

        Raises:
            ParseError: The metadata of its request does not pickle.
        """

    async def parse(self, pages: Sequence[Any]) -> Batch:
        """Parse packed pages.

        Raises:
            WorkerDiedError: The worker died.
        """

    async def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call a user's function; raise what it raises.

        Raises:
            WorkerDiedError: The worker died.
        """

    async def replace(self, died: WorkerDiedError) -> None:
        """Replace the worker that died, unless that has been done.

        Raises:
            WorkerLostError: No new worker starts.
        """

    async def recycle(self) -> bool:
        """Replace a worker that is idle, if the slot can do that; tell whether it can."""
