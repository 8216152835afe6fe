from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import brotli  # type: ignore[import-untyped]  # it has no stubs
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from pytest_aiohttp import AiohttpServer

from crawler.document.page import Page
from crawler.errors import (
    BodyTooLargeError,
    ConnectError,
    ContentTypeError,
    FetchError,
    FetchTimeoutError,
    LimitReachedError,
    ProtocolError,
    StatusError,
)
from crawler.fetching.fetcher import Fetcher, open_fetcher
from crawler.models import Request
from crawler.policy.bodies import Beginning, Bodies, BodyRule
from crawler.policy.fetch import USER_AGENT, Fetch
from crawler.policy.limits import ByteBudget
from crawler.policy.network import Network

pytestmark = pytest.mark.both_loops

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MEGABYTE = 2**20


class NoSuchName(AbstractResolver):
    """A resolver that knows no name."""

    def __init__(self) -> None:
        self.is_closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del host, port, family
        raise OSError(None, "Domain name not found")

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True


def opened(options: Fetch | None = None, **others: Any) -> AbstractAsyncContextManager[Fetcher]:
    """Return an opened fetcher that may go to this machine."""
    local = Network(allow_private=True)
    return open_fetcher(replace(options or Fetch(), network=local), **others)


async def fetch(url: str, options: Fetch | None = None, budget: ByteBudget | None = None, **fields: Any) -> Page:
    async with opened(options) as fetcher:
        return await fetcher.fetch(Request(url, **fields), budget or ByteBudget())


async def served(aiohttp_server: AiohttpServer, handler: Handler) -> str:
    """Serve every path by ``handler``; return the URL of the root."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return str((await aiohttp_server(app)).make_url("/"))


def answering(*args: Any, **kwargs: Any) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(*args, **kwargs)

    return handler


@asynccontextmanager
async def saying(data: bytes, *, then_wait: bool = False) -> AsyncIterator[str]:
    """Serve ``data`` to whoever connects, when they have asked, and hang up; or wait until they do."""
    async with raw_server(data, then_wait=then_wait) as (url, _):
        yield url


@asynccontextmanager
async def raw_server(data: bytes, *, then_wait: bool) -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            heard.put_nowait(head)
            if then_wait:
                await reader.read()  # until the client hangs up
                heard.put_nowait(b"")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it said nothing, or hung up in the middle
        finally:
            writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(start, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/", heard
    finally:
        server.close()
        if tasks:
            await asyncio.wait(tasks)


# ── pages ──


async def test_a_page_has_body_status_headers_and_duration(aiohttp_server: AiohttpServer) -> None:
    headers = [("X-A", "1"), ("x-a", "2"), ("Content-Type", "text/plain")]
    url = await served(aiohttp_server, answering(body=b"hello", status=203, headers=headers))
    request = Request(url, label="l")
    async with opened() as fetcher:
        page = await fetcher.fetch(request, ByteBudget())
    assert (page.url, page.body, page.status, page.request) == (url, b"hello", 203, request)
    assert [value for name, value in page.headers if name == "x-a"] == ["1", "2"]
    assert all(name == name.lower() for name, _ in page.headers)
    assert page.content_type == "text/plain"
    assert page.seconds > 0


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299])
async def test_every_success_is_a_page(aiohttp_server: AiohttpServer, status: int) -> None:
    page = await fetch(await served(aiohttp_server, answering(status=status)))
    assert (page.status, page.body) == (status, b"")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_page_without_a_body_and_is_not_followed(
    aiohttp_server: AiohttpServer, status: int
) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(status=status, headers={"Location": "/elsewhere"}, body=b"x" * 1000)

    budget = ByteBudget()
    page = await fetch(await served(aiohttp_server, handler), budget=budget)
    assert (page.status, page.body, page.header("location")) == (status, b"", "/elsewhere")
    assert (asked, budget.spent) == (["/"], 0)


@pytest.mark.parametrize("status", [301, 304, 400, 404, 410, 418, 429, 500, 503])
async def test_other_statuses_are_errors(aiohttp_server: AiohttpServer, status: int) -> None:
    with pytest.raises(StatusError, match=f"^{status} ") as caught:
        await fetch(await served(aiohttp_server, answering(status=status)))
    assert (caught.value.status, caught.value.retry_after) == (status, None)


# ── what is sent ──


@pytest.mark.parametrize(
    "path",
    [
        *("/%7euser/%2F", "/a%20b", "/;x=1,2", "/?q=a+b&c=%3d", "/a//b/", "/%E9", "/'(*)!", "/?a?b", "/:@"),
        *("/?", "/a?", "/a?b?"),
    ],
)
async def test_the_url_is_sent_byte_for_byte(path: str) -> None:
    async with raw_server(b"HTTP/1.1 204 No Content\r\n\r\n", then_wait=False) as (url, heard):
        await fetch(url.removesuffix("/") + path)
        assert (await heard.get()).partition(b"\r\n")[0] == b"GET " + path.encode() + b" HTTP/1.1"


async def test_header_fields_of_options_and_request_are_sent_and_the_request_wins(
    aiohttp_server: AiohttpServer,
) -> None:
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response()

    url = await served(aiohttp_server, handler)
    await fetch(url, Fetch(headers={"X-A": "session", "X-B": "session"}), headers=(("X-B", "request"),))
    assert (seen["X-A"], seen["X-B"], seen["User-Agent"]) == ("session", "request", USER_AGENT)
    assert seen["Accept"].startswith("text/html")
    assert {"gzip", "br"} <= set(seen["Accept-Encoding"].replace(" ", "").split(","))
    await fetch(url, Fetch(user_agent="me"))
    assert seen["User-Agent"] == "me"


async def test_method_and_body_are_sent(aiohttp_server: AiohttpServer) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=request.method.encode() + b" " + await request.read())

    page = await fetch(await served(aiohttp_server, handler), method="POST", body=b"a=1")
    assert page.body == b"POST a=1"


async def test_no_cookies_are_kept(aiohttp_server: AiohttpServer) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=1; Path=/"})

    url = await served(aiohttp_server, handler)
    request = Request(url.replace("127.0.0.1", "site.localhost"))  # a jar would take no cookies of an address
    async with opened() as fetcher:
        for _ in range(2):
            await fetcher.fetch(request, ByteBudget())
    assert seen == [None, None]


async def test_the_answer_to_a_head_request_is_a_page_without_a_body(aiohttp_server: AiohttpServer) -> None:
    url = await served(aiohttp_server, answering(body=b"x" * 1000))
    page = await fetch(url, Fetch(bodies=Bodies(max_bytes=10)), method="HEAD")
    assert (page.status, page.body, page.header("content-length")) == (200, b"", "1000")


# ── bodies ──


def _brotli(data: bytes) -> bytes:
    compressed: bytes = brotli.compress(data, quality=1)  # the best takes seconds
    return compressed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "br": _brotli}


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_bodies_are_decompressed(aiohttp_server: AiohttpServer, encoding: str) -> None:
    body = COMPRESS[encoding](b"hello " * 1000)
    budget = ByteBudget()
    url = await served(aiohttp_server, answering(body=body, headers={"Content-Encoding": encoding}))
    page = await fetch(url, budget=budget)
    assert page.body == b"hello " * 1000
    assert budget.spent == 6000


@pytest.mark.parametrize(("limit", "fits"), [(1000, True), (999, False)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_may_be_as_large_as_allowed_and_not_a_byte_more(
    aiohttp_server: AiohttpServer, limit: int, fits: bool, chunked: bool
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=b"x" * 1000)
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10):
            await response.write(b"x" * 100)
        return response

    url = await served(aiohttp_server, handler)
    if fits:
        assert len((await fetch(url, Fetch(bodies=Bodies(max_bytes=limit)))).body) == 1000
        return
    with pytest.raises(BodyTooLargeError, match="999"):
        await fetch(url, Fetch(bodies=Bodies(max_bytes=limit)))


async def test_a_body_announced_as_too_large_is_not_read(aiohttp_server: AiohttpServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
    async with saying(head, then_wait=True) as url:
        budget = ByteBudget()
        with pytest.raises(BodyTooLargeError, match=r"the body has 1000000000000 bytes, 10485760 are allowed"):
            await fetch(url, budget=budget)
        assert budget.spent == 0


async def test_an_endless_body_is_cut_off(aiohttp_server: AiohttpServer) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    with pytest.raises(BodyTooLargeError, match="more than the 100000 bytes"):
        await fetch(await served(aiohttp_server, handler), Fetch(bodies=Bodies(max_bytes=100_000)))


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_a_body_is_measured_after_decompression(aiohttp_server: AiohttpServer, encoding: str) -> None:
    bomb = COMPRESS[encoding](bytes(50 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    url = await served(aiohttp_server, answering(body=bomb, headers={"Content-Encoding": encoding}))
    budget = ByteBudget()
    with pytest.raises(BodyTooLargeError, match="more than the 1048576 bytes"):
        await fetch(url, Fetch(bodies=Bodies(max_bytes=MEGABYTE)), budget)
    assert budget.spent <= MEGABYTE


async def test_the_budget_of_bytes_is_never_exceeded(aiohttp_server: AiohttpServer) -> None:
    request = Request(await served(aiohttp_server, answering(body=b"x" * 400)))
    budget = ByteBudget(1000)
    async with opened() as fetcher:
        for _ in range(2):
            await fetcher.fetch(request, budget)
        with pytest.raises(LimitReachedError, match="max_bytes"):
            await fetcher.fetch(request, budget)
        assert budget.spent == 800


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Beginning(3), b"abc"),
        (Beginning(600), b"abc" * 200),
        (Beginning(601), b"abc" * 200),
        (Bodies(max_bytes=600), b"abc" * 200),
        (Bodies(max_bytes=599), BodyTooLargeError),
        (Bodies(content_types=("text/css",)), ContentTypeError),
        (None, ContentTypeError),
    ],
    ids=str,
)
async def test_who_asks_says_which_bodies_are_read(
    aiohttp_server: AiohttpServer, rule: BodyRule | None, expected: bytes | type[FetchError]
) -> None:
    handler = answering(body=b"abc" * 200, headers={"Content-Type": "image/png"})
    request = Request(await served(aiohttp_server, handler))
    async with opened(Fetch(bodies=Bodies(max_bytes=1, content_types=("text/html",)))) as fetcher:
        if isinstance(expected, bytes):
            assert (await fetcher.fetch(request, ByteBudget(), rule)).body == expected
        else:
            with pytest.raises(expected):
                await fetcher.fetch(request, ByteBudget(), rule)


# ── errors ──


async def test_a_closed_port_is_a_connect_error_with_its_cause() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ConnectError) as caught:
            await fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_name_that_does_not_resolve_is_a_connect_error() -> None:
    async with opened(resolver=NoSuchName()) as fetcher:
        with pytest.raises(ConnectError, match="Domain name not found") as caught:
            await fetcher.fetch(Request("http://nowhere.example/"), ByteBudget())
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_what_is_no_tls_is_a_connect_error(aiohttp_server: AiohttpServer) -> None:
    url = await served(aiohttp_server, answering())
    with pytest.raises(ConnectError):
        await fetch(url.replace("http:", "https:"))


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GARBAGE = {
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "binary": bytes(range(256)) * 4,
    "no status": b"HTTP/1.1 \r\n\r\n",
    "status no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "endless header": OK + b"X: " + b"x" * 300_000 + b"\r\n\r\n",
    "too many headers": OK + b"".join(b"X-%d: x\r\n" % number for number in range(50_000)) + b"\r\n",
    "header without colon that says how long the body is": OK + b"Content-Length 5\r\n\r\nhello",
    "header with zero byte": OK + b"X: a\0b\r\n\r\n",
    "length no number": OK + b"Content-Length: ten\r\n\r\n",
    "length negative": OK + b"Content-Length: -5\r\n\r\nhello",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "head cut off": OK + b"Content-Le",
    "body cut off": OK + b"Content-Length: 100\r\n\r\nhello",
    "chunks cut off": CHUNKED + b"5\r\nhel",
    "chunks without end": CHUNKED + b"5\r\nhello\r\n",
    "chunk size no number": CHUNKED + b"xyz\r\nhello\r\n0\r\n\r\n",
    "chunk size wrong": CHUNKED + b"2\r\nhello\r\n0\r\n\r\n",
    "no gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "no brotli": OK + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\n\xff\xff\xff\xff\xff",
    "no deflate": OK + b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n\xff\xff\xff\xff\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_http_or_ends_early_is_an_error_of_the_server(data: bytes) -> None:
    async with saying(data) as url:
        with pytest.raises((ProtocolError, ConnectError)) as caught:
            await fetch(url, Fetch(timeout=5))
    assert str(caught.value)


@pytest.mark.parametrize(
    "name", ["body cut off", "chunks cut off", "no gzip", "no HTTP at all", "chunk size no number"]
)
async def test_what_came_and_is_no_http_is_a_protocol_error(name: str) -> None:
    async with saying(GARBAGE[name]) as url:
        with pytest.raises(ProtocolError):
            await fetch(url)


@pytest.mark.parametrize("data", [b"", OK, OK + b"Content-Length: 10\r\n\r\nhell", CHUNKED + b"5\r\nhello\r\n"])
async def test_an_answer_that_takes_too_long_is_a_timeout(data: bytes) -> None:
    async with saying(data, then_wait=True) as url:
        with pytest.raises(FetchTimeoutError, match=r".") as caught:
            await fetch(url, Fetch(timeout=0.05))
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": (("X", "a\r\nb: c"),)},
        {"headers": (("X\n", "a"),)},
        {"method": "GET / HTTP/1.1\r\nX:"},
    ],
)
async def test_a_request_that_would_smuggle_lines_is_not_made(fields: dict[str, Any]) -> None:
    async with raw_server(OK + b"\r\n", then_wait=False) as (url, heard):
        with pytest.raises(FetchError):
            await fetch(url, **fields)
        assert heard.empty()


@pytest.mark.parametrize("location", [b"/caf\xe9", b"/caf\xc3\xa9", b"http://[", b""])
async def test_a_location_in_any_bytes_is_handed_on(location: bytes) -> None:
    async with saying(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n") as url:
        page = await fetch(url)
    assert page.header("location").encode("utf-8", "surrogateescape") == location


# ── Retry-After ──


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)])
async def test_a_status_error_knows_how_long_the_server_asks_to_wait(
    aiohttp_server: AiohttpServer, value: str, seconds: float | None
) -> None:
    with pytest.raises(StatusError) as caught:
        await fetch(await served(aiohttp_server, answering(status=503, headers={"Retry-After": value})))
    assert caught.value.retry_after == seconds


async def test_an_absurd_retry_after_is_no_more_than_a_status_error(aiohttp_server: AiohttpServer) -> None:
    headers = {"Retry-After": f"Thu, 01 Jan {'9' * 30} 12:02:00 GMT"}
    with pytest.raises(StatusError):
        await fetch(await served(aiohttp_server, answering(status=503, headers=headers)))


# ── closing and cancellation ──


async def test_the_resolver_is_closed_with_the_fetcher() -> None:
    resolver = NoSuchName()
    async with opened(resolver=resolver):
        assert not resolver.is_closed
    assert resolver.is_closed


@pytest.mark.parametrize("data", [b"", OK + b"Content-Length: 10\r\n\r\nhell"], ids=["head", "body"])
async def test_cancelled_in_the_middle_it_leaves_no_task_and_no_connection(data: bytes) -> None:
    async with raw_server(data, then_wait=True) as (url, heard), opened() as fetcher:
        budget = ByteBudget()
        fetching = asyncio.ensure_future(fetcher.fetch(Request(url), budget))
        assert await heard.get()
        fetching.cancel()
        await asyncio.wait((fetching,))
        assert fetching.cancelled()
        assert await heard.get() == b""  # the server sees it hang up, while the fetcher is open
        assert budget.spent <= 10
