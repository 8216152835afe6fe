"""Requests that are attempted again: because of an error, or because a parser asks for it."""

from __future__ import annotations

import random

from crawler.crawl.counters import Counters
from crawler.crawl.failed_requests import FailedRequests, failure_of
from crawler.document.page import Page
from crawler.errors import CrawlerError, PageRetryError
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.policy.retry import Retry
from crawler.policy.retry_budget import RetryBudgets
from crawler.runtime.clock import Clock
from crawler.url import host_of


class Retries:
    """Puts requests back, within the budgets of their hosts."""

    def __init__(
        self,
        frontier: Frontier,
        failed_requests: FailedRequests,
        *,
        counters: Counters,
        rules: Retry,
        clock: Clock,
    ) -> None:
        """Create what attempts the requests of a crawl again.

        Args:
            frontier: Takes requests back.
            failed_requests: Closes those for which there is no budget.
            counters: Counts retries.
            rules: How often, and when.
            clock: Tells the time.
        """
        self._frontier = frontier
        self._failed_requests = failed_requests
        self._counters = counters
        self._rules = rules
        self._clock = clock
        self._budgets = RetryBudgets(rules.budget)

    def __repr__(self) -> str:
        return f"<Retries {self._budgets!r}>"

    def note_sent(self, request: Request) -> None:
        """Take note of an attempt that begins."""
        if not request.attempt and not self._budgets.are_untouched:
            self._budgets.note_new(_host_of(request))

    def note_page(self, request: Request) -> None:
        """Take note that an attempt has brought a page."""
        if request.attempt and not self._budgets.are_untouched:
            self._budgets.note_success(_host_of(request), request.attempt)

    def again(self, request: Request, wait: float, error: CrawlerError) -> None:
        """Have a ``request`` fetched again in so many seconds; close it where its host has no budget for that."""
        if self._withdraws(request, error):
            self._put_back(request, wait, error)
        else:
            self._failed_requests.fail(request, error)

    def again_for_parser(self, page: Page, error: PageRetryError) -> bool:
        """Have a ``page`` fetched again whose parser asks for it; close its request, and return false, if it cannot."""
        request = page.request
        wait = self._rules.wait_for_parser(error.wait, request.attempt, random.random())
        if wait is None or not self._withdraws(request, error):
            self._failed_requests.fail_page(page, error)
            return False
        self._put_back(request, wait, error)
        return True

    def _withdraws(self, request: Request, error: CrawlerError) -> bool:
        host = _host_of(request)
        if self._budgets.withdraw(host):
            return True
        self._counters.retries_refused += 1
        error.add_note(f"not attempted again, as the retry budget of {host} is used up: see Retry(budget=…)")
        return False

    def _put_back(self, request: Request, wait: float, error: CrawlerError) -> None:
        self._counters.retries += 1
        self._frontier.retry(request, self._clock.now() + wait, failure_of(request, error))


def _host_of(request: Request) -> str:
    """Return the host whose budget a request uses, wherever redirects have led it."""
    return host_of(request.asked)
