"""A cookie in the jar."""

from __future__ import annotations

import math

import msgspec

from crawler.url import hostname_of


class Cookie(msgspec.Struct, frozen=True, gc=False):
    """A cookie in the jar.

    Attributes:
        place: Its place: an origin (``https://example.org:8443``) or, with a dot before the name, a domain and
            all its subdomains, by that scheme on any port (``https://.example.org``).
        path: The path that it is for, with everything below it.
        name: Its name, which may be empty.
        value: Its value.
        is_secure: Whether it was ``Secure``.
        expires: Unix time (seconds) at which it expires.
        number: Its number in the order of creation: older cookies are sent first.
    """

    place: str
    path: str
    name: str
    value: str
    is_secure: bool = False
    expires: float = math.inf
    number: int = 0

    def __repr__(self) -> str:
        return f"<Cookie {self.name} for {self.place}{self.path}>"

    @property
    def domain(self) -> str:
        """The host or domain that it is for."""
        return hostname_of(self.place).removeprefix(".")

    @property
    def is_wide(self) -> bool:
        """Whether it is also for all subdomains of its domain."""
        return "//." in self.place

    @property
    def pair(self) -> str:
        """The cookie as it is sent."""
        return f"{self.name}={self.value}" if self.name else self.value

    @property
    def field(self) -> str:
        """The ``Set-Cookie`` field that would set it, without its expiry."""
        secure = "; Secure" if self.is_secure else ""
        domain = f"; Domain={self.domain}" if self.is_wide else ""
        return f"{self.name}={self.value}; Path={self.path}{domain}{secure}"

    def fits(self, path: str) -> bool:
        """Tell whether it is to be sent to ``path`` (RFC 6265bis §5.1.4)."""
        own = self.path
        return path.startswith(own) and (len(path) == len(own) or own.endswith("/") or path[len(own)] == "/")
