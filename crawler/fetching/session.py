"""The chain of fetchers of a crawl: credentials and cookies ─► HTTP cache ─► network."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from crawler.document.page import Page
from crawler.document.transfer import NO_ARCHIVING, Archiving
from crawler.fetching.auth import AuthFetcher
from crawler.fetching.cache import CachingFetcher, open_cache
from crawler.fetching.cache_replay import ReplayFetcher
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.fetching.cookie_file import open_cookie_jar
from crawler.fetching.fetcher import open_fetcher, sent_with_all
from crawler.fetching.guard import AddressGuard
from crawler.fetching.protocol import Answered, Fetches, nobody
from crawler.http.cookie import Cookie
from crawler.http.cookie_jar import CookieJar
from crawler.models import Request
from crawler.policy.bodies import BodyRule
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.runtime.descriptors import Descriptors
from crawler.url import origin_of


class FetchSession:
    """The fetchers, cookies and address guard of a crawl. Open it with `open_session`."""

    def __init__(
        self,
        outer: AuthFetcher,
        guard: AddressGuard,
        cache: CachingFetcher | ReplayFetcher | None,
        jar: CookieJar | None = None,
    ) -> None:
        self._outer = outer
        self._guard = guard
        self._cache = cache
        self._jar = jar
        self._saved_version = 0  # of the jar, when its cookies were last returned

    def __repr__(self) -> str:
        return f"<FetchSession {self._outer!r}>"

    @property
    def cache(self) -> CacheStatistics | None:
        """The counts of the cache; ``None`` if there is none."""
        return None if self._cache is None else self._cache.statistics()

    def trust(self, urls: Iterable[str]) -> None:
        """Trust the origins of the (normalised) ``urls``, because the user named them.

        They may have private addresses, and get the credentials in these URLs.

        Raises:
            ConfigurationError: Two of the URLs have different credentials for one origin.
        """
        urls = tuple(urls)
        for url in urls:
            self._guard.allow(origin_of(url))
        self._outer.learn_userinfo(urls)

    def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Coroutine[Any, Any, Page]:
        """Return the page for ``request``; see `Fetcher.fetch`."""
        return self._outer.fetch(request, budget, bodies, answered)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that requests to ``hostname`` would go to."""
        return await self._outer.lookup(hostname)

    def changed_cookies(self) -> bytes | None:
        """Return all cookies, to be saved; ``None`` if none has changed since the last call."""
        if self._jar is None or self._jar.version == self._saved_version:
            return None
        self._saved_version = self._jar.version
        return msgspec.msgpack.encode(self._jar.cookies(time.time()))

    def restore_cookies(self, saved: bytes) -> None:
        """Restore the cookies that `changed_cookies` returned. They replace those from a file."""
        if self._jar is None:
            return
        for cookie in msgspec.msgpack.decode(saved, type=list[Cookie]):
            self._jar.add(cookie, time.time())

    async def finish(self) -> None:
        """Record that a crawl is complete."""
        if self._cache is not None:
            await self._cache.finish()


@asynccontextmanager
async def open_session(
    options: Fetch, archiving: Archiving = NO_ARCHIVING, descriptors: Descriptors | None = None
) -> AsyncIterator[FetchSession]:
    """Open the fetchers for ``options``; all of them are closed at the end. For other arguments, see `open_fetcher`.

    Raises:
        ConfigurationError: A file of certificates or cookies cannot be used.
        CacheError: The cache cannot be used.
    """
    guard = AddressGuard(allow_private=options.network.allow_private)
    async with AsyncExitStack() as resources:
        cookies = options.access.cookies
        jar = None if cookies is None else await resources.enter_async_context(open_cookie_jar(cookies))
        inner: Fetches | None = None
        if options.cache is None or options.cache.mode != "replay":
            inner = await resources.enter_async_context(
                open_fetcher(options, guard, archiving=archiving, descriptors=descriptors)
            )
        cache = None
        if options.cache is not None:
            opening = open_cache(inner, options.cache, fields=sent_with_all(options), bodies=options.bodies)
            inner = cache = await resources.enter_async_context(opening)
        if inner is None:
            raise AssertionError("there is a cache or a fetcher")
        yield FetchSession(AuthFetcher(inner, options.access, jar), guard, cache, jar)
