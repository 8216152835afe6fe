"""A cookie that is kept."""

from __future__ import annotations

import math

import msgspec

from crawler.url import hostname_of


class Cookie(msgspec.Struct, frozen=True, gc=False):
    """A cookie that is kept.

    Attributes:
        place: Where it belongs: an origin (``https://example.org:8443``) or, with a dot before the name, a domain and
            all below it, by that scheme on any port (``https://.example.org``).
        path: The path that it is for, and all below it.
        name: Its name, which may be empty.
        value: Its value.
        is_secure: Whether it was ``Secure``.
        expires: Unix time (seconds) of its end.
        number: Counts cookies as they are created: older ones are sent first.
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
        """The host that it counts for."""
        return hostname_of(self.place).removeprefix(".")

    @property
    def is_wide(self) -> bool:
        """Whether it counts for all below its domain as well."""
        return "//." in self.place

    @property
    def pair(self) -> str:
        """What is sent."""
        return f"{self.name}={self.value}" if self.name else self.value

    @property
    def field(self) -> str:
        """The ``Set-Cookie`` field that would set it, but for its end."""
        secure = "; Secure" if self.is_secure else ""
        domain = f"; Domain={self.domain}" if self.is_wide else ""
        return f"{self.name}={self.value}; Path={self.path}{domain}{secure}"

    def fits(self, path: str) -> bool:
        """Tell whether it is for ``path`` (RFC 6265bis §5.1.4)."""
        own = self.path
        return path.startswith(own) and (len(path) == len(own) or own.endswith("/") or path[len(own)] == "/")
