"""The requests that failed: they are closed, counted, and told to the user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from crawler.crawl.counters import Counters
from crawler.document.page import Page
from crawler.errors import (
    BlockedAddressError,
    CrawlerError,
    OutOfScopeError,
    ParseError,
    QuarantineError,
    RobotsDeniedError,
    StatusError,
)
from crawler.frontier.frontier import Frontier
from crawler.models import Failure, Request, State
from crawler.runtime.shortened import shortened

OnFailure: TypeAlias = Callable[[Failure], object]


class FailedRequests:
    """Closes requests that brought no page, or whose page could not be parsed."""

    def __init__(
        self,
        frontier: Frontier,
        counters: Counters,
        keep: Callable[[Page], None],
        on_failure: OnFailure | None,
    ) -> None:
        """Create what closes the failed requests of a crawl.

        Args:
            frontier: Knows the requests.
            counters: Counts the failures.
            keep: Saves the body of a page, where the crawl saves bodies, and archives it.
            on_failure: Called with each failure.
        """
        self._frontier = frontier
        self._counters = counters
        self._keep = keep
        self._on_failure = on_failure

    def __repr__(self) -> str:
        return f"<FailedRequests {self._counters.errors.total()}>"

    def fail(self, request: Request, error: CrawlerError, saved: str = "") -> None:
        """Close a failed request; ``saved`` is the file with its body, if there is one."""
        if isinstance(error, RobotsDeniedError) and request.parent and not request.hops:
            # Only counted, like links out of scope: a failure is told where the user named the URL, and where a URL
            # was asked for and brought no page.
            self._frontier.end(request, State.DENIED, reason=str(error))
            return
        failure = failure_of(request, error, saved)
        self._frontier.end(request, failure.state, failure=failure)
        self._tell(failure)

    def fail_page(self, page: Page, error: CrawlerError, saved: str = "") -> None:
        """Close a request whose page could not be parsed; its body is saved, as another parser may."""
        self._keep(page)
        self.fail(page.request, error, saved)

    def refuse(self, seed: object, error: Exception) -> None:
        """Count a value that is no seed: one of millions is no reason to end the crawl."""
        self._tell(Failure(str(seed), State.REFUSED, type(error).__name__, str(error)))

    def _tell(self, failure: Failure) -> None:
        tell(failure, self._counters, self._on_failure)


def tell(failure: Failure, counters: Counters, on_failure: OnFailure | None) -> None:
    """Count a failure, and tell the user of it.

    Raises:
        CrawlerError: ``on_failure`` raised `asyncio.CancelledError`, which would pass for a cancellation of the crawl.
        Exception: Whatever else it raised.
    """
    counters.note_failure(failure)
    if on_failure is None:
        return
    try:
        on_failure(failure)
    except asyncio.CancelledError as error:
        raise CrawlerError(f"on_failure raised {error!r}") from error


def state_of(error: CrawlerError) -> State:
    """Return the state of a URL that failed with ``error``."""
    match error:
        case QuarantineError():
            return State.QUARANTINED
        case RobotsDeniedError():
            return State.DENIED
        case BlockedAddressError() | OutOfScopeError():
            return State.REFUSED
        case _:
            return State.FAILED


def failure_of(request: Request, error: CrawlerError, saved: str = "") -> Failure:
    """Return the record of a failed request; ``saved`` is the file with its body, if there is one."""
    return Failure(
        url=request.asked,
        state=state_of(error),
        error=type(error).__name__,
        message=_message_of(request, error),
        attempts=request.attempt + 1,
        status=error.status if isinstance(error, StatusError) else 0,
        depth=request.depth,
        parent=request.parent,
        traceback=error.traceback if isinstance(error, ParseError | QuarantineError) else "",
        saved=saved,
    )


def _message_of(request: Request, error: CrawlerError) -> str:
    """Return what happened: the error, where redirects had led, and why no other attempt was made."""
    where = "" if request.url == request.asked else f"redirected to {request.url}: "
    return where + "; ".join([shortened(str(error)), *getattr(error, "__notes__", ())])
