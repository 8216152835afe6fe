"""The server: aiohttp's, without its router, in front of a site."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import web as http

from .answers import Answer, Site, error
from .counts import Counts, ServerStatistics
from .static import StaticSite
from .synthetic import SyntheticSite
from .truth import Truth
from .web import Web

_BACKLOG = 4096  # connections waiting to be accepted: a crawler may open thousands within one round of the loop
_GRACE = 0.5  # seconds for a body that is being written when the server closes, arbitrary
_CACHE_BYTES = 64 * 2**20


class FixturesServer:
    """Serves a synthetic web, or the folder `root`, in the running event loop until its `async with` block ends.

    It binds to the loopback interface unless another `host` is named, and to a free port unless one is given. Closing
    is prompt: delays are cut short and connections closed.

    Raises `ValueError` unless there is exactly one of a web and a root, `NotADirectoryError` for a root that is none,
    and `OSError` on entering when the port cannot be had.
    """

    def __init__(
        self,
        web: Web | None = None,
        *,
        root: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        if (web is None) == (root is None):
            raise ValueError("a server needs either a web or a root, and not both")
        self._web = web
        self._site: Site
        if web is not None:
            self._site = SyntheticSite(web, cache_bytes=cache_bytes)
        else:
            self._site = StaticSite(Path(root or "."), cache_bytes=cache_bytes)
        self._host, self._port = host, port
        self._counts = Counts()
        self._delayed: set[asyncio.Task[object]] = set()
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        self._server: http.Server | None = None
        self._listener: asyncio.Server | None = None

    def __repr__(self) -> str:
        where = self.url if self._listener else "not started"
        return f"<FixturesServer {where}, {self._counts.requests} requests, {self._counts.active} active>"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = http.Server(self._handle, access_log=None)
        self._listener = await loop.create_server(self._server, self._host, self._port, backlog=_BACKLOG)
        self._port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        server, listener = self._server, self._listener
        if server is None or listener is None:
            return
        self._server = self._listener = None
        listener.close()
        for task in self._delayed:
            task.cancel()
        server.pre_shutdown()
        await server.shutdown(_GRACE)
        await asyncio.sleep(0)  # one round of the loop, in which cancelled connections end

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._port

    @property
    def url(self) -> str:
        """The URL of the (first) front page."""
        return self.urls[0]

    @property
    def urls(self) -> tuple[str, ...]:
        """The URL of each host's front page."""
        return self._site.fronts(self._host, self._port)

    @property
    def authority(self) -> str:
        """What follows the hosts' labels in this server's URLs, such as `127.0.0.1:8080`; see `Web.url`."""
        return self.url.split("/")[2].removeprefix("site0.")

    @property
    def requests(self) -> Mapping[str, int]:
        """How often each URL was asked for; a view that goes on counting."""
        return MappingProxyType(self._counts.urls)

    def truth(self) -> Truth:
        """Say what a crawl from `url` must find; `ValueError` for an endless web or a root. See `Web.truth`."""
        if self._web is None:
            raise ValueError("the truth is known of a synthetic web only")
        return self._web.truth(self.authority)

    def statistics(self) -> ServerStatistics:
        """Count what was served so far."""
        counts = self._counts
        return ServerStatistics(
            requests=counts.requests,
            bytes=counts.bytes,
            statuses=dict(counts.statuses),
            active=counts.active,
            peak=counts.peak,
            peak_per_host=dict(counts.peak_per_host),
            urls=len(counts.urls),
            cpu_seconds=time.process_time(),
        )

    async def until_active(self, count: int) -> None:
        """Wait until at least `count` requests are in progress at once: for tests of what happens in the middle."""
        if self._counts.active < count:
            reached = asyncio.get_running_loop().create_future()
            self._awaited.append((count, reached))
            await reached

    async def _handle(self, request: http.BaseRequest) -> http.StreamResponse:
        host = request.headers.get("Host", "")
        self._counts.begin(host, request.raw_path)
        if self._awaited:
            self._wake()
        try:
            answer = await self._answer(request, host)
            if answer.delay:
                await self._delay(answer.delay)
            self._counts.answered(answer.status, 0 if request.method == "HEAD" else answer.size)
            return _response(answer)
        finally:
            self._counts.end(host)

    async def _answer(self, request: http.BaseRequest, host: str) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            return error(405, "this server only shows pages", Allow="GET, HEAD")
        return await self._site.answer(host, request.raw_path)

    def _wake(self) -> None:
        for count, reached in self._awaited:
            if self._counts.active >= count and not reached.done():
                reached.set_result(None)
        self._awaited = [(count, reached) for count, reached in self._awaited if not reached.done()]

    async def _delay(self, seconds: float) -> None:
        """Wait, in a way that closing the server can end."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for mypy; a coroutine that runs has a task
        self._delayed.add(task)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._delayed.discard(task)


def _response(answer: Answer) -> http.StreamResponse:
    if answer.file is not None:
        return http.FileResponse(answer.file)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return http.Response(body=answer.body, status=answer.status, headers=headers)
