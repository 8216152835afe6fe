"""One request in, one page or one `FetchError` out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from crawler.errors import BodyTooLargeError, LimitReachedError, StatusError
from crawler.fetching.errors import FOREIGN, mapped
from crawler.fetching.protocol import nobody
from crawler.fetching.resolver import Resolver
from crawler.models import Request
from crawler.page import Page
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.policy.redirect import REDIRECTS

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_DNS_CACHE_SECONDS = 300  # arbitrary; names move seldom, and a crawl asks for the same few


class Fetcher:
    """Fetches requests with one aiohttp session. Open it with `open_fetcher`."""

    def __init__(self, session: aiohttp.ClientSession, options: Fetch) -> None:
        self._session = session
        self._options = options

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that would be asked for ``hostname``."""
        return ()

    async def fetch(self, request: Request, budget: ByteBudget, answered: Callable[[], None] = nobody) -> Page:
        """Fetch ``request`` and return its page; a redirect is a page without a body, its target in ``location``.

        Args:
            request: What to fetch; its URL is normalised and goes over the wire byte for byte.
            budget: Bytes that bodies may still take; it is charged with what was read, whatever comes of it.

        Raises:
            FetchError: No page: see its subclasses for why.
            LimitReachedError: The budget is used up.
        """
        started = time.perf_counter()
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response:
                answered()
                headers = _headers_of(response)
                if response.status in REDIRECTS and "Location" in response.headers:
                    body = b""
                else:
                    _check_status(response)
                    # The length that the answer to a HEAD request announces is that of a body which does not come.
                    body = await self._read(response, budget) if request.method != "HEAD" else b""
        except FOREIGN as error:
            raise mapped(error, request.url) from error
        seconds = time.perf_counter() - started
        return Page(request.url, body, status=response.status, headers=headers, request=request, seconds=seconds)

    async def _read(self, response: aiohttp.ClientResponse, budget: ByteBudget) -> bytes:
        limit = self._options.max_body_bytes
        if (response.content_length or 0) > limit and response.method != "HEAD":
            raise BodyTooLargeError(f"the body has {response.content_length} bytes, {limit} are allowed")
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise BodyTooLargeError(f"the body has more than the {limit} bytes allowed")
            if not budget.spend(len(chunk)):
                raise LimitReachedError("max_bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def _headers_of(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in response.headers.items())


def _check_status(response: aiohttp.ClientResponse) -> None:
    """Raise `StatusError` for a response that is no page."""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    retry_after = seconds_of(response.headers.get("Retry-After", ""), datetime.now(UTC))
    raise StatusError(f"{status} {response.reason or ''}".rstrip(), status, retry_after)


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` field asks for (RFC 9110 §10.2.3); ``None`` where it says nothing.

    >>> seconds_of("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # the latter for a year of thirty digits
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


@asynccontextmanager
async def open_fetcher(options: Fetch, resolver: AbstractResolver | None = None) -> AsyncIterator[Fetcher]:
    """Open a fetcher with its connections and its ``resolver`` (by default a `Resolver`); all are closed at the end."""
    resolver = resolver or Resolver()
    connector = aiohttp.TCPConnector(
        limit=0,  # the frontier decides how many, and which
        resolver=resolver,
        ttl_dns_cache=_DNS_CACHE_SECONDS,
    )
    async with AsyncExitStack() as resources:
        resources.push_async_callback(resolver.close)  # the connector closes only one that it has made itself
        session = await resources.enter_async_context(_session(connector, options))
        # aiohttp would send a request a second time by itself: at once, and counted by nobody.
        session._retry_connection = False  # noqa: SLF001  # there is no public way; a test watches it
        yield Fetcher(session, options)


def _session(connector: aiohttp.BaseConnector, options: Fetch) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": options.user_agent, "Accept": _ACCEPT, **options.headers},
        timeout=aiohttp.ClientTimeout(total=options.timeout, connect=options.connect_timeout),
    )
