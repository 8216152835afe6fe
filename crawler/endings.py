"""How requests end that come to nothing, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from crawler.errors import CrawlerError, RobotsDeniedError
from crawler.failures import failure_of
from crawler.frontier.frontier import Frontier
from crawler.models import Failure, Request, State
from crawler.page import Page
from crawler.tally import Tally

OnFailure: TypeAlias = Callable[[Failure], object]


class Endings:
    """Closes requests that came to nothing."""

    def __init__(
        self,
        frontier: Frontier,
        tally: Tally,
        keep: Callable[[Sequence[Page]], None],
        on_failure: OnFailure | None,
    ) -> None:
        """Create the endings of a crawl.

        Args:
            frontier: Knows the requests.
            tally: Counts the failures.
            keep: Keeps the bodies of pages, where any are kept.
            on_failure: Called with each failure.
        """
        self._frontier = frontier
        self._tally = tally
        self._keep = keep
        self._on_failure = on_failure

    def __repr__(self) -> str:
        return f"<Endings {self._tally.errors.total()}>"

    def fail(self, request: Request, error: CrawlerError, saved: str = "") -> None:
        """Close a request that came to nothing; ``saved`` is the file that its body is kept in."""
        if isinstance(error, RobotsDeniedError) and request.parent:
            # Counted, like what is out of scope; only for seeds is it news.
            self._frontier.end(request, State.DENIED, reason=str(error))
            return
        failure = failure_of(request, error, saved)
        self._frontier.end(request, failure.state, failure=failure)
        self._tell(failure)

    def fail_page(self, page: Page, error: CrawlerError, saved: str = "") -> None:
        """Close a request whose page could not be parsed; another parser may."""
        self._keep([page])
        self.fail(page.request, error, saved)

    def refuse(self, seed: object, error: Exception) -> None:
        """Count what is no seed; it is no reason to end a crawl of millions."""
        self._tell(Failure(str(seed), State.REFUSED, type(error).__name__, str(error)))

    def _tell(self, failure: Failure) -> None:
        self._tally.note_failure(failure)
        if self._on_failure is None:
            return
        try:
            self._on_failure(failure)
        except asyncio.CancelledError as error:  # which would pass for ours
            raise CrawlerError(f"on_failure raised {error!r}") from error
