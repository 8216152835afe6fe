"""aiohttp's connector, with the address guard, the resolver, and the certificates to trust."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from crawler.errors import ConfigurationError
from crawler.fetching.bounded_protocol import BoundedProtocol
from crawler.fetching.guard import AddressGuard
from crawler.policy.network import Network
from crawler.runtime.descriptors import Descriptors

_CLOSED_SHARE = 16  # one of so many connections is closed at once, so that they are not counted each time; arbitrary
_KEEP_ALIVE_SECONDS = 15.0  # arbitrary; many servers hang up after 5 to 75


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector with bounded connections. It does not reuse one that received bytes while it was idle.

    It closes idle connections, the oldest first, where the process has no descriptors for more. That those in use are
    not too many is up to whoever fetches.
    """

    def __init__(self, descriptors: Descriptors, **options: Any) -> None:
        super().__init__(**options)
        # There is no public way; tests check that this still works.
        self._factory = cast("partial[ResponseHandler]", partial(BoundedProtocol, loop=self._loop))
        self._descriptors = descriptors
        self._spare = 0  # connections that may be made before they are counted again, as that takes a while
        self._counted_for: int | None = None  # how many there might be when they were counted
        descriptors.connections = self._count

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature
    ) -> ResponseHandler:
        self._make_space()
        return await super()._create_connection(req, traces, timeout)

    def _make_space(self) -> None:
        most = self._descriptors.most
        if most is None:
            return
        if most == self._counted_for and self._spare > 0:
            self._spare -= 1
            return
        self._counted_for = most
        open_ = self._count()  # with the one that is about to be made
        if open_ > most:
            open_ -= self._close_idle(open_ - most + most // _CLOSED_SHARE)
        self._spare = max(0, most - open_)

    def _count(self) -> int:
        return len(self._acquired) + sum(map(len, self._conns.values()))

    def _close_idle(self, wanted: int) -> int:
        """Close so many idle connections, the oldest first; return how many there were."""
        closed = 0
        while closed < wanted and self._conns:
            key, idle = next(iter(self._conns.items()))  # in the order in which their hosts were last without one
            idle.popleft()[0].close()
            closed += 1
            if not idle:
                del self._conns[key]
        return closed

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            # Bytes that came while it was idle would be read as the answer to the next request.
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None


async def open_connector(
    network: Network, guard: AddressGuard, resolver: AbstractResolver, descriptors: Descriptors | None = None
) -> aiohttp.TCPConnector:
    """Open a connector whose addresses are checked by ``guard`` and found by ``resolver``, and number is limited.

    The session that takes the connector closes it; the caller closes the resolver.

    Raises:
        ConfigurationError: ``Network.ca_file`` cannot be read or holds no certificate.
    """
    trusted = await asyncio.to_thread(_trusting, network.ca_file)
    return Connector(
        descriptors or Descriptors(),
        limit=0,  # the frontier decides how many, and which
        resolver=_Watched(resolver, guard),
        use_dns_cache=False,  # the resolver has a cache, which is bounded and has failures, too
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        socket_factory=guard.open_socket,
        ssl=trusted,
    )


def _trusting(ca_file: str | Path | None) -> ssl.SSLContext:
    """Return the TLS context that verifies servers. It reads files, which takes 10 to 30 ms."""
    if ca_file is None:
        return _trusting_the_system()
    context = _context()
    try:
        context.load_verify_locations(Path(ca_file).expanduser())
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError.of("ca_file", str(ca_file), f"a PEM file of certificates ({error})") from error
    return context


@cache
def _trusting_the_system() -> ssl.SSLContext:
    # Made once for all crawls, as it never changes.
    return _context()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996; the configuration of some systems allows older ones
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Watched(AbstractResolver):
    """A resolver that tells its answers to the guard."""

    def __init__(self, resolver: AbstractResolver, guard: AddressGuard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._resolver.resolve(host, port, family)
        self._guard.learn(host, (result["host"] for result in results))
        return results

    async def close(self) -> None:
        """Do nothing: the owner of the resolver closes it."""
