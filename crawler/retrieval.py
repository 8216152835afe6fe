"""From a request to its page, or to what is to be done where none came."""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import monotonic

from crawler.discovery import Discovery
from crawler.dispatcher import Dispatcher
from crawler.endings import Endings
from crawler.errors import FetchError, LimitReachedError, OutOfScopeError, ProtocolError, TooManyRedirectsError
from crawler.exchange import Exchange
from crawler.failures import failure_of
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.models import Request, State
from crawler.page import Page
from crawler.policy.limits import ByteBudget
from crawler.policy.redirect import REDIRECTS, location_of, redirected
from crawler.policy.retry import Retry
from crawler.policy.retry_budget import RetryBudget
from crawler.policy.scope import Boundary
from crawler.tally import Tally


@dataclass(frozen=True, slots=True)
class RetrievalRules:
    """When a fetch is tried again, how many redirects are followed, and what a seed may redirect to."""

    retry: Retry
    max_redirects: int
    boundary: Boundary


class Retrieval:
    """Fetches: pages are returned; redirects, errors and the end of the budget are dealt with here."""

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        dispatcher: Dispatcher,
        discovery: Discovery,
        endings: Endings,
        *,
        tally: Tally,
        budget: ByteBudget,
        rules: RetrievalRules,
    ) -> None:
        self._budget = budget
        self._frontier = frontier
        self._fetcher = fetcher
        self._dispatcher = dispatcher
        self._discovery = discovery
        self._endings = endings
        self._tally = tally
        self._rules = rules
        self._retries = RetryBudget(rules.retry.budget)

    def __repr__(self) -> str:
        return f"<Retrieval by {self._fetcher!r}>"

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
                self._tally.fetched += 1
                return came
        return None

    def retry_or_fail(self, request: Request, error: FetchError) -> None:
        """Have a request tried again later, or close it."""
        luck = random.random()
        wait = self._rules.retry.wait_after(error, request.attempt, luck, repeatable=request.is_repeatable)
        if wait is None or not self._retries.withdraw():
            self._endings.fail(request, error)
            return
        self._tally.retries += 1
        self._frontier.retry(request, monotonic() + wait, failure_of(request, error))

    def _follow(self, page: Page) -> None:
        """Close a request that was redirected; where it leads is a request of its own."""
        request = page.request
        try:
            target = self._target(page)
        except FetchError as error:
            self._endings.fail(request, error)
            return
        self._tally.redirects += 1
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
