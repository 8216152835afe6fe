"""An asynchronous resolver with a cache. It looks up each name only once, even if many requests wait for it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiodns
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from crawler.errors import ClosedError, OpenFilesError, ResolveError
from crawler.fetching.name_cache import Answer, NameCache
from crawler.policy.network import Network
from crawler.runtime.descriptors import Descriptors, is_exhausted
from crawler.url import ip_of

_NAMES = 50_000  # in the cache; arbitrary, about 20 MB
_AT_ONCE = 1024  # look-ups; arbitrary, about as many packets as the socket of a name server takes without loss
_PATIENCE = 0.25  # seconds; c-ares sends again no earlier, so a name server that can answer has done so
_SHORTEST = 60.0  # seconds that an answer is valid at least, as in browsers
_LONGEST = 3600.0  # seconds that it is valid at most, as in c-ares
_NO_SUCH_NAME_SECONDS = 300.0  # arbitrary; RFC 2308 §5 advises against more than three hours
_FAILURE_SECONDS = 1.0  # the minimum of RFC 9520 §3.2, so that a retry of a request looks the name up again
_ATTEMPTS = 4  # of c-ares, each with twice the timeout of the one before: the last ends after 3.75 s at the earliest
_SHORTEST_ATTEMPT = 0.05  # seconds; arbitrary
_LOOPBACK = ("127.0.0.1", "::1")
_NO_SORT = 1 << 7  # ARES_AI_NOSORT: to sort them, c-ares would open a socket for each address
_FINAL = frozenset({pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_ENODATA, pycares.errno.ARES_EBADNAME})


@dataclass(frozen=True, slots=True)
class ResolverStatistics:
    """The counts of a resolver.

    Attributes:
        names: Names in the cache.
        hits: Answers from the cache.
        asked: Look-ups that were sent.
        failed: Look-ups without an address.
        in_flight: Look-ups that wait for an answer, or to be sent.
    """

    names: int = 0
    hits: int = 0
    asked: int = 0
    failed: int = 0
    in_flight: int = 0


class Resolver(AbstractResolver):
    """Looks up names with c-ares. It answers ``*.localhost`` itself, as RFC 6761 §6.3 keeps these off the network.

    **Names that hang do not delay others.** The number of look-ups at once is bounded. A look-up counts for a quarter
    of a second, in which most answers come; then it waits for its deadline without counting.

    **Search domains** are used only for names without a dot: a foreign name is never looked up below your domain.
    """

    def __init__(
        self,
        network: Network | None = None,
        *,
        at_once: int = _AT_ONCE,
        names: int = _NAMES,
        clock: Callable[[], float] = time.monotonic,
        descriptors: Descriptors | None = None,
    ) -> None:
        """Create a resolver. It opens no socket before its first look-up.

        Args:
            network: The name servers and the deadline.
            at_once: Look-ups that may be sent before one of them is answered or overdue.
            names: Names in the cache at most.
            clock: Returns monotonic seconds.
            descriptors: Is told where there are none for the sockets of look-ups.
        """
        self._descriptors = descriptors or Descriptors()
        self._network = network or Network()
        self._clock = clock
        self._cache = NameCache(names)
        self._places = asyncio.Semaphore(at_once)
        self._channels: dict[int, aiodns.DNSResolver] = {}
        self._lookups: dict[str, asyncio.Task[Answer]] = {}
        self._is_closed = False
        self._hits = self._asked = self._failed = 0

    def __repr__(self) -> str:
        return f"<Resolver {len(self._cache)} names, {len(self._lookups)} in flight>"

    async def lookup(self, host: str) -> tuple[str, ...]:
        """Return the addresses of ``host``, those of IPv4 first. For an address, return itself.

        Cancelling this ends the wait, but not the look-up, as others may wait for it, too.

        Raises:
            ResolveError: The name has no address, or no name server answers in time.
            OpenFilesError: The process can open no file, and so no socket to a name server.
            ClosedError: The resolver is closed.
        """
        name = host.removesuffix(".")
        if name == "localhost" or name.endswith(".localhost"):
            return _LOOPBACK
        answer = self._cache.get(name, self._clock())
        if answer is not None:
            self._hits += 1
        elif ip_of(name) is not None:
            return (name.strip("[]"),)
        else:
            answer = await asyncio.shield(self._lookups.get(name) or self._begin(name))
        if answer.is_shortage:
            raise OpenFilesError
        if not answer.addresses:
            raise ResolveError(f"{host}: {answer.error}", answer.is_final)
        return answer.addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of ``host`` in aiohttp's form, by default of both families; raises as `lookup` does."""
        found = [_result(host, address, port) for address in await self.lookup(host)]
        results = [result for result in found if family in {socket.AF_UNSPEC, result["family"]}]
        if not results:
            raise ResolveError(f"{host}: has no address of the wanted kind", is_final=True)
        return results

    def statistics(self) -> ResolverStatistics:
        """Return the present counts."""
        return ResolverStatistics(len(self._cache), self._hits, self._asked, self._failed, len(self._lookups))

    async def close(self) -> None:
        """Close the resolver's sockets. Calls that wait for a look-up get a `ResolveError`."""
        self._is_closed = True
        for channel in self._channels.values():
            channel.cancel()
        if self._lookups:
            await asyncio.wait(self._lookups.values())
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    def _begin(self, name: str) -> asyncio.Task[Answer]:
        if self._is_closed:
            raise ClosedError("the resolver is closed")
        task = asyncio.create_task(self._look_up(name), name=f"look up {name}")
        self._lookups[name] = task
        return task

    async def _look_up(self, name: str) -> Answer:
        try:
            answer = await self._ask(name)
        except (pycares.AresError, UnicodeError) as error:  # an invalid name
            answer = Answer(error=str(error) or repr(error), seconds=_FAILURE_SECONDS)
        finally:
            del self._lookups[name]
        if not answer.addresses and not answer.is_final and is_exhausted():
            self._descriptors.note_shortage()
            return Answer(is_shortage=True)
        self._failed += not answer.addresses
        self._cache.put(name, answer, self._clock())
        return answer

    async def _ask(self, name: str) -> Answer:
        async with self._places:
            if self._is_closed:
                return Answer(error="the resolver was closed")
            self._asked += 1
            asking = self._channel_for(name).getaddrinfo(name, type=socket.SOCK_STREAM, flags=_NO_SORT)
            await asyncio.wait((asking,), timeout=min(_PATIENCE, self._network.dns_timeout))
        await asyncio.wait((asking,), timeout=max(0.0, self._network.dns_timeout - _PATIENCE))
        if not asking.done():
            asking.cancel()
            return Answer(error=f"no name server answered in {self._network.dns_timeout:g} s", seconds=_FAILURE_SECONDS)
        return _answer_of(asking)

    def _channel_for(self, name: str) -> aiodns.DNSResolver:
        searched = 0 if "." not in name else pycares.ARES_FLAG_NOSEARCH
        if searched not in self._channels:
            self._channels[searched] = aiodns.DNSResolver(
                self._network.nameservers or None,
                timeout=max(_SHORTEST_ATTEMPT, self._network.dns_timeout / 2**_ATTEMPTS),
                tries=_ATTEMPTS,
                flags=searched | pycares.ARES_FLAG_EDNS,
            )
        return self._channels[searched]


def _answer_of(asked: asyncio.Future[pycares.AddrInfoResult]) -> Answer:
    try:
        result = asked.result()
    except aiodns.error.DNSError as error:
        code, text = error.args[0], str(error.args[-1])
        is_final = code in _FINAL
        return Answer((), text, is_final, _NO_SUCH_NAME_SECONDS if is_final else _FAILURE_SECONDS)
    nodes = sorted(result.nodes, key=lambda node: node.family != socket.AF_INET)  # a stable sort
    seconds = min([node.ttl for node in nodes] + [alias.ttl for alias in result.cnames], default=0)
    addresses = tuple(dict.fromkeys(node.addr[0].decode("ascii") for node in nodes))
    return Answer(addresses, "has no address", not addresses, min(max(seconds, _SHORTEST), _LONGEST))


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
