"""The errands of a crawl: it fetches the robots.txt of each origin before the first page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from msgspec.structs import replace

from crawler.crawl.discovery import Discovery
from crawler.crawl.fetch_step import Exchange
from crawler.errors import (
    BlockedAddressError,
    ConnectError,
    FetchError,
    NotCachedError,
    RobotsDeniedError,
    StatusError,
)
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.http.redirect import REDIRECTS, location_of, redirected
from crawler.models import Request
from crawler.policy.limits import ByteBudget
from crawler.policy.retry import Retry
from crawler.robots.decision import (
    ALLOW_ALL,
    ERROR_SECONDS,
    FRESH_SECONDS,
    MAX_REDIRECTS,
    PARSE_ON_LOOP_BYTES,
    Robots,
    Verdict,
    is_unreachable,
    origin_for,
    robots_request_for,
    verdict_of,
)
from crawler.robots.rules_cache import RulesCache
from crawler.sitemaps import sitemap
from crawler.state.changes import Journal
from crawler.url import host_of


@dataclass(frozen=True, slots=True)
class RobotsRequestRules:
    """How errands are run: when they are tried again, and by which name robots.txt knows us."""

    retry: Retry
    user_agent: str


class RobotsRequests:
    """Runs errands, and passes on what they have brought.

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
        advance: Callable[[], None],
        journal: Journal | None = None,
    ) -> None:
        """Create what runs the errands of one crawl.

        Args:
            frontier: Has the hosts, which are closed until their rules are known.
            fetcher: Fetches.
            rules_cache: Is told what is allowed.
            discovery: Gets the sitemaps.
            rules: How.
            advance: Called when there may be something to fetch.
            journal: Where what was learnt is noted.
        """
        self.sitemap_origins: set[str] = set()
        self._frontier = frontier
        self._fetcher = fetcher
        self._rules_cache = rules_cache
        self._discovery = discovery
        self._rules = rules
        self._advance = advance
        self._journal = journal

    def __repr__(self) -> str:
        return f"<RobotsRequests {self._rules_cache!r}>"

    async def run(self, robots_request: Request) -> None:
        """Read a robots.txt, or learn where it is; the host that it is of is closed until then."""
        came: Verdict | Request | FetchError | None = None
        exchange = Exchange(robots_request, self._frontier, self._advance)
        try:
            came = await read_robots(self._fetcher, robots_request, self._rules.user_agent, exchange.answered)
        except FetchError as error:
            came = error
        finally:
            exchange.end(came)
        match came:
            case Verdict():
                self._learn(robots_request, *came)
            case Request():
                self._interpose(came)
            case FetchError():
                self._retry_or_refuse(robots_request, came)

    def fail(self, robots_request: Request, error: FetchError) -> None:
        """Take note that an errand cannot be run at all."""
        self._learn(robots_request, error, ERROR_SECONDS)

    def _retry_or_refuse(self, robots_request: Request, error: FetchError) -> None:
        wait = self._rules.retry.wait_after(error, robots_request.attempt, random.random())
        if wait is None:
            self._learn(robots_request, refusal(error), ERROR_SECONDS)
        else:
            self._interpose(replace(robots_request, attempt=robots_request.attempt + 1), monotonic() + wait)

    def _interpose(self, robots_request: Request, ready_at: float = 0.0) -> None:
        """Have ``robots_request`` run, with the delay and the connections of the host where redirects have led it."""
        is_for_other_host = host_of(robots_request.url) != host_of(f"{origin_for(robots_request)}/")
        self._frontier.interpose(robots_request, ready_at, is_for_other_host=is_for_other_host)
        self._advance()

    def _learn(self, robots_request: Request, rules: Robots | FetchError, seconds: float) -> None:
        now, origin = monotonic(), origin_for(robots_request)
        self._rules_cache.learn(origin, rules, now + seconds)
        first = robots_request_for(origin)
        self._frontier.open(first)
        if isinstance(rules, Robots):
            self._obey(first, rules, now, seconds)
        self._advance()

    def _obey(self, robots_request: Request, rules: Robots, now: float, seconds: float) -> None:
        """Take over what rules say beside what they allow."""
        origin = origin_for(robots_request)
        if rules.delay:
            self._frontier.slow_down(robots_request, rules.delay, now)
        for url in rules.sitemaps if origin in self.sitemap_origins else ():
            self._discovery.add(replace(sitemap(self._discovery.canonical(url)), parent=robots_request.url))
        if self._journal is not None:
            self._journal.changes.robots[origin] = now + seconds, rules


async def read_robots(
    fetcher: Fetches, robots_request: Request, user_agent: str, answered: Callable[[], None]
) -> Verdict | Request:
    """Fetch and parse the robots.txt that ``robots_request`` stands for; return the next errand where it is redirected.

    Args:
        fetcher: What fetches it.
        robots_request: A request for it.
        user_agent: By which it knows us.
        answered: Called when an answer begins.

    Raises:
        FetchError: There is no answer that says anything of what is allowed: all is forbidden for now.
    """
    try:
        page = await fetcher.fetch(robots_request, ByteBudget(), answered)  # not the user's: what they limit is pages
    except NotCachedError:  # nothing is asked for in a replay, so nothing can be forbidden
        return Verdict(ALLOW_ALL, FRESH_SECONDS)
    except StatusError as error:
        if is_unreachable(error.status):
            raise
        return verdict_of(error.status, b"", user_agent)
    if page.status in REDIRECTS and robots_request.redirects < MAX_REDIRECTS:
        return redirected(robots_request, page.status, location_of(page.headers))
    arguments = page.status, page.body, user_agent, page.url
    if len(page.body) > PARSE_ON_LOOP_BYTES:
        return await asyncio.to_thread(verdict_of, *arguments)
    return verdict_of(*arguments)


def refusal(error: FetchError) -> FetchError:
    """Return why the pages of an origin fail whose robots.txt could not be had because of ``error``.

    Where there is no connection they cannot be had either; else all is forbidden (RFC 9309 §2.3.1.4).
    """
    if isinstance(error, ConnectError | BlockedAddressError):
        return error
    return RobotsDeniedError(f"robots.txt cannot be had: {error}")
