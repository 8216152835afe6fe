"""Which of the discovered URLs belong to the crawl."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from publicsuffixlist import PublicSuffixList

from crawler.errors import ConfigurationError
from crawler.policy.checks import several
from crawler.url import hostname_of, ip_of, origin_of

Within = Literal["site", "host", "origin", "any"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The bounds of a crawl, relative to its seeds.

    Attributes:
        within: ``"site"`` keeps to the seeds' registrable domains (``docs.python.org`` and ``www.python.org`` are one
            site), ``"host"`` to their hosts, ``"origin"`` to their scheme, host and port, ``"any"`` goes everywhere.
        hosts: Further hosts that belong to it, by name.
        allow: Regular expressions; where any are given, a URL must contain a match of one.
        deny: Regular expressions; a URL that contains a match of one is out.
    """

    within: Within = "site"
    hosts: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.within not in get_args(Within):
            raise ConfigurationError.of("within", self.within, f"one of {', '.join(get_args(Within))}")
        for name in ("hosts", "allow", "deny"):
            several(name, getattr(self, name))
        for pattern in (*self.allow, *self.deny):
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:  # the latter two for absurd ones
                raise ConfigurationError.of("scope pattern", pattern, f"a regular expression ({error})") from error

    def around(self, seeds: Iterable[str]) -> Boundary:
        """Return the boundary that this scope draws around the (normalised) URLs of ``seeds``."""
        return Boundary(self, seeds)


class Boundary:
    """Decides for each URL whether it is inside, by a few look-ups: the suffix list is asked about the seeds alone."""

    def __init__(self, scope: Scope, seeds: Iterable[str]) -> None:
        self._scope = scope
        self._hosts = frozenset(host.lower() for host in scope.hosts)
        self._allow = [re.compile(pattern) for pattern in scope.allow]
        self._deny = [re.compile(pattern) for pattern in scope.deny]
        self._places = frozenset(_PLACES[scope.within](seed) for seed in seeds)

    def __repr__(self) -> str:
        return f"<Boundary {self._scope.within} {sorted(self._places)}>"

    def permits(self, url: str) -> bool:
        """Tell whether a normalised ``url`` is inside."""
        if not self._is_near(url) and hostname_of(url) not in self._hosts:
            return False
        if self._allow and not any(pattern.search(url) for pattern in self._allow):
            return False
        return not any(pattern.search(url) for pattern in self._deny)

    def _is_near(self, url: str) -> bool:
        """Tell whether ``url`` is in one of the seeds' places."""
        match self._scope.within:
            case "any":
                return True
            case "origin":
                return origin_of(url) in self._places
            case "host":
                return hostname_of(url) in self._places
            case "site":
                return any(domain in self._places for domain in _domains(hostname_of(url)))


def _domains(hostname: str) -> Iterator[str]:
    """Yield ``hostname`` and the domains that it is in, as sites are written: see `site_of`."""
    yield hostname
    while hostname:
        yield f".{hostname}"
        hostname = hostname.partition(".")[2]


def site_of(url: str) -> str:
    """Return the site of a normalised ``url``.

    That is its registrable domain with a dot before it, as all that ends so belongs to it; or the host itself where it
    belongs to nothing larger: an address, a name without dots, a public suffix.
    """
    hostname = hostname_of(url)
    if ip_of(hostname) or "." not in hostname:
        return hostname
    domain: str | None = _suffixes().privatesuffix(hostname)
    return f".{domain}" if domain else hostname


@cache
def _suffixes() -> PublicSuffixList:
    # Made when first needed: reading the list takes about 70 ms, which a crawl of an address never pays.
    return PublicSuffixList()


_PLACES: dict[Within, Callable[[str], str]] = {
    "site": site_of,
    "host": hostname_of,
    "origin": origin_of,
    "any": lambda _url: "",
}
