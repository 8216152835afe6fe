"""The address guard: it checks, when a socket is made, that links lead only to the public Internet.

A page can link to an address in the user's own network in many ways: directly, in an unusual notation, by a name that
resolves to it, by a name that does so only at the second look-up, or by a redirect. In all cases a socket is made, and
then the address is known. So every address is checked there, for every kind of fetch. If the URL alone shows that it is
blocked, the error comes earlier.

aiohttp's connector calls the socket factory with an address only. A context variable tells for which fetch the socket
is made. Tasks inherit it: aiohttp makes sockets in the task of the request, or in tasks that this one starts when a
name has several addresses. Without that variable, the guard makes no exceptions.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextvars import ContextVar, Token
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

from crawler.errors import BlockedAddressError
from crawler.policy.addresses import Address, is_metadata, why_blocked
from crawler.policy.ports import BAD_PORTS
from crawler.url import host_of, ip_of, is_loopback, origin_of, without_port

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""The argument of aiohttp's socket factory: family, type, protocol, canonical name, address."""

_REMEDY = "name it as a seed, or set allow_private=True"


class AddressGuard:
    """Decides which addresses and ports sockets may be connected to.

    Public addresses are allowed, except for ports of other protocols. Other addresses are allowed only for origins that
    the user named. Then the addresses of the first look-up count, so that a name cannot point to other private
    addresses later.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        """Create a guard. ``allow_private`` allows all addresses except the metadata services of clouds."""
        self._allow_private = allow_private
        self._origins: set[str] = set()
        self._named: dict[str, frozenset[Address] | None] = {}

    def __repr__(self) -> str:
        return f"<AddressGuard {len(self._origins)} origins{', private allowed' if self._allow_private else ''}>"

    def allow(self, origin: str) -> None:
        """Allow requests to ``origin`` (``http://wiki.example:8080``), because the user named it."""
        self._origins.add(origin)
        hostname = without_port(host_of(f"{origin}/"))
        address = ip_of(hostname)
        self._named.setdefault(hostname, None if address is None else frozenset({address}))

    def learn(self, hostname: str, addresses: Iterable[str]) -> None:
        """Record the ``addresses`` of ``hostname``. For a host that the user named, those of the first call count."""
        if self._named.get(hostname, frozenset()) is None:
            self._named[hostname] = frozenset(ip_address(address) for address in addresses)

    def passage(self, url: str, *, by_proxy: bool = False) -> Passage:
        """Return the context in which the (normalised) ``url`` is fetched, and its sockets are made.

        Args:
            url: What is fetched.
            by_proxy: Whether a proxy fetches it. Then sockets lead to the proxy, whose address is always allowed.

        Raises:
            BlockedAddressError: The URL itself shows that its address or port is not allowed.
        """
        host = host_of(url)
        if origin_of(url) in self._origins:
            return Passage(host, without_port(host), by_proxy)
        if reason := self._why_refused_unseen(host):
            raise BlockedAddressError(f"{host}: {reason}")
        return Passage(host, "", by_proxy)

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """Make a socket for an address. This is the ``socket_factory`` of aiohttp's connector.

        Raises:
            OSError: The address is not allowed; the passage then raises a `BlockedAddressError`.
        """
        family, kind, protocol, _, (address, *_rest) = info
        passage = _PASSAGE.get()
        reason = self._why_refused(ip_address(address), passage)
        if passage is not None:
            passage.note(reason)
        if reason:
            raise PermissionError(reason)
        return socket.socket(family, kind, protocol)

    def _why_refused_unseen(self, host: str) -> str:
        """Return why requests to ``host`` are not allowed; empty if only a look-up can tell."""
        hostname = without_port(host)
        port = host[len(hostname) + 1 :]
        if port and int(port) in BAD_PORTS:
            return f"port {port} belongs to another protocol (Fetch standard, port blocking); name it as a seed"
        if hostname[0] == "[" or hostname[-1].isdigit():  # names do not end in a digit (URL standard, host parsing)
            address = ip_of(hostname)
            return self._why_refused(address, None) if address is not None else ""
        if is_loopback(hostname) and not self._allow_private:
            return f"it is loopback; {_REMEDY}"
        return ""

    def _why_refused(self, address: Address, passage: Passage | None) -> str:
        """Return why a socket for ``passage`` may not be connected to ``address``; empty if it may."""
        reason = why_blocked(address)
        if not reason or (self._allow_private and not is_metadata(address)):
            return ""
        if passage is None or not (passage.by_proxy or passage.named):
            return f"{address} is {reason}; {_REMEDY}"
        if passage.by_proxy or address in (self._named.get(passage.named) or ()):
            return ""
        return f"{address} is {reason}, and was not its address when it was first looked up"


class Passage:
    """The context of one fetch: the guard checks the sockets that are made in it.

    Attributes:
        host: The host of the URL.
        named: Its name, if the user named the origin; otherwise empty.
        by_proxy: Whether sockets lead to a proxy.
    """

    __slots__ = ("_is_open", "_refused", "_token", "by_proxy", "host", "named")

    def __init__(self, host: str, named: str, by_proxy: bool) -> None:
        self.host = host
        self.named = named
        self.by_proxy = by_proxy
        self._refused = ""
        self._is_open = False
        self._token: Token[Passage | None] | None = None

    def __repr__(self) -> str:
        return f"<Passage to {self.host}{' (named)' if self.named else ''}>"

    def note(self, refused: str) -> None:
        """Record why an address was refused; or, with an empty text, that one was allowed."""
        self._refused = self._refused or refused
        self._is_open = self._is_open or not refused

    def __enter__(self) -> Self:
        self._token = _PASSAGE.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise `BlockedAddressError` if the fetch failed because all addresses were refused."""
        if self._token is not None:
            _PASSAGE.reset(self._token)
        # If one address was allowed, its failure is the one to report, and to retry.
        if isinstance(error, Exception) and self._refused and not self._is_open:
            raise BlockedAddressError(f"{self.host}: {self._refused}") from error


_PASSAGE: ContextVar[Passage | None] = ContextVar("passage", default=None)
