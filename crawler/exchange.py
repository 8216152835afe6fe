"""One request on its way to its host, or to a cache that knows the answer."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from crawler.errors import CrawlerError, FetchError, StatusError
from crawler.models import Request
from crawler.policy.pace import Outcome, outcome_of, pause_of


class Exchange:
    """A request, when it was sent, and whether its host has begun to answer."""

    __slots__ = ("_heard", "is_answered", "request", "started")

    def __init__(self, request: Request, heard: Callable[[Exchange, float], None]) -> None:
        """Begin an exchange; ``heard`` is called with it and the time when the answer begins."""
        self.request = request
        self.started = monotonic()
        self.is_answered = False
        self._heard = heard

    def __repr__(self) -> str:
        return f"<Exchange {self.request.url}{' answered' if self.is_answered else ''}>"

    def answered(self) -> None:
        """Note that the answer of the host begins."""
        self.is_answered = True
        self._heard(self, monotonic())

    def outcome(self, came: object) -> tuple[Outcome, float]:
        """Return what ``came`` says of the host, and the seconds for which that asks to be left alone.

        ``None``, where the exchange was cut off, and errors that are not of the fetch say nothing; nor does what a
        cache had, as the host was not asked.
        """
        if isinstance(came, FetchError) and (self.is_answered or not isinstance(came, StatusError)):
            return outcome_of(came), pause_of(came)
        if came is None or isinstance(came, CrawlerError) or not self.is_answered:
            return Outcome.UNKNOWN, 0.0
        return Outcome.ANSWERED, 0.0
