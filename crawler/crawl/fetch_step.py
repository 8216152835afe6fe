"""From a request to its page, or to what is to be done where none came."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.dispatcher import Dispatcher
from crawler.crawl.failed_requests import FailedRequests, failure_of
from crawler.document.page import Page
from crawler.errors import (
    CrawlerError,
    FetchError,
    LimitReachedError,
    OutOfScopeError,
    ProtocolError,
    StatusError,
    TooManyRedirectsError,
)
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.http.redirect import REDIRECTS, location_of, redirected
from crawler.models import Request, State
from crawler.policy.limits import ByteBudget
from crawler.policy.pace import Outcome, outcome_of, pause_of
from crawler.policy.retry import Retry
from crawler.policy.retry_budget import RetryBudget
from crawler.policy.scope import Boundary


@dataclass(frozen=True, slots=True)
class FetchRules:
    """When a fetch is tried again, how many redirects are followed, and what a seed may redirect to."""

    retry: Retry
    max_redirects: int
    boundary: Boundary


class FetchStep:
    """Fetches: pages are returned; redirects, errors and the end of the budget are dealt with here."""

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        dispatcher: Dispatcher,
        discovery: Discovery,
        failed_requests: FailedRequests,
        *,
        counters: Counters,
        budget: ByteBudget,
        rules: FetchRules,
    ) -> None:
        self._budget = budget
        self._frontier = frontier
        self._fetcher = fetcher
        self._dispatcher = dispatcher
        self._discovery = discovery
        self._failed_requests = failed_requests
        self._counters = counters
        self._rules = rules
        self._retries = RetryBudget(rules.retry.budget)

    def __repr__(self) -> str:
        return f"<FetchStep by {self._fetcher!r}>"

    async def fetch(self, request: Request) -> Page | None:
        """Return the page, or ``None`` when what came instead has been dealt with."""
        came: Page | FetchError | LimitReachedError | None = None
        exchange = Exchange(request, self._frontier, self._dispatcher.advance)
        if not request.attempt:
            self._retries.deposit()
        try:
            came = await self._fetcher.fetch(request, self._budget, exchange.answered)
        except (FetchError, LimitReachedError) as error:
            came = error
        finally:
            exchange.end(came)
            if not isinstance(came, Page) or came.status in REDIRECTS:
                self._dispatcher.uncount()
        match came:
            case FetchError():
                self.retry_or_fail(request, came)
            case LimitReachedError():
                self._frontier.give_back(request)
                self._dispatcher.stop(str(came))
            case Page() if came.status in REDIRECTS:
                self._follow(came)
            case Page():
                self._counters.fetched += 1
                return came
        return None

    def retry_or_fail(self, request: Request, error: FetchError) -> None:
        """Have a request tried again later, or close it."""
        jitter = random.random()
        wait = self._rules.retry.wait_after(error, request.attempt, jitter, repeatable=request.is_repeatable)
        if wait is None or not self._retries.withdraw():
            self._failed_requests.fail(request, error)
            return
        self._counters.retries += 1
        self._frontier.retry(request, monotonic() + wait, failure_of(request, error))

    def _follow(self, page: Page) -> None:
        """Close a request that was redirected; where it leads is a request of its own."""
        request = page.request
        try:
            target = self._target(page)
        except FetchError as error:
            self._failed_requests.fail(request, error)
            return
        self._counters.redirects += 1
        self._discovery.add(target, found_on=request.serial)
        self._frontier.end(request, State.DONE, status=page.status, reason=f"redirects to {target.url}")

    def _target(self, page: Page) -> Request:
        """Return the request that a redirect leads to.

        Raises:
            FetchError: It leads too far, nowhere, back to itself or, a seed, out of scope.
        """
        request = page.request
        if request.redirects >= self._rules.max_redirects:
            raise TooManyRedirectsError(f"more than {self._rules.max_redirects} redirects")
        target = redirected(request, page.status, location_of(page.headers))
        if target.fingerprint == request.fingerprint:
            raise ProtocolError("redirects to itself")
        if not request.parent and not self._rules.boundary.permits(target.url):
            remedy = "give that as a seed, or widen the scope"
            raise OutOfScopeError(f"the seed redirects to {target.url}, out of scope; {remedy}")
        return target


class Exchange:
    """A request, when it was sent, and whether its host has begun to answer; the frontier is told of both its ends."""

    __slots__ = ("_advance", "_frontier", "_is_answered", "_request", "_started")

    def __init__(self, request: Request, frontier: Frontier, advance: Callable[[], None]) -> None:
        """Begin an exchange; ``advance`` is called when something else may be fetched."""
        self._request = request
        self._frontier = frontier
        self._advance = advance
        self._started = monotonic()
        self._is_answered = False

    def __repr__(self) -> str:
        return f"<Exchange {self._request.url}{' answered' if self._is_answered else ''}>"

    def answered(self) -> None:
        """Note that the answer of the host begins."""
        self._is_answered = True
        now = monotonic()
        if self._frontier.answered(self._request, now, now - self._started):
            self._advance()  # the delay of the host began, which nobody has set a timer for

    def end(self, came: object) -> None:
        """Free the host, and note what its answer says of it."""
        now = monotonic()
        outcome, pause = self.outcome(came)
        seconds = None if self._request.is_robots_request else now - self._started
        self._frontier.release(self._request, now, outcome, seconds=seconds, pause=pause)

    def outcome(self, came: object) -> tuple[Outcome, float]:
        """Return what ``came`` says of the host, and the seconds for which that asks to be left alone.

        ``None``, where the exchange was cut off, and errors that are not of the fetch say nothing; nor does what a
        cache had, as the host was not asked.
        """
        if isinstance(came, FetchError) and (self._is_answered or not isinstance(came, StatusError)):
            return outcome_of(came), pause_of(came)
        if came is None or isinstance(came, CrawlerError) or not self._is_answered:
            return Outcome.UNKNOWN, 0.0
        return Outcome.ANSWERED, 0.0
