"""The record of why a URL came to nothing."""

from __future__ import annotations

from crawler.errors import (
    BlockedAddressError,
    CrawlerError,
    ParseError,
    QuarantineError,
    RobotsDeniedError,
    StatusError,
)
from crawler.models import Failure, Request, State


def state_of(error: CrawlerError) -> State:
    """Return the state of a URL that came to nothing because of ``error``."""
    match error:
        case QuarantineError():
            return State.QUARANTINED
        case RobotsDeniedError():
            return State.DENIED
        case BlockedAddressError():
            return State.REFUSED
        case _:
            return State.FAILED


def failure_of(request: Request, error: CrawlerError, saved: str = "") -> Failure:
    """Return the record of why ``request`` came to nothing; ``saved`` is the file that its body is kept in."""
    return Failure(
        url=request.url,
        state=state_of(error),
        error=type(error).__name__,
        message=str(error),
        attempts=request.attempt + 1,
        status=error.status if isinstance(error, StatusError) else 0,
        depth=request.depth,
        parent=request.parent,
        traceback=error.traceback if isinstance(error, ParseError | QuarantineError) else "",
        saved=saved,
    )
