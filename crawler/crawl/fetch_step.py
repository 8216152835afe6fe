"""The fetch of a request: its page, or what is done where none came."""

from __future__ import annotations

import asyncio
import random

from crawler.crawl.committer import Committer
from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.dispatcher import Dispatcher
from crawler.crawl.exchange import Exchange, cancelled_from_within
from crawler.crawl.failed_requests import FailedRequests
from crawler.crawl.next_step import Again, Failed, FetchRules, Hop
from crawler.crawl.retries import Retries
from crawler.document.page import Page
from crawler.errors import FetchError, LimitReachedError, OpenFilesError, OutOfScopeError, StatusError
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.http.redirect import REDIRECTS
from crawler.models import SITEMAP, Request
from crawler.policy.limits import ByteBudget
from crawler.runtime.clock import Clock
from crawler.sitemaps.text import BODIES as SITEMAP_BODIES


class FetchStep:
    """Fetches: pages are returned; redirects, errors and the end of the byte budget are dealt with here."""

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        dispatcher: Dispatcher,
        discovery: Discovery,
        failed_requests: FailedRequests,
        retries: Retries,
        committer: Committer,
        *,
        counters: Counters,
        budget: ByteBudget,
        rules: FetchRules,
        clock: Clock,
    ) -> None:
        """Create the fetch step of a crawl.

        Args:
            frontier: Is told when hosts are free again, and of requests that are fetched again.
            fetcher: Fetches.
            dispatcher: Is told of fetches that brought no page, and stopped where the budget is spent.
            discovery: Tells where redirects may lead.
            failed_requests: Closes requests without a page.
            retries: Attempts requests again.
            committer: Writes the responses that are no pages, where they are archived.
            counters: Counts pages and redirects.
            budget: Bytes of bodies that may be read.
            rules: When a request is fetched again, and which redirects are followed.
            clock: Tells the time.
        """
        self._frontier = frontier
        self._fetcher = fetcher
        self._dispatcher = dispatcher
        self._discovery = discovery
        self._failed_requests = failed_requests
        self._counters = counters
        self._budget = budget
        self._rules = rules
        self._clock = clock
        self._retries = retries
        self._committer = committer

    def __repr__(self) -> str:
        return f"<FetchStep by {self._fetcher!r}>"

    async def run(self, request: Request) -> Page | None:
        """Return the page, or ``None`` when what came instead has been dealt with."""
        came: Page | FetchError | LimitReachedError | None = None
        exchange = Exchange(request, self._frontier, self._clock)
        self._retries.note_sent(request)
        bodies = SITEMAP_BODIES if request.label == SITEMAP else None  # else what the user's options say
        try:
            came = await self._fetcher.fetch(request, self._budget, bodies, exchange.answered)
        except (FetchError, LimitReachedError) as error:
            came = error
        except asyncio.CancelledError as error:
            if self._dispatcher.cuts_off:
                raise
            # Given back, the request would be fetched again, and be cancelled again, for ever.
            came = cancelled_from_within(error)
        finally:
            exchange.end(came)
            if not isinstance(came, Page) or came.status in REDIRECTS:
                self._dispatcher.uncount()
        if isinstance(came, LimitReachedError):
            self._frontier.give_back(request)
            self._dispatcher.stop(str(came))
            return None
        if isinstance(came, OpenFilesError):  # the fetcher has taken note of it
            self._frontier.give_back(request)
            return None
        page = self._take(request, came)
        response = came.page if isinstance(came, StatusError) else came
        if page is None and isinstance(response, Page):
            self._committer.archive(response)
            await self._committer.wait()
        return page

    def fail(self, request: Request, error: FetchError) -> None:
        """Have a request that could not be sent fetched again later, or close it."""
        self._take(request, error)

    def _take(self, request: Request, came: Page | FetchError) -> Page | None:
        """Return the page; deal with anything else that ``came``."""
        match self._rules.step(request, came, random.random()):
            case Hop(_, target):
                self._follow(request, target)
            case Again(wait, error):
                self._retries.again(request, wait, error)
            case Failed(error):
                self._failed_requests.fail(request, error)
            case page:
                return self._arrived(request, page)
        return None

    def _arrived(self, request: Request, page: Page) -> Page | None:
        """Return the page with the request that it belongs to; ``None`` where another request brings it."""
        if request.hops:
            self._discovery.redirected(request)
        belongs_to = self._frontier.redirects.arrived(request)
        if belongs_to is None:
            self._dispatcher.uncount()
            return None
        if belongs_to is not request:
            page.request = belongs_to
            self._dispatcher.goes_on_as(belongs_to)
        self._retries.note_page(request)
        self._counters.fetched += 1
        return page

    def _follow(self, request: Request, target: Request) -> None:
        """Have a request that was redirected go on at its ``target``; close it where that is not to be fetched."""
        if refusal := self._discovery.refusal_of_hop(target):
            remedy = "" if request.parent else "; give that as a seed, or widen the scope"
            error = OutOfScopeError(f"redirects to {target.url}, which is {refusal}{remedy}")
            self._failed_requests.fail(request, error)
            return
        self._counters.redirects += 1
        # With cookies, what a URL answers may differ from what it has answered before.
        if not self._rules.may_repeat and self._frontier.redirects.is_of_another(target):
            self._discovery.redirected(target)
            self._frontier.redirects.end_at_another(request, target)
        else:
            self._frontier.redirects.hop(target)
