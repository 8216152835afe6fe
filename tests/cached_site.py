"""A site that counts who asks, the fetcher that asks it, and a cache between the two."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp import web
from pytest_aiohttp import AiohttpServer
from yarl import URL

from crawler.document.page import Page
from crawler.errors import LimitReachedError, ProtocolError, ResolveError, StatusError
from crawler.fetching.cache import CachingFetcher, open_cache
from crawler.fetching.cache_replay import ReplayFetcher
from crawler.fetching.protocol import nobody
from crawler.http.redirect import REDIRECTS
from crawler.models import Request
from crawler.policy.bodies import BodyRule
from crawler.policy.caching import Cache
from crawler.policy.limits import ByteBudget

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Site:
    """A site whose pages are responses that tests put there; it answers conditions as RFC 9110 §13 asks for.

    It goes by the clock of the test, whose time its answers bear.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[web.Request] = []
        self.pages: dict[str, tuple[int, bytes, Mapping[str, str]]] = {}
        self.handlers: dict[str, Handler] = {}
        self.url = ""
        self.close: Callable[[], Awaitable[None]]

    def put(self, path: str, body: bytes = b"page", *, status: int = 200, **fields: str) -> str:
        """Put a page there, its header fields with ``_`` for ``-``; return its URL."""
        self.pages[path] = status, body, {name.replace("_", "-"): value for name, value in fields.items()}
        return f"{self.url}{path}"

    @property
    def asked_for(self) -> list[str]:
        """Method and path of each request."""
        return [f"{request.method} {request.path_qs}" for request in self.asked]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        response = await self._answer(request)
        if not response.prepared:
            response.headers["Date"] = formatdate(self._clock(), usegmt=True)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if handler := self.handlers.get(request.path_qs):
            return await handler(request)
        status, body, fields = self.pages.get(request.path_qs, (404, b"", {}))
        tag = fields.get("ETag")
        date = fields.get("Last-Modified")
        matches = (
            request.headers.get("If-None-Match") == tag if tag else date == request.headers.get("If-Modified-Since")
        )
        if (tag or date) and matches:
            kept = {name: value for name, value in fields.items() if not name.lower().startswith("content-")}
            return web.Response(status=304, headers=kept)
        return web.Response(status=status, body=body, headers=fields)


async def serve_site(aiohttp_server: AiohttpServer, clock: Clock) -> Site:
    """Return a site that is being served."""
    site = Site(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.serve)
    server = await aiohttp_server(app)
    site.url, site.close = str(server.make_url("/")).rstrip("/"), server.close
    return site


class Asking:
    """The least that a fetcher is."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.requests: list[Request] = []

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        if hostname == "nowhere.example":
            raise ResolveError("no such name", True)
        return ("127.0.0.1",)

    async def fetch(
        self,
        request: Request,
        budget: ByteBudget,
        _bodies: BodyRule | None = None,
        answered: Callable[[], None] = nobody,
    ) -> Page:
        self.requests.append(request)
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response:
                answered()
                headers = tuple((name.lower(), value) for name, value in response.headers.items())
                if response.status >= 300 and response.status not in REDIRECTS:
                    retry_after = float(response.headers.get("Retry-After", 0)) or None
                    message = f"{response.status} {response.reason}"
                    raise StatusError(message, response.status, retry_after, headers)
                body = b"" if response.status in REDIRECTS else await response.read()
        except aiohttp.ClientError as error:
            raise ProtocolError(str(error)) from error
        if not budget.spend(len(body)):
            raise LimitReachedError("max_bytes")
        return Page(request.url, body, status=response.status, headers=headers, request=request)


@asynccontextmanager
async def asking() -> AsyncIterator[Asking]:
    """Open a fetcher."""
    async with aiohttp.ClientSession(headers={"User-Agent": "tests"}) as session:
        yield Asking(session)


@asynccontextmanager
async def caching(
    path: Path, mode: Any = "standard", clock: Clock | None = None, **fields: str
) -> AsyncIterator[CachingFetcher]:
    """Open a fetcher with a cache above."""
    names = {name.replace("_", "-"): value for name, value in fields.items()}
    async with (
        asking() as inner,
        open_cache(inner, Cache(path, mode=mode), fields=names, clock=clock or Clock()) as cache,
    ):
        yield cast("CachingFetcher", cache)


@asynccontextmanager
async def replaying(path: Path) -> AsyncIterator[ReplayFetcher]:
    """Open a cache with no fetcher below."""
    async with open_cache(None, Cache(path, mode="replay")) as cache:
        yield cast("ReplayFetcher", cache)


async def fetch(cache: CachingFetcher | ReplayFetcher | Asking, url: str, **fields: Any) -> Page:
    """Fetch a URL, without a bound."""
    return await cache.fetch(Request(url, **fields), ByteBudget())
