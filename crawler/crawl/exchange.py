"""One request on its way to its host, or to a cache that knows the answer."""

from __future__ import annotations

import asyncio

from crawler.errors import CrawlerError, FetchError, StatusError
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.pace import Outcome, outcome_of, pause_of
from crawler.runtime.clock import Clock


class Exchange:
    """A request, when it was sent, and whether its host has begun to answer; the frontier is told of both its ends."""

    __slots__ = ("_clock", "_frontier", "_is_answered", "_request", "_started")

    def __init__(self, request: Request, frontier: Frontier, clock: Clock) -> None:
        """Begin an exchange."""
        self._request = request
        self._frontier = frontier
        self._clock = clock
        self._started = clock.now()
        self._is_answered = False

    def __repr__(self) -> str:
        return f"<Exchange {self._request.url}{' answered' if self._is_answered else ''}>"

    def answered(self) -> None:
        """Note that the answer of the host begins."""
        self._is_answered = True
        now = self._clock.now()
        self._frontier.answered(self._request, now, now - self._started)

    def end(self, came: object) -> None:
        """Free the host, and note what its answer says of it."""
        now = self._clock.now()
        outcome, pause = self.outcome(came)
        seconds = None if self._request.is_robots_request else now - self._started
        self._frontier.release(self._request, now, outcome, seconds=seconds, pause=pause)

    def outcome(self, came: object) -> tuple[Outcome, float]:
        """Return what ``came`` says of the host, and the seconds for which the host asks to be left alone.

        Nothing is known of the host where the exchange was cut off (``None``), where the error is not one of the fetch,
        and where a cache had the answer: the host was not asked then.
        """
        if isinstance(came, FetchError) and (self._is_answered or not isinstance(came, StatusError)):
            return outcome_of(came), pause_of(came)
        if came is None or isinstance(came, CrawlerError) or not self._is_answered:
            return Outcome.UNKNOWN, 0.0
        return Outcome.ANSWERED, 0.0


def cancelled_from_within(error: asyncio.CancelledError) -> FetchError:
    """Return the failure of a fetch that something within it has cancelled, and not the crawl."""
    failure = FetchError("the fetch was cancelled by something that it awaited")
    failure.__cause__ = error
    return failure
