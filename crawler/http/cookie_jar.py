"""The cookies of a crawl (RFC 6265bis), without a clock and without a file.

Why a jar of our own: those of aiohttp and ``http.cookiejar`` know no public suffixes, so that one shop below ``co.uk``
sets cookies for all others; they read the clock; the former makes objects for each request that we would only join to a
text again, the latter does what three older standards said.
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
_LEFT = 2700  # cookies, when there were more than that: a sweep for one in three hundred, not for each
# Of a response; arbitrary. RFC 6265bis §5.3 lets us ignore the others, and hostile ones hold the loop.
_MOST_FIELDS = 100
_LONGEST_HEADER = 8190  # bytes; servers refuse more (Apache's LimitRequestFieldSize), and a neighbour may have set them


@dataclass(frozen=True, slots=True)
class JarStatistics:
    """A jar at one moment: its cookies, their hosts, and how many were refused, and made room for others, so far."""

    cookies: int
    hosts: int
    refused: int
    evicted: int


class CookieJar:
    """Keeps what servers set and makes the ``Cookie`` field of each request.

    Attributes:
        version: Grows with each change.

    **Cookies belong to an origin.** The standard lets them wander between the ports and schemes of a host, and a user
    agent be stricter (§5). Here one without ``Domain`` goes back to the scheme, host and port that set it and nowhere
    else; one with ``Domain`` to that domain and what is below it, on any port, but by no other scheme. What came over
    http is never sent over https, so that it cannot pass there for what a login has set (§8.6), nor the reverse.

    **SameSite** is not enforced: it is about requests that a page of one site makes to another while somebody is logged
    in there. A crawler has no such page; it follows links, as a person who clicks, with GET alone.

    ``Secure`` cookies come and go over https alone, but for loopback, where nobody listens on the way.
    """

    def __init__(self, *, is_public_suffix: Callable[[str], bool] = is_public_suffix) -> None:
        """Create an empty jar; ``is_public_suffix`` tells domains under which anybody may register."""
        self._hosts: dict[str, dict[tuple[str, str, str], Cookie]] = {}  # the one that is not used for longest first
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
        """Return all that have not ended by ``now`` (Unix time, seconds), the one created first before the others."""
        kept = (cookie for host in self._hosts.values() for cookie in host.values() if cookie.expires > now)
        return sorted(kept, key=lambda cookie: cookie.number)

    def header_for(self, url: str, now: float) -> str:
        """Return the value of the ``Cookie`` field for a request to ``url``; empty where there is none to send.

        Longer paths come first, then older cookies (RFC 6265bis §5.8.3). What would make the field longer than 8,190
        bytes is left out, cookies of the whole domain before the host's own.

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
        """Keep what the ``Set-Cookie`` fields of a response say: its redirects and errors set cookies as well.

        Args:
            url: What was asked for, normalised.
            fields: The values of the fields, one text for each. Of more than 100 the others are ignored.
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
        """Keep a cookie as `cookies` returned it; tell whether it is one that a server can have set.

        One for a domain that has become a public suffix since is left out.
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

    # ── which ──

    def _fitting(self, url: str, now: float) -> Iterator[Cookie]:
        """Yield the cookies to send to ``url``, those of its host before those of the domains that it is in."""
        origin, host = origin_of(url), hostname_of(url)
        scheme, path = url.partition(":")[0], _path_of(url)
        domain = host
        while domain:
            bucket = self._hosts.get(domain)
            if bucket:
                self._hosts[domain] = self._hosts.pop(domain)  # used last
                places = (origin, f"{scheme}://.{domain}")
                for cookie in bucket.values():
                    if cookie.place in places and cookie.fits(path) and cookie.expires > now:
                        yield cookie
            domain = domain.partition(".")[2]

    def _accepted(self, said: SetCookie, url: str) -> Cookie | None:
        """Return the cookie that ``url`` may set by saying so, or ``None`` (RFC 6265bis §5.7)."""
        place = self._place_of(said.domain, url)
        if place is None or not _keeps_its_promises(said, url, place):
            return None
        path = said.path or _default_path(url)
        return Cookie(place, path, said.name, said.value, said.is_secure, said.expires)

    def _place_of(self, domain: str, url: str) -> str | None:
        """Return where a cookie for ``domain`` belongs that ``url`` sets; ``None`` where it may not."""
        host = hostname_of(url)
        if domain and domain != host and (ip_of(host) or not host.endswith(f".{domain}")):
            return None
        if not domain or ip_of(host):
            return origin_of(url)
        if self._is_public_suffix(domain):
            return origin_of(url) if domain == host else None
        return f"{url.partition(':')[0]}://.{domain}"

    # ── keeping and dropping ──

    def _put(self, cookie: Cookie, now: float) -> None:
        """Keep a cookie in the place of its like; one that has ended takes its like with it."""
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
        """Leave a host its share; what has ended goes first, then what is not ``Secure``, then what was set first."""
        bucket = self._hosts.get(domain, {})
        excess = len(bucket) - MOST_OF_A_HOST
        if excess <= 0:
            return
        # The sort is stable, and a bucket in the order in which its cookies were set.
        going = sorted(bucket, key=lambda key: (bucket[key].expires > now, bucket[key].is_secure))
        self._drop(domain, going[:excess])

    def _trim(self, now: float) -> None:
        """Leave the jar its share: what has ended goes first, then the first set of the host not used for longest."""
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
    """Return the path for cookies that name none (RFC 6265bis §5.1.4): up to the last slash, and without it."""
    return _path_of(url).rpartition("/")[0] or "/"


def _keeps_its_promises(said: SetCookie, url: str, place: str) -> bool:
    """Tell whether a cookie may be what it says it is (RFC 6265bis §5.7, steps 13 and 19 to 22)."""
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
    """Return those of ``cookies`` that together make no field that is too long; the first have the first choice."""
    left = _LONGEST_HEADER
    admitted: list[Cookie] = []
    for cookie in cookies:
        pair = cookie.pair
        size = len("; ") + (len(pair) if pair.isascii() else len(pair.encode()))
        if size <= left:
            left -= size
            admitted.append(cookie)
    return admitted
