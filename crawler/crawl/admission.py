"""Decides whether a request may be sent now; finds out what must be known of its host first.

These are the robots.txt of its origin and, where hosts on one address share connections, its address. The host is
closed meanwhile, so that its requests take no place that others could use.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from crawler.errors import FetchError, HostDownError, OpenFilesError, RobotsDeniedError
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.frontier.host import FailedLookup, Host
from crawler.models import Request
from crawler.robots.decision import robots_request_for
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.clock import Clock
from crawler.url import hostname_of, origin_of

_LOOKUPS = (
    4096  # at once; arbitrary: four times what the resolver sends at once, as names that hang wait without a place
)
_BURST = 8  # look-ups that begin in one iteration of the loop, as many as requests; each takes it about 0.3 ms
_FAILED_SECONDS = 5.0  # for which a failed look-up is not repeated: what waits for the name fails together; arbitrary


class Admission:
    """Admits requests to the fetcher."""

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetches,
        rules_cache: RulesCache | None,
        *,
        clock: Clock,
        lookups: int = _LOOKUPS,
    ) -> None:
        """Create the admission of one crawl.

        Args:
            frontier: Where hosts are closed and opened.
            fetcher: Knows addresses.
            rules_cache: Knows the robots.txt of each origin; ``None`` where the crawl does not obey robots.txt.
            clock: Tells the time.
            lookups: Names that may be looked up at once.
        """
        self._most_lookups = lookups
        self._frontier = frontier
        self._fetcher = fetcher
        self._rules_cache = rules_cache
        self._clock = clock
        self._unnamed: deque[Request] = deque()  # one of each host that waits for its look-up
        self._lookups: set[asyncio.Task[None]] = set()
        self._begun = 0  # in this iteration of the loop

    def __repr__(self) -> str:
        return f"<Admission {self._rules_cache!r}, {len(self._lookups)} look-ups, {len(self._unnamed)} waiting>"

    def verdict(self, request: Request) -> FetchError | bool:
        """Decide on an acquired request.

        Returns:
            True where it may be fetched; the error that it has failed with; or false where it was put back, because
            an address or a robots.txt must be known first.
        """
        host = self._frontier.host(request)
        if host.pace.is_down:
            if self._rules_cache is not None:
                self._rules_cache.forget(origin_of(request.url))  # nobody will ask about them
            return HostDownError(f"{host.name} failed too often, and is left alone")
        # A robots request has an address already, or a redirect led it to where no page was asked for yet.
        if not (host.is_placed or request.is_robots_request) and host.pace.rule.minds_address:
            return self._failure_of(host) or self._look_up(request)
        if self._rules_cache is None or request.is_robots_request:
            return True
        return self._ask_robots(request, self._rules_cache)

    def begin(self, group: asyncio.TaskGroup, done: Callable[[asyncio.Task[None]], object]) -> None:
        """Have look-ups run in ``group`` from now on; ``done`` is called with the task of each that has ended."""
        self._group, self._done = group, done

    def close(self) -> None:
        """Cancel the look-ups that go on, and begin no more."""
        self._unnamed.clear()
        for task in self._lookups:
            task.cancel()

    # ── robots.txt ──

    def _ask_robots(self, request: Request, rules_cache: RulesCache) -> FetchError | bool:
        origin = origin_of(request.url)
        rules = rules_cache.known(origin, self._clock.now())
        if rules is None:
            self._frontier.close(request)
            self._frontier.put_back(request)
            self._frontier.interpose(robots_request_for(origin))
            return False
        if isinstance(rules, FetchError):
            return rules
        return rules.permits(request.url) or RobotsDeniedError("robots.txt forbids it")

    # ── addresses ──

    def _failure_of(self, host: Host) -> FetchError | None:
        """Return the error of the last look-up while it holds: for some seconds, which begin when one has met it.

        Else a busy loop might come back to a host too late each time, and look its name up again and again.
        """
        failed = host.failed_lookup
        if failed is None:
            return None
        now = self._clock.now()
        if failed.until is None:
            failed.until = now + _FAILED_SECONDS
        if now < failed.until:
            return failed.error
        host.failed_lookup = None
        return None

    def _look_up(self, request: Request) -> bool:
        self._frontier.close(request)
        self._frontier.put_back(request)
        self._unnamed.append(request)
        self._begin_lookups()
        return False

    def _begin_lookups(self) -> None:
        """Begin waiting look-ups, as many as may go on at once: a million seeds must not be a million tasks.

        Few begin in an iteration: where thousands are answered at once, they must not hold the loop all together.
        """
        while self._unnamed and len(self._lookups) < self._most_lookups and self._begun < _BURST:
            if not self._begun:
                asyncio.get_running_loop().call_soon(self._begin_more)
            self._begun += 1
            task = self._group.create_task(self._place(self._unnamed.popleft()))
            self._lookups.add(task)
            task.add_done_callback(self._done)

    def _begin_more(self) -> None:
        self._begun = 0
        self._begin_lookups()

    async def _place(self, request: Request) -> None:
        """Find out the address of the host of ``request``, then open it, and begin the next look-up."""
        hostname = hostname_of(request.url)
        try:
            addresses = await self._fetcher.lookup(hostname)
        except OpenFilesError:
            pass  # the request is admitted again when there are some
        except FetchError as error:
            self._frontier.host(request).failed_lookup = FailedLookup(error.with_traceback(None))
        else:
            # The smallest, so that two names with the same addresses share one whatever the order of the answers.
            self._frontier.place(request, min(addresses, default=hostname))
        finally:
            self._lookups.discard(asyncio.current_task())
        self._begin_lookups()
        self._frontier.open(request)
