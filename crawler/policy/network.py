"""The options of the network: name servers, addresses, proxies, certificates. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote

from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import Request
from crawler.policy.checks import at_least, several
from crawler.url import host_of, resolve

ProxyChoice = Callable[[Request], str | None]
_A_PROXY = "a URL such as 'http://user:password@proxy.example:3128', with http or https"


@dataclass(frozen=True, slots=True)
class Network:
    """How hosts are resolved and reached.

    Environment variables such as ``HTTP_PROXY`` are not read. Certificates are always verified: otherwise an impostor
    would serve its pages as the host's, and receive the host's cookies and passwords. For a server of your own, pass
    its certificate in ``ca_file``; a self-signed one will do.

    Attributes:
        allow_private: Whether links may lead to addresses that are not public: a company's network, this machine.
            Origins that you give as seeds are always allowed. The metadata addresses of clouds stay blocked.
        nameservers: Name servers as IP address or ``address:port``; by default those of the system.
        dns_timeout: Seconds that a look-up may take.
        proxy: URL of a proxy, http or https, with credentials if it needs any; or a function that returns the URL for
            each request, or ``None``. The proxy then resolves the names of hosts. Whether it checks the addresses is up
            to it.
        ca_file: A PEM file of certificates to trust besides those of the system.
    """

    allow_private: bool = False
    nameservers: tuple[str, ...] = ()
    dns_timeout: float = 5.0
    proxy: str | ProxyChoice | None = field(default=None, repr=False)  # it may hold a password
    ca_file: str | Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.allow_private, bool):
            raise ConfigurationError.of("allow_private", self.allow_private, "True or False")
        several("nameservers", self.nameservers)
        for server in self.nameservers:
            _check_nameserver(server)
        at_least("dns_timeout", self.dns_timeout, 0.001, unit="seconds")
        if self.ca_file is not None and not isinstance(self.ca_file, str | Path):
            raise ConfigurationError.of("ca_file", self.ca_file, "a path")
        if self.proxy is not None and not callable(self.proxy):
            checked_proxy(self.proxy)

    def proxy_for(self, request: Request) -> str | None:
        """Return the normalised URL of the proxy for ``request``, with its credentials, or ``None``.

        Raises:
            ConfigurationError: The chosen value is no URL of a proxy.
        """
        chosen = self.proxy(request) if callable(self.proxy) else self.proxy
        return None if chosen is None else checked_proxy(chosen)


def checked_proxy(proxy: object) -> str:
    """Return the URL of a proxy, normalised.

    Raises:
        ConfigurationError: It is no such URL; the message does not show its password.
    """
    if not isinstance(proxy, str):
        raise ConfigurationError.of("proxy", type(proxy), _A_PROXY)
    return _normalised(proxy)


@lru_cache(maxsize=1024)
def _normalised(proxy: str) -> str:
    shown = proxy.rpartition("@")[2]
    try:
        url = resolve("", proxy)
    except InvalidURLError:  # which is not the cause of this error, as it quotes the password
        raise ConfigurationError.of("proxy", shown, _A_PROXY) from None
    credentials, at, _ = url.split("/", 3)[2].rpartition("@")
    if url != f"{url.partition(':')[0]}://{credentials}{at}{host_of(url)}/":
        raise ConfigurationError.of("proxy", shown, f"{_A_PROXY}, and neither path nor query")
    user, _, password = credentials.partition(":")
    # RFC 7617 §2: a colon would end the name early. aiohttp encodes credentials in Latin-1.
    if ":" in unquote(user) or not _is_latin(unquote(user) + unquote(password)):
        raise ConfigurationError.of("proxy", shown, "a user name without colon, and it and the password in Latin-1")
    return url


def _is_latin(text: str) -> bool:
    return all(ord(character) < 0x100 for character in text)


def _check_nameserver(server: object) -> None:
    """Check that ``server`` is an address, alone or with a port: ``192.0.2.1:53``, ``[2001:db8::1]:53``."""
    if isinstance(server, str):
        address, _, port = server.rpartition(":")
        is_bracketed = address.startswith("[") and address.endswith("]")
        inner, version = (address[1:-1], 6) if is_bracketed else (address, 4)
        if _version(server) or (_is_port(port) and _version(inner) == version):
            return
    raise ConfigurationError.of("nameservers", server, "IP addresses, such as '192.0.2.1' or '[2001:db8::1]:53'")


def _version(text: str) -> int:
    """Return 4 or 6 for an address of that kind, 0 for other text."""
    try:
        return ip_address(text).version
    except ValueError:
        return 0


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 2**16
