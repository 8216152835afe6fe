"""The fetcher: one request in, one page or one `FetchError` out, over the network."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from crawler.document.page import Page
from crawler.document.transfer import NO_ARCHIVING, Archiving, Transfer
from crawler.errors import FetchError, OpenFilesError, StatusError
from crawler.fetching.body import ANY_BODY, read_body, read_pieces
from crawler.fetching.connector import open_connector
from crawler.fetching.error_mapping import FOREIGN, answered_by_proxy, mapped
from crawler.fetching.guard import AddressGuard
from crawler.fetching.loop_share import LoopShare
from crawler.fetching.protocol import Answered, nobody
from crawler.fetching.resolver import Resolver
from crawler.fetching.tolerant_parser import LONGEST_HEAD
from crawler.http.redirect import REDIRECTS
from crawler.http.retry_after import seconds_of
from crawler.http.sendable import check_sendable
from crawler.models import Request
from crawler.policy.bodies import BodyRule
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.runtime.descriptors import Descriptors, is_shortage

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_ACCEPT_ENCODING = "gzip, deflate, br, zstd"  # what `crawler.fetching.decoding` decodes
_SHOWN = 100  # characters of a reason phrase; arbitrary
_BROKEN: tuple[type[BaseException], ...] = (FetchError, *FOREIGN)
_MOST_ARCHIVED = 2**20  # bytes of the body of a response that is no page; arbitrary


class Fetcher:
    """Fetches requests with one aiohttp session. Open it with `open_fetcher`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        options: Fetch,
        guard: AddressGuard,
        resolver: AbstractResolver,
        archiving: Archiving,
        descriptors: Descriptors,
    ) -> None:
        self._session = session
        self._archiving = archiving
        self._descriptors = descriptors
        self._options = options
        self._network = options.network
        self._guard = guard
        self._resolver = resolver
        self._share = LoopShare()

    def __repr__(self) -> str:
        return f"<Fetcher {self._guard!r} {self._resolver!r}>"

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that requests to ``hostname`` would go to; empty if a proxy resolves names.

        Raises:
            ResolveError: The name has no address.
        """
        if self._network.proxy is not None:
            return ()
        return tuple(found["host"] for found in await self._resolver.resolve(hostname))

    async def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Page:
        """Fetch ``request`` and return its page. A redirect is a page without a body, with its target in ``location``.

        Args:
            request: What to fetch. Its URL is normalised, and is sent byte for byte.
            budget: Bytes that bodies may still take. Bytes that are read are subtracted, even if the fetch fails.
            bodies: Which bodies are read, and how much of them; by default those of the user's options.
            answered: Called when the header fields of the answer have arrived.

        Raises:
            FetchError: There is no page; the subclass says why.
            LimitReachedError: The budget is used up.
        """
        check_sendable(request)
        proxy = self._network.proxy_for(request)
        by_proxy = proxy is not None
        bodies = bodies or self._options.bodies
        started, at = time.perf_counter(), time.time()
        try:
            with self._guard.passage(request.url, by_proxy=by_proxy):
                async with self._session.request(
                    request.method,
                    _unchanged(request.url),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    proxy=proxy,
                ) as response:
                    answered()
                    page = Page(request.url, status=response.status, headers=_headers_of(response), request=request)
                    if self._archiving.transfers:
                        page.transfer = Transfer(at, tuple(response.request_info.headers.items())).without(())
                    await self._read(response, page, budget, bodies, by_proxy=by_proxy)
        except FOREIGN as error:
            if is_shortage(error):
                self._descriptors.note_shortage()
                raise OpenFilesError from error
            raise mapped(error, request.url) from error
        page.seconds = time.perf_counter() - started
        return page

    async def _read(
        self, response: aiohttp.ClientResponse, page: Page, budget: ByteBudget, bodies: BodyRule, *, by_proxy: bool
    ) -> None:
        """Read the body of a page; a redirect is a page without one. Raise an error for any other response."""
        if response.status in REDIRECTS and "Location" in response.headers:
            if self._archiving.responses:
                await self._read_for_archive(response, page, budget)
            return
        try:
            _check_status(response, page.headers, by_proxy=by_proxy)
        except StatusError as error:
            if self._archiving.responses:
                await self._read_for_archive(response, page, budget)
                error.page = page
            raise
        page.body = await read_body(response, bodies, budget, self._share)

    async def _read_for_archive(self, response: aiohttp.ClientResponse, page: Page, budget: ByteBudget) -> None:
        """Read the body of a response that is no page, or its beginning; whatever is wrong with it, it is one."""
        body = bytearray()

        def take(piece: bytes) -> bool:
            body.extend(piece)
            return len(body) > _MOST_ARCHIVED

        is_cut = False
        try:
            await read_pieces(response, ANY_BODY, budget, take, self._share)
        except _BROKEN:
            is_cut = True
        page.body = bytes(body[:_MOST_ARCHIVED])
        if page.transfer is not None:
            page.transfer = page.transfer._replace(is_cut=is_cut or len(body) > _MOST_ARCHIVED)


def _unchanged(url: str) -> URL:
    """Return a normalised ``url`` as a yarl URL that aiohttp sends byte for byte."""
    if url[-1] != "?":
        return URL(url, encoded=True)
    # yarl drops an empty query, but not a question mark in the path.
    scheme, _, authority, path = url.split("/", 3)
    return URL.build(scheme=scheme[:-1], authority=authority, path=f"/{path}", encoded=True)


def _headers_of(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in response.headers.items())


def _check_status(response: aiohttp.ClientResponse, headers: Sequence[tuple[str, str]], *, by_proxy: bool) -> None:
    """Raise `StatusError` for a response that is no page, and `ProxyError` for an answer of the proxy itself."""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    reason = response.reason or ""
    refused = answered_by_proxy(str(response.url), status, reason) if by_proxy else None
    if refused is not None:
        raise refused
    retry_after = seconds_of(response.headers.get("Retry-After", ""), datetime.now(UTC))
    raise StatusError(f"{status} {reason[:_SHOWN]}".rstrip(), status, retry_after, tuple(headers))


@asynccontextmanager
async def open_fetcher(
    options: Fetch,
    guard: AddressGuard | None = None,
    resolver: AbstractResolver | None = None,
    archiving: Archiving = NO_ARCHIVING,
    descriptors: Descriptors | None = None,
) -> AsyncIterator[Fetcher]:
    """Open a fetcher with its connections, its ``guard`` and its ``resolver``; all are closed at the end.

    What is read, and noted of requests, for archives alone is said by ``archiving``; how many connections there may be,
    by ``descriptors``.

    Raises:
        ConfigurationError: ``Network.ca_file`` cannot be used.
    """
    guard = guard or AddressGuard(allow_private=options.network.allow_private)
    async with AsyncExitStack() as resources:
        descriptors = descriptors or Descriptors()
        descriptors.look()
        resolver = resolver or Resolver(options.network, descriptors=descriptors)
        resources.push_async_callback(resolver.close)
        connector = await open_connector(options.network, guard, resolver, descriptors)
        session = await resources.enter_async_context(_session(connector, options))
        # aiohttp would send a request a second time by itself, at once and uncounted.
        session._retry_connection = False  # noqa: SLF001  # there is no public way; a test checks that this works
        yield Fetcher(session, options, guard, resolver, archiving, descriptors)


def sent_with_all(options: Fetch) -> dict[str, str]:
    """Return the header fields that are sent with each request."""
    ours = {"User-Agent": options.user_agent, "Accept": _ACCEPT, "Accept-Encoding": _ACCEPT_ENCODING}
    return {**ours, **options.headers}


def _session(connector: aiohttp.BaseConnector, options: Fetch) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # it has no bounds; see `crawler.fetching.decoding`
        # The head as a whole is bounded, and not its parts.
        max_line_size=LONGEST_HEAD,
        max_field_size=LONGEST_HEAD,
        max_headers=LONGEST_HEAD,
        headers=sent_with_all(options),
        timeout=aiohttp.ClientTimeout(total=options.timeout, connect=options.connect_timeout),
    )
