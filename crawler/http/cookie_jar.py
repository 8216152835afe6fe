"""The cookie jar of a crawl (RFC 6265bis), without a clock and without a file.

The jars of aiohttp and ``http.cookiejar`` will not do. Neither knows public suffixes, so that one shop below ``co.uk``
could set cookies for all others; both read the clock. The former creates objects for each request, which we would only
join to a text again; the latter follows three older standards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from msgspec.structs import replace

from crawler.errors import InvalidURLError
from crawler.http.cookie import Cookie
from crawler.http.set_cookie import LONGEST_AGE, SetCookie, parsed
from crawler.http.suffixes import is_public_suffix
from crawler.url import hostname_of, ip_of, is_loopback, origin_of, resolve

MOST_OF_A_HOST = 50  # cookies (RFC 6265bis §6.1)
MOST = 3000  # cookies (the same)
_LEFT = 2700  # cookies that a sweep leaves: so there is one sweep for three hundred new cookies, not one for each
# Of a response; arbitrary. RFC 6265bis §5.3 permits ignoring the others, and hostile servers would hold up the loop.
_MOST_FIELDS = 100
_LONGEST_HEADER = 8190  # bytes; servers refuse more (Apache's LimitRequestFieldSize), and neighbours may set cookies


@dataclass(frozen=True, slots=True)
class JarStatistics:
    """A jar at one moment: its cookies and their hosts; cookies refused, and cookies evicted by newer ones, so far."""

    cookies: int
    hosts: int
    refused: int
    evicted: int


class CookieJar:
    """Stores the cookies that servers set, and makes the ``Cookie`` field of each request.

    Attributes:
        version: A number that grows with each change.

    **Cookies belong to an origin.** By the standard they are shared by all ports and schemes of a host, but a user
    agent may be stricter (§5). Here a cookie without ``Domain`` is sent only to the scheme, host and port that set it.
    One with ``Domain`` is sent to that domain and its subdomains, on any port, but by no other scheme. A cookie that
    came over http is never sent over https, so that it cannot replace there what a login has set (§8.6); nor the
    reverse.

    **SameSite** is not enforced: it is about requests that a page of one site makes to another while a user is logged
    in there. A crawler has no such page; it follows links, as a user's click does, with GET only.

    ``Secure`` cookies are taken from and sent over https only, except on loopback, where nobody can listen.
    """

    def __init__(self, *, is_public_suffix: Callable[[str], bool] = is_public_suffix) -> None:
        """Create an empty jar; ``is_public_suffix`` tells whether anybody may register names below a domain."""
        self._hosts: dict[str, dict[tuple[str, str, str], Cookie]] = {}  # the least recently used first
        self._is_public_suffix = is_public_suffix
        self._count = self._created = self._refused = self._evicted = 0
        self.version = 0

    def __repr__(self) -> str:
        return f"<CookieJar {self._count} cookies of {len(self._hosts)} hosts>"

    def __len__(self) -> int:
        return self._count

    def statistics(self) -> JarStatistics:
        """Return the counts of this moment."""
        return JarStatistics(self._count, len(self._hosts), self._refused, self._evicted)

    def cookies(self, now: float) -> list[Cookie]:
        """Return all cookies that have not expired by ``now`` (Unix time, seconds), in the order of their creation."""
        current = (cookie for host in self._hosts.values() for cookie in host.values() if cookie.expires > now)
        return sorted(current, key=lambda cookie: cookie.number)

    def header_for(self, url: str, now: float) -> str:
        """Return the value of the ``Cookie`` field for a request to ``url``; empty if there is no cookie to send.

        Longer paths come first, then older cookies (RFC 6265bis §5.8.3). Cookies that would make the field longer than
        8,190 bytes are left out, those of the whole domain before the host's own.

        Args:
            url: Normalised.
            now: Unix time, seconds.
        """
        if not self._hosts:
            return ""
        fitting = list(self._fitting(url, now))
        if len(fitting) > 1:
            fitting = _short_enough(fitting)
            fitting.sort(key=lambda cookie: (-len(cookie.path), cookie.number))
        return "; ".join([cookie.pair for cookie in fitting])

    def store(self, url: str, fields: Iterable[str], now: float) -> None:
        """Store the cookies in the ``Set-Cookie`` fields of a response. Redirects and errors set cookies as well.

        Args:
            url: The URL that was requested, normalised.
            fields: The values of the fields, one text for each. Fields after the hundredth are ignored.
            now: Unix time, seconds.
        """
        touched: set[str] = set()
        for field in islice(fields, _MOST_FIELDS):
            said = parsed(field, now)
            cookie = said and self._accepted(said, url)
            if cookie:
                self._put(cookie, now)
                touched.add(cookie.domain)
            else:
                self._refused += 1
        for domain in touched:
            self._trim_host(domain, now)
        self._trim(now)

    def add(self, cookie: Cookie, now: float) -> bool:
        """Store a cookie that `cookies` returned; return false for one that no server can have set.

        A cookie for a domain that has become a public suffix since is left out.
        """
        expires = min(cookie.expires, now + LONGEST_AGE) if cookie.expires < math.inf else math.inf
        cookie = replace(cookie, expires=expires, number=0)
        url = f"{cookie.place.replace('//.', '//')}/"
        if not _is_normal(url):
            return False
        if cookie.is_wide and self._is_public_suffix(cookie.domain):
            return True
        said = parsed(cookie.field, now)
        if said is None or self._accepted(said, url) != replace(cookie, expires=said.expires):
            return False
        self._put(cookie, now)
        self._trim_host(cookie.domain, now)
        self._trim(now)
        return True

    # ── which cookies are sent, and which are accepted ──

    def _fitting(self, url: str, now: float) -> Iterator[Cookie]:
        """Yield the cookies to send to ``url``: those of its host first, then those of its parent domains."""
        origin, host = origin_of(url), hostname_of(url)
        scheme, path = url.partition(":")[0], _path_of(url)
        domain = host
        while domain:
            bucket = self._hosts.get(domain)
            if bucket:
                self._hosts[domain] = self._hosts.pop(domain)  # now the most recently used
                places = (origin, f"{scheme}://.{domain}")
                for cookie in bucket.values():
                    if cookie.place in places and cookie.fits(path) and cookie.expires > now:
                        yield cookie
            domain = domain.partition(".")[2]

    def _accepted(self, said: SetCookie, url: str) -> Cookie | None:
        """Return the cookie that ``url`` sets with ``said``, or ``None`` if it may not (RFC 6265bis §5.7)."""
        place = self._place_of(said.domain, url)
        if place is None or not _keeps_its_promises(said, url, place):
            return None
        path = said.path or _default_path(url)
        return Cookie(place, path, said.name, said.value, said.is_secure, said.expires)

    def _place_of(self, domain: str, url: str) -> str | None:
        """Return the place of a cookie for ``domain`` that ``url`` sets; ``None`` if it may not set it."""
        host = hostname_of(url)
        if domain and domain != host and (ip_of(host) or not host.endswith(f".{domain}")):
            return None
        if not domain or ip_of(host):
            return origin_of(url)
        if self._is_public_suffix(domain):
            return origin_of(url) if domain == host else None
        return f"{url.partition(':')[0]}://.{domain}"

    # ── storing and dropping ──

    def _put(self, cookie: Cookie, now: float) -> None:
        """Store a cookie in place of the one with the same key; an expired one only removes that."""
        key = (cookie.place, cookie.path, cookie.name)
        bucket = self._hosts.setdefault(cookie.domain, {})
        before = bucket.pop(key, None)
        self.version += before is None or replace(before, number=0) != replace(cookie, number=0)
        self._count -= before is not None
        if cookie.expires > now:
            self._created += 1
            number = before.number if before else self._created
            bucket[key] = replace(cookie, number=number)
            self._count += 1
        if not bucket:
            del self._hosts[cookie.domain]

    def _trim_host(self, domain: str, now: float) -> None:
        """Cut a host down to its share: expired cookies go first, then those not ``Secure``, then the oldest."""
        bucket = self._hosts.get(domain, {})
        excess = len(bucket) - MOST_OF_A_HOST
        if excess <= 0:
            return
        # The sort is stable, and a bucket is in the order in which its cookies were set.
        going = sorted(bucket, key=lambda key: (bucket[key].expires > now, bucket[key].is_secure))
        self._drop(domain, going[:excess])

    def _trim(self, now: float) -> None:
        """Cut the jar down to its share: expired cookies go first, then the oldest of the least recently used host."""
        if self._count <= MOST:
            return
        for domain, bucket in list(self._hosts.items()):
            self._drop(domain, [key for key, cookie in bucket.items() if cookie.expires <= now])
        while self._count > _LEFT:
            domain, bucket = next(iter(self._hosts.items()))
            self._drop(domain, list(islice(bucket, self._count - _LEFT)))

    def _drop(self, domain: str, keys: Iterable[tuple[str, str, str]]) -> None:
        bucket = self._hosts[domain]
        for key in keys:
            del bucket[key]
            self._count -= 1
            self._evicted += 1
        if not bucket:
            del self._hosts[domain]


def _is_normal(url: str) -> bool:
    try:
        return resolve("", url) == url
    except InvalidURLError:
        return False


def _path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3].partition("?")[0]


def _default_path(url: str) -> str:
    """Return the path of cookies without ``Path`` (RFC 6265bis §5.1.4): up to the last slash, without it."""
    return _path_of(url).rpartition("/")[0] or "/"


def _keeps_its_promises(said: SetCookie, url: str, place: str) -> bool:
    """Tell whether a cookie fulfils the conditions of its attributes (RFC 6265bis §5.7, steps 13 and 19 to 22)."""
    if said.is_secure and not url.startswith("https:") and not is_loopback(hostname_of(url)):
        return False
    if said.same_site == "none" and not said.is_secure:
        return False
    name = (said.name or said.value).lower()
    if not name.startswith(("__secure-", "__host-")):
        return True
    if not said.name or not said.is_secure:
        return False
    return name.startswith("__secure-") or (said.path == "/" and "//." not in place)


def _short_enough(cookies: Iterable[Cookie]) -> list[Cookie]:
    """Return as many of ``cookies`` as fit into the field; the first ones take precedence."""
    left = _LONGEST_HEADER
    admitted: list[Cookie] = []
    for cookie in cookies:
        pair = cookie.pair
        size = len("; ") + (len(pair) if pair.isascii() else len(pair.encode()))
        if size <= left:
            left -= size
            admitted.append(cookie)
    return admitted
