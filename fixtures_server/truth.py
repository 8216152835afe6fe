"""What a crawl of the synthetic web must find, computed from the web itself and not from its HTML."""

import hashlib
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .address import Address, Kind
from .primality import is_prime

if TYPE_CHECKING:  # Web offers its truth as a method
    from .web import Web


@dataclass(frozen=True, slots=True)
class Truth:
    """What a crawl must come back with. All URLs are as in the links' targets, normalised and without fragment."""

    reachable: frozenset[str]
    """Pages that answer 200 (flaky ones at the second request)."""
    flaky: frozenset[str]
    """Those of the reachable pages that answer 503 once."""
    failing: frozenset[str]
    """Addresses that answer 500 every time."""
    missing: frozenset[str]
    """Addresses that answer 404."""
    moved: dict[str, str]
    """Addresses that redirect, and where to."""
    numbers: int
    """How many numbers there are on the reachable pages together."""
    primes: int
    """How many of these are prime, one that occurs twice counted twice."""
    prime_sum: int
    """Their sum."""
    prime_digest: str
    """`digest` of them."""


def digest(numbers: Iterable[int]) -> str:
    """Condense numbers, in whatever order they come, into a SHA-256 in hexadecimal; repetitions count."""
    return hashlib.sha256("\n".join(map(str, sorted(numbers))).encode()).hexdigest()


def primes_of(web: "Web", page: int) -> tuple[int, ...]:
    """Give the prime ones among the numbers of a page, in their order."""
    return tuple(number for number in web.numbers_of(page) if is_prime(number))


def find_truth(web: "Web", authority: str, *, hosts: Collection[int] | None = None) -> Truth:
    """Walk through the web's links and count; see `Web.truth`."""
    if web.pages is None:
        raise ValueError("an endless web has no truth in total: give it a number of pages, or ask page by page")
    found = _walk(web, hosts)
    pages = sorted(address.page for address in found if address.kind is Kind.PAGE)
    known = lru_cache(maxsize=65_536)(is_prime)  # the same primes come again and again
    primes = [number for page in pages for number in web.numbers_of(page) if known(number)]

    def urls(kind: Kind) -> frozenset[str]:
        return frozenset(web.url(address, authority) for address in found if address.kind is kind)

    return Truth(
        reachable=urls(Kind.PAGE),
        flaky=frozenset(web.url(Address(Kind.PAGE, page), authority) for page in pages if web.is_flaky(page)),
        failing=urls(Kind.BROKEN),
        missing=urls(Kind.MISSING),
        moved={
            web.url(address, authority): web.url(web.targets_of(address)[0], authority)
            for address in found
            if address.kind is Kind.MOVED
        },
        numbers=len(pages) * web.numbers,
        primes=len(primes),
        prime_sum=sum(primes),
        prime_digest=digest(primes),
    )


def _walk(web: "Web", hosts: Collection[int] | None) -> set[Address]:
    """Collect every address that links lead to, breadth first, without leaving `hosts`."""
    allowed = frozenset(range(web.hosts) if hosts is None else hosts)
    waiting = deque(Address(Kind.PAGE, host) for host in sorted({0} if hosts is None else allowed))
    found = set(waiting)
    while waiting:
        address = waiting.popleft()
        for link in web.targets_of(address):
            if link not in found and link.page % web.hosts in allowed:
                found.add(link)
                waiting.append(link)
    return found
