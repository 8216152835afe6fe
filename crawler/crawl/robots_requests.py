"""The robots requests of a crawl: the robots.txt of each origin is fetched before its first page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from crawler.crawl.discovery import Discovery
from crawler.crawl.exchange import Exchange, cancelled_from_within
from crawler.crawl.next_step import Again, Failed, FetchRules, Hop
from crawler.document.page import Page
from crawler.errors import (
    BlockedAddressError,
    ConnectError,
    FetchError,
    NotCachedError,
    OpenFilesError,
    RobotsDeniedError,
    StatusError,
    TooManyRedirectsError,
)
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.http.redirect import REDIRECTS
from crawler.models import Request
from crawler.policy.limits import ByteBudget
from crawler.policy.retry import Retry
from crawler.robots.decision import (
    ALLOW_ALL,
    ERROR_SECONDS,
    FRESH_SECONDS,
    MAX_REDIRECTS,
    PARSE_ON_LOOP_BYTES,
    ROBOTS_BODY,
    Robots,
    Verdict,
    is_unreachable,
    origin_for,
    robots_request_for,
    verdict_of,
)
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.clock import Clock
from crawler.sitemaps import sitemap
from crawler.state.journal import Journal
from crawler.url import host_of


@dataclass(frozen=True, slots=True)
class RobotsRequestRules:
    """When robots requests are fetched again, and the user agent whose group of rules counts."""

    retry: Retry
    user_agent: str


class RobotsRequests:
    """Fetches robots.txt files, and passes on what they say.

    Attributes:
        sitemap_origins: The origins whose robots.txt is asked for sitemaps, too.
    """

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        rules_cache: RulesCache,
        discovery: Discovery,
        rules: RobotsRequestRules,
        *,
        clock: Clock,
        journal: Journal,
        is_cutting_off: Callable[[], bool],
    ) -> None:
        """Create what fetches the robots.txt files of one crawl.

        Args:
            frontier: Has the hosts, which are closed until their rules are known.
            fetcher: Fetches.
            rules_cache: Is told what is allowed.
            discovery: Gets the sitemaps.
            rules: When a file is fetched again, and for which user agent it is read.
            clock: Tells the time.
            journal: Where new rules are noted.
            is_cutting_off: Tells whether requests in flight are being cancelled by the crawl.
        """
        self.sitemap_origins: set[str] = set()
        self._frontier = frontier
        self._fetcher = fetcher
        self._rules_cache = rules_cache
        self._discovery = discovery
        self._user_agent = rules.user_agent
        self._rules = FetchRules(rules.retry, MAX_REDIRECTS, may_repeat=True)
        self._clock = clock
        self._journal = journal
        self._is_cutting_off = is_cutting_off

    def __repr__(self) -> str:
        return f"<RobotsRequests {self._rules_cache!r}>"

    async def run(self, request: Request) -> None:
        """Fetch a robots.txt and learn its rules, or learn where it is; its host is closed until then."""
        came: Page | FetchError | None = None
        exchange = Exchange(request, self._frontier, self._clock)
        try:
            # The budget is not the user's, which limits pages.
            came = await self._fetcher.fetch(request, ByteBudget(), ROBOTS_BODY, exchange.answered)
        except FetchError as failure:
            came = failure
        except asyncio.CancelledError as cancelled:
            if self._is_cutting_off():
                raise
            came = cancelled_from_within(cancelled)  # else its host would stay closed for ever
        finally:
            exchange.end(came)
        if isinstance(came, OpenFilesError):  # the fetcher has taken note of it
            self._interpose(request)
            return
        if verdict := await self._verdict(came):
            self._learn(request, verdict.robots, verdict.seconds)
            return
        match self._rules.step(request, came, random.random()):
            case Hop(_, target):
                self._interpose(target)
            case Again(wait, _):
                self._interpose(replace(request, attempt=request.attempt + 1), self._clock.now() + wait)
            case Failed(TooManyRedirectsError()):  # as good as none, RFC 9309 §2.3.1.2
                self._learn(request, ALLOW_ALL, FRESH_SECONDS)
            case Failed(error):
                self.fail(request, refusal(error))

    def fail(self, request: Request, error: FetchError) -> None:
        """Note that the rules of an origin cannot be had, because of ``error``."""
        self._learn(request, error, ERROR_SECONDS)

    async def _verdict(self, came: Page | FetchError) -> Verdict | None:
        """Return what ``came`` says of what is allowed; ``None`` where it says nothing of that."""
        match came:
            case NotCachedError():  # a replay asks no server, so nothing can be forbidden
                return Verdict(ALLOW_ALL, FRESH_SECONDS)
            case StatusError():
                return None if is_unreachable(came.status) else verdict_of(came.status, b"", self._user_agent)
            case Page() if came.status not in REDIRECTS:
                arguments = came.status, came.body, self._user_agent, came.url
                if len(came.body) > PARSE_ON_LOOP_BYTES:
                    return await asyncio.to_thread(verdict_of, *arguments)
                return verdict_of(*arguments)
        return None

    def _interpose(self, request: Request, ready_at: float = 0.0) -> None:
        """Have ``request`` fetched, with the delay and the connections of the host where redirects have led it."""
        is_for_other_host = host_of(request.url) != host_of(f"{origin_for(request)}/")
        self._frontier.interpose(request, ready_at, is_for_other_host=is_for_other_host)

    def _learn(self, request: Request, rules: Robots | FetchError, seconds: float) -> None:
        now, origin = self._clock.now(), origin_for(request)
        self._rules_cache.learn(origin, rules, now + seconds)
        first = robots_request_for(origin)
        self._frontier.open(first)
        if isinstance(rules, Robots):
            self._obey(first, rules, now, seconds)

    def _obey(self, request: Request, rules: Robots, now: float, seconds: float) -> None:
        """Take over what rules say beside what they allow."""
        origin = origin_for(request)
        if rules.delay:
            self._frontier.slow_down(request, rules.delay, now)
        for url in rules.sitemaps if origin in self.sitemap_origins else ():
            self._discovery.add(replace(sitemap(self._discovery.canonical(url)), parent=request.url))
        self._journal.learnt(origin, rules, now + seconds)


def refusal(error: FetchError) -> FetchError:
    """Return why the pages of an origin fail whose robots.txt could not be fetched because of ``error``.

    Where there is no connection, no page can be fetched either; else all is forbidden (RFC 9309 §2.3.1.4).
    """
    if isinstance(error, ConnectError | BlockedAddressError):
        return error
    return RobotsDeniedError(f"robots.txt cannot be had: {error}")
