"""The server: listeners, and a conversation on each connection."""

import asyncio
import errno
import ssl
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self

from .behaviour import page
from .catalogue import serve, url_of
from .exchange import HTML, Exchange, Places, Then, head
from .internal import SECRET
from .request import Request, RequestError
from .secured import Secured
from .seen import HostileStatistics, Seen, Sightings
from .tls import NoCertificatesError, close_at_hello, make_certificates, speak_http, stall
from .wire import Converse, Wire

_BACKLOG = 4096  # connections waiting to be accepted: a crawler may open thousands within one round of the loop


class HostileServer:
    """Serves every behaviour of `BEHAVIOURS` in the running event loop until its `async with` block ends.

    It binds to the loopback interface, unless another `host` is named, and to free ports; `port` fixes that of the
    front page. Closing is prompt, whatever is in progress. Virtual hosts have names below `localhost`.

    Without trustme the ports that need certificates are left out, and `tls_missing` says why; `tls=False` opens none.

    Raises `OSError` on entering when a port cannot be had.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: bool = True) -> None:
        self._host, self._port, self._has_tls = host, port, tls
        self._sightings = Sightings()
        self._internal = Sightings()
        self._wires: set[Wire] = set()
        self._listeners: list[asyncio.Server] = []
        self._places: Places | None = None
        self.ca_pem = b""
        """The authority that vouches for the TLS ports, as PEM; empty where there are no certificates."""
        self.tls_missing = ""
        """Why TLS ports are missing; empty when none is."""

    def __repr__(self) -> str:
        where = self.url if self._listeners else "not started"
        return f"<HostileServer {where}, {self._sightings.requests} requests, {self._sightings.open} open>"

    async def __aenter__(self) -> Self:
        try:
            front = await self._listen(self._converse, self._host, self._port)
            other = await self._listen(self._converse, self._host, 0)
            internal = await self._listen_inside()
            tls = await self._listen_tls() if self._has_tls else {}
        except BaseException:
            await self._close()
            raise
        self._port = front
        name = f"[{self._host}]" if ":" in self._host else self._host
        self._places = Places(f"http://{name}:{front}/", f"http://{name}:{other}/", internal, MappingProxyType(tls))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    # ── where it is ──

    @property
    def places(self) -> Places:
        """Where the listeners are; `RuntimeError` before they are."""
        if self._places is None:
            raise RuntimeError("the server runs inside `async with` only")
        return self._places

    @property
    def url(self) -> str:
        """The URL of the front page."""
        return self.places.url

    @property
    def port(self) -> int:
        """The port of the front page."""
        return self.places.port

    def url_of(self, address: str) -> str:
        """Give the URL of an address of `BEHAVIOURS`; a path and query that are more than one are welcome, too."""
        return url_of(address, self.places)

    # ── what it saw ──

    @property
    def requests(self) -> Mapping[str, int]:
        """How often each URL was asked for; a view that goes on counting."""
        return MappingProxyType(self._sightings.urls)

    @property
    def log(self) -> tuple[Seen, ...]:
        """The last 50,000 requests, with their times, addresses and header fields."""
        return tuple(self._sightings.log)

    def statistics(self) -> HostileStatistics:
        """Count what was seen so far."""
        seen = self._sightings
        return HostileStatistics(
            requests=seen.requests,
            active=seen.active,
            connections=seen.connections,
            open=seen.open,
            peak_open=seen.peak_open,
            internal=self._internal.connections,
            bytes=seen.bytes,
            urls=len(seen.urls),
            cpu_seconds=time.process_time(),
        )

    # ── listening ──

    async def _listen(
        self,
        converse: Converse,
        host: str,
        port: int,
        *,
        sightings: Sightings | None = None,
    ) -> int:
        loop = asyncio.get_running_loop()
        counted = sightings or self._sightings
        listener = await loop.create_server(lambda: Wire(converse, self._wires, counted), host, port, backlog=_BACKLOG)
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def _listen_inside(self) -> int:
        """Open the listener that nobody may reach, at every address of the loopback interface that can be had."""
        port = await self._listen(self._show_secret, "127.0.0.1", 0, sightings=self._internal)
        for address in ("127.8.9.10", "::1"):
            try:
                await self._listen(self._show_secret, address, port, sightings=self._internal)
            except OSError as error:
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EADDRINUSE}:
                    raise
        return port

    async def _listen_tls(self) -> dict[str, str]:
        opened = {
            "stalled": await self._listen(stall, self._host, 0),
            "plain": await self._listen(speak_http, self._host, 0),
            "closed": await self._listen(close_at_hello, self._host, 0),
        }
        try:
            certificates = await asyncio.to_thread(make_certificates, "localhost", "*.localhost", "127.0.0.1", "::1")
        except NoCertificatesError as error:
            self.tls_missing = str(error)
        else:
            self.ca_pem = certificates.ca_pem
            for name, context in certificates.contexts.items():
                opened[name] = await self._listen(partial(self._secure, context), self._host, 0)
        return {name: f"https://localhost:{port}/" for name, port in opened.items()}

    async def _close(self) -> None:
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()
        await asyncio.gather(*(wire.end() for wire in tuple(self._wires)))

    # ── conversing ──

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        last: Exchange | None = None
        try:
            while True:
                request = await _next(reader, last)
                if request is None or (last is not None and last.then is Then.CLOSE_AT_NEXT):
                    return
                last = await self._exchange(request, writer)
                if last.then not in {Then.KEEP, Then.CLOSE_AT_NEXT}:
                    return
        except RequestError as error:
            body = f"{error}\n".encode()
            writer.write(head("400 Bad Request", [("Content-Length", str(len(body))), ("Connection", "close")]) + body)

    async def _secure(
        self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Shake hands, and show an honest page at whatever address."""
        secured = Secured(context, reader, writer)
        await secured.shake_hands()
        request = await Request.read(await secured.read_head())
        if request is not None:
            self._sightings.saw(_seen(request, writer))
            body = page(f"honest {request.path[:100]}")
            fields = [("Content-Type", HTML), ("Content-Length", str(len(body))), ("Connection", "close")]
            await secured.send_last(head("200 OK", fields) + body)

    async def _exchange(self, request: Request, writer: asyncio.StreamWriter) -> Exchange:
        seen = _seen(request, writer)
        exchange = Exchange(request, writer, self._sightings, self.places, self._sightings.saw(seen))
        self._sightings.active += 1
        try:
            await serve(exchange)
        finally:
            self._sightings.active -= 1
        if exchange.then is Then.RESET:
            exchange.abort()
        return exchange

    async def _show_secret(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Request.read(reader)
        writer.write(head("200 OK", [("Content-Length", str(len(SECRET))), ("Connection", "close")]) + SECRET)


async def _next(reader: asyncio.StreamReader, last: Exchange | None) -> Request | None:
    """Read the next request; send what nobody asked for when none comes."""
    if last is not None and last.unasked:
        try:
            async with asyncio.timeout(last.idle_seconds):
                return await Request.read(reader)
        except TimeoutError:
            await last.send(last.unasked)
    return await Request.read(reader)


def _seen(request: Request, writer: asyncio.StreamWriter) -> Seen:
    peer, local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
    return Seen(
        at=time.monotonic(),  # not the loop's time: uvloop's is in whole milliseconds
        peer=peer[0] if peer else "",
        local=f"{local[0]}:{local[1]}" if local else "",
        host=request.host,
        method=request.method,
        target=request.target,
        fields=request.fields,
    )
