"""The scope of a crawl: which of the discovered URLs belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from crawler.errors import ConfigurationError, InvalidURLError
from crawler.http.suffixes import registrable_domain
from crawler.policy.checks import several
from crawler.policy.rewriting import Rewriting
from crawler.url import hostname_of, origin_of, resolve

Within = Literal["site", "host", "origin", "any"]
_REMEMBERED_HOSTS = 4096  # hosts for which a boundary caches its decision; arbitrary


@dataclass(frozen=True, slots=True)
class Scope:
    """The bounds of a crawl, relative to its seeds.

    Attributes:
        within: ``"site"`` keeps to the seeds' registrable domains (``docs.python.org`` and ``www.python.org`` are one
            site), ``"host"`` to their hosts, ``"origin"`` to their scheme, host and port, ``"any"`` goes everywhere.
        hosts: Names of further hosts that belong to the crawl.
        allow: Regular expressions; if there are any, a URL must contain a match of one.
        deny: Regular expressions; a URL that contains a match of one is outside.
        rewriting: Rules for different URLs of the same page; the crawl requests the rewritten URL, against which the
            patterns above are matched. ``None`` leaves all URLs as they are.
        sitemaps: Whether the sitemaps named in the robots.txt of the seeds' origins are seeds, too.
    """

    within: Within = "site"
    hosts: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    rewriting: Rewriting | None = None
    sitemaps: bool = False

    def __post_init__(self) -> None:
        if self.within not in get_args(Within):
            raise ConfigurationError.of("within", self.within, f"one of {', '.join(get_args(Within))}")
        for name in ("hosts", "allow", "deny"):
            several(name, getattr(self, name))
        if not isinstance(self.rewriting, Rewriting | None):
            raise ConfigurationError.of("rewriting", self.rewriting, "a Rewriting, or None")
        for host in self.hosts:
            _normalised(host)
        for pattern in (*self.allow, *self.deny):
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:  # the latter two for absurd patterns
                raise ConfigurationError.of("scope pattern", pattern, f"a regular expression ({error})") from error

    def around(self, seeds: Iterable[str]) -> Boundary:
        """Return the boundary that this scope draws around the (normalised) URLs of ``seeds``."""
        return Boundary(self, seeds)


class Boundary:
    """The boundary of a scope: decides for each URL whether it is inside, by a few look-ups."""

    def __init__(self, scope: Scope, seeds: Iterable[str]) -> None:
        self._scope = scope
        self._hosts = frozenset(map(_normalised, scope.hosts))
        self._allow = [re.compile(pattern) for pattern in scope.allow]
        self._deny = [re.compile(pattern) for pattern in scope.deny]
        self._place_of = _PLACES[scope.within]
        self._places = {self._place_of(seed) for seed in seeds}
        # The same few hosts come up again and again; a trap may invent any number of others.
        self._is_in_site = lru_cache(_REMEMBERED_HOSTS)(self._is_in_site_of_a_seed)

    def __repr__(self) -> str:
        return f"<Boundary {self._scope.within} {sorted(self._places)}>"

    def include(self, seed: str) -> None:
        """Extend the boundary to one more (normalised) seed."""
        place = self._place_of(seed)
        if place not in self._places:
            self._places.add(place)
            self._is_in_site.cache_clear()

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
                return self._is_in_site(hostname_of(url))

    def _is_in_site_of_a_seed(self, hostname: str) -> bool:
        # The suffix list is consulted only for hosts that end like a seed's site: a crawl of an address never loads it.
        # For those hosts it is needed, as there may be other sites below one site: some.s3.amazonaws.com.
        ends_alike = any(domain in self._places for domain in _domains(hostname))
        return ends_alike and _site(hostname) in self._places


def _domains(hostname: str) -> Iterator[str]:
    """Yield ``hostname`` and its parent domains."""
    while hostname:
        yield hostname
        hostname = hostname.partition(".")[2]


def site_of(url: str) -> str:
    """Return the site of a normalised ``url``: its registrable domain.

    If the host has none (an address, a name without dots, a public suffix), it is the host itself.
    """
    return _site(hostname_of(url))


def _site(hostname: str) -> str:
    return ("." in hostname and registrable_domain(hostname)) or hostname


def _normalised(host: str) -> str:
    """Return ``host`` in the form that it has in normalised URLs.

    Raises:
        ConfigurationError: It is no host, or more than a host.
    """
    try:
        url = resolve("", f"http://{host}/")
    except (InvalidURLError, TypeError) as error:
        raise ConfigurationError.of("scope host", host, "a host, such as 'www.example.org'") from error
    if url != f"http://{hostname_of(url)}/":
        raise ConfigurationError.of("scope host", host, "a host alone, without scheme, port and path")
    return hostname_of(url)


_PLACES: dict[Within, Callable[[str], str]] = {
    "site": site_of,
    "host": hostname_of,
    "origin": origin_of,
    "any": lambda _url: "",
}
