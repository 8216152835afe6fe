"""The errands of a crawl: it fetches the robots.txt of each origin before the first page."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from msgspec.structs import replace

from crawler.discovery import Discovery
from crawler.errors import FetchError
from crawler.exchange import Exchange
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.permissions import Permissions
from crawler.policy.retry import Retry
from crawler.policy.robots import ERROR_SECONDS, Robots, Verdict, errand_for, origin_for
from crawler.robots import read_robots, refusal
from crawler.sitemaps import sitemap
from crawler.state.changes import Journal
from crawler.url import host_of


@dataclass(frozen=True, slots=True)
class ErrandRules:
    """How errands are run: when they are tried again, and by which name robots.txt knows us."""

    retry: Retry
    user_agent: str


class Errands:
    """Runs errands, and passes on what they have brought.

    Attributes:
        sitemap_origins: The origins whose robots.txt is asked for sitemaps, too.
    """

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        permissions: Permissions,
        discovery: Discovery,
        rules: ErrandRules,
        *,
        advance: Callable[[], None],
        journal: Journal | None = None,
    ) -> None:
        """Create what runs the errands of one crawl.

        Args:
            frontier: Has the hosts, which are closed until their rules are known.
            fetcher: Fetches.
            permissions: Is told what is allowed.
            discovery: Gets the sitemaps.
            rules: How.
            advance: Called when there may be something to fetch.
            journal: Where what was learnt is noted.
        """
        self.sitemap_origins: set[str] = set()
        self._frontier = frontier
        self._fetcher = fetcher
        self._permissions = permissions
        self._discovery = discovery
        self._rules = rules
        self._advance = advance
        self._journal = journal

    def __repr__(self) -> str:
        return f"<Errands {self._permissions!r}>"

    async def run(self, errand: Request) -> None:
        """Read a robots.txt, or learn where it is; the host that it is of is closed until then."""
        came: Verdict | Request | FetchError | None = None
        exchange = Exchange(errand, self._frontier, self._advance)
        try:
            came = await read_robots(self._fetcher, errand, self._rules.user_agent, exchange.answered)
        except FetchError as error:
            came = error
        finally:
            exchange.end(came)
        match came:
            case Verdict():
                self._learn(errand, *came)
            case Request():
                self._interpose(came)
            case FetchError():
                self._retry_or_refuse(errand, came)

    def fail(self, errand: Request, error: FetchError) -> None:
        """Take note that an errand cannot be run at all."""
        self._learn(errand, error, ERROR_SECONDS)

    def _retry_or_refuse(self, errand: Request, error: FetchError) -> None:
        wait = self._rules.retry.wait_after(error, errand.attempt, random.random())
        if wait is None:
            self._learn(errand, refusal(error), ERROR_SECONDS)
        else:
            self._interpose(replace(errand, attempt=errand.attempt + 1), monotonic() + wait)

    def _interpose(self, errand: Request, ready_at: float = 0.0) -> None:
        """Have ``errand`` run, with the delay and the connections of the host where redirects have led it."""
        is_guest = host_of(errand.url) != host_of(f"{origin_for(errand)}/")
        self._frontier.interpose(errand, ready_at, is_guest=is_guest)
        self._advance()

    def _learn(self, errand: Request, rules: Robots | FetchError, seconds: float) -> None:
        now, origin = monotonic(), origin_for(errand)
        self._permissions.learn(origin, rules, now + seconds)
        first = errand_for(origin)
        self._frontier.open(first)
        if isinstance(rules, Robots):
            self._obey(first, rules, now, seconds)
        self._advance()

    def _obey(self, errand: Request, rules: Robots, now: float, seconds: float) -> None:
        """Take over what rules say beside what they allow."""
        origin = origin_for(errand)
        if rules.delay:
            self._frontier.slow_down(errand, rules.delay, now)
        for url in rules.sitemaps if origin in self.sitemap_origins else ():
            self._discovery.add(replace(sitemap(self._discovery.spelt(url)), parent=errand.url))
        if self._journal is not None:
            self._journal.changes.robots[origin] = now + seconds, rules
