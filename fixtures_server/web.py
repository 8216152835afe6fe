"""The synthetic web: what there is, where it is and what links to what, all of it computed and nothing stored."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .address import Address, Kind
from .draw import draw, normal, share
from .mixture import page_numbers
from .truth import Truth, find_truth

_TAIL = 3.09  # standard deviations, the 99.9th percentile: one page in a thousand may not hold up a whole crawl
_SHARES = ("prime_share", "stalling_share", "failing_share", "missing_share", "moved_share", "flaky_share")


@dataclass(frozen=True, slots=True)
class Web:
    """A web of HTML pages in which every page, link, number and delay follows from the seed.

    Pages have indexes from 0 to `pages` - 1. Page i is on host i modulo `hosts`; pages 0 to `hosts` - 1 are the hosts'
    front pages. Page i links to the new pages i·k + 1 … i·k + k, where k is `new_links`; so the new links make a tree,
    and every page is reachable from page 0 for certain. The other links of a page lead to pages that a breadth-first
    crawl has already seen there, popular ones more often.

    What fails stands beside the pages, never among them: it takes no page out of reach.

    Raises `ValueError`, naming the knob, its value and its range.
    """

    seed: int = 1
    hosts: int = 1
    pages: int | None = 1000
    """How many pages, on all hosts together; `None`: endless."""
    links: int = 12
    """Links on a page, those to `new_links` pages included (fewer of those where a finite web ends)."""
    new_links: int = 4
    page_bytes: int = 10_000
    """Size of a page: exactly so many bytes, or more where the links and numbers alone need more."""
    numbers: int = 20
    """Numbers on a page."""
    bits: int = 34
    """Size of the large numbers, 8 to 64 bits; two more double the cost of trial division."""
    prime_share: float = 0.5
    """Share of primes of `bits` bits among a page's numbers: these are what trial division spends its time on."""
    latency: float = 0.0
    """Seconds until the server answers; with a sigma, the median of them."""
    latency_sigma: float = 0.0
    """Spread of a log-normal latency (0: every page takes the same time), cut off at its 99.9th percentile."""
    stalling_share: float = 0.0
    """Share of pages that take `stall_seconds` longer than that."""
    stall_seconds: float = 1.0
    failing_share: float = 0.0
    """Share of pages with one more link, to an address that always answers 500."""
    missing_share: float = 0.0
    """Share of pages with one more link, to an address that answers 404."""
    moved_share: float = 0.0
    """Share of pages with one more link, to an address that redirects (301) to one of the pages."""
    flaky_share: float = 0.0
    """Share of pages, front pages excepted, that answer 503 when first asked for, and then succeed."""

    def __post_init__(self) -> None:
        at_least = {"hosts": 1, "links": 1, "new_links": 1, "page_bytes": 0, "numbers": 0}
        for name, low in at_least.items():
            _check(name, getattr(self, name), low, math.inf)
        _check("new_links", self.new_links, 1, self.links)
        _check("bits", self.bits, 8, 64)
        _check("latency", self.latency, 0, 3600)
        _check("latency_sigma", self.latency_sigma, 0, 4)
        _check("stall_seconds", self.stall_seconds, 0, 3600)
        if self.pages is not None:
            _check("pages", self.pages, self.hosts, math.inf)
        for name in _SHARES:
            _check(name, getattr(self, name), 0, 1)

    def path(self, address: Address) -> str:
        """Give the path of an address on its host, such as `/`, `/p/12.html` or `/missing/12.html`."""
        if address.kind is Kind.PAGE and address.page < self.hosts:
            return "/"
        return f"/{address.kind}/{address.page}.html"

    def host(self, address: Address) -> str:
        """Give the label in front of the authority, such as `site7`; nothing where there is but one host."""
        return f"site{address.page % self.hosts}" if self.hosts > 1 else ""

    def url(self, address: Address, authority: str) -> str:
        """Give the URL of an address, where `authority` is what follows the host's label: `localhost:8080`."""
        host = self.host(address)
        return f"http://{host}.{authority}{self.path(address)}" if host else f"http://{authority}{self.path(address)}"

    def front_urls(self, authority: str) -> tuple[str, ...]:
        """Give the URL of every host's front page. Page 0, the root of all others, is the first of them."""
        return tuple(self.url(Address(Kind.PAGE, page), authority) for page in range(self.hosts))

    def find(self, host: int, path: str) -> Address | None:
        """Find the address at a path of the host with this index; `None` where there is nothing."""
        if path == "/":
            return Address(Kind.PAGE, host)
        kind, _, name = path[1:].partition("/")
        digits = name.removesuffix(".html")
        if kind not in _KINDS or not digits.isdecimal() or len(digits) > 18:
            return None
        address = Address(_KINDS[kind], int(digits))
        # Only the one spelling exists: neither /p/007.html nor a front page's number, nor another host's page.
        exists = self.path(address) == path and address.page % self.hosts == host and self._has(address.page)
        if not exists or address.kind is Kind.MISSING:
            return None
        return address if address.kind is Kind.PAGE or self._has_oddity(address.kind, address.page) else None

    def links_of(self, page: int) -> tuple[Address, ...]:
        """Give what a page links to, in the order in which the links stand on it, repetitions included."""
        first, end = page * self.new_links + 1, (page + 1) * self.new_links + 1
        if self.pages is not None:
            first, end = min(first, self.pages), min(end, self.pages)
        others = draw(self._key(page, "links"), self.links - (end - first))
        known = (int(end * share(value) ** 2) for value in others)  # squared: old pages are linked more often
        pages = [*range(first, end), *known]
        return (*(Address(Kind.PAGE, target) for target in pages), *self._oddities(page))

    def numbers_of(self, page: int) -> tuple[int, ...]:
        """Give the numbers on a page, in their order."""
        draws = draw(self._key(page, "numbers"), 2 * self.numbers)
        return page_numbers(draws, page=page, numbers=self.numbers, bits=self.bits, prime_share=self.prime_share)

    def latency_of(self, address: Address) -> float:
        """Give the seconds that a server lets pass before it answers."""
        stall = self.stall_seconds if self._has_fate(address.page, "stalling", self.stalling_share) else 0.0
        if not self.latency or not self.latency_sigma:
            return self.latency + stall
        (value,) = draw(self._key(address.page, f"latency {address.kind}"), 1)
        return self.latency * math.exp(self.latency_sigma * normal(value, limit=_TAIL)) + stall

    def is_flaky(self, page: int) -> bool:
        """Tell whether a page answers 503 when it is first asked for."""
        return page >= self.hosts and self._has_fate(page, "flaky", self.flaky_share)

    def targets_of(self, address: Address) -> tuple[Address, ...]:
        """Give where an address leads: a page to its links, a redirect to the page of the same index."""
        match address.kind:
            case Kind.PAGE:
                return self.links_of(address.page)
            case Kind.MOVED:
                return (Address(Kind.PAGE, address.page),)
            case _:
                return ()

    def truth(self, authority: str, *, hosts: Collection[int] | None = None) -> Truth:
        """Say what a crawl from the front page must find; no HTTP is involved.

        `authority` as for `url`. `hosts` restricts the crawl to hosts with these indexes, and starts it on the front
        page of each; by default it starts on page 0 alone and may go everywhere.

        Raises `ValueError` for an endless web.
        """
        return find_truth(self, authority, hosts=hosts)

    def _oddities(self, page: int) -> Iterator[Address]:
        """Give the links that a page has beyond the usual number, each with its own chance."""
        for kind in (Kind.BROKEN, Kind.MISSING, Kind.MOVED):
            if self._has_oddity(kind, page):
                yield Address(kind, page)

    def _has_oddity(self, kind: Kind, page: int) -> bool:
        chances = {Kind.BROKEN: self.failing_share, Kind.MISSING: self.missing_share, Kind.MOVED: self.moved_share}
        return self._has_fate(page, kind, chances[kind])

    def _has(self, page: int) -> bool:
        return self.pages is None or page < self.pages

    def _has_fate(self, page: int, fate: str, chance: float) -> bool:
        return chance > 0 and share(draw(self._key(page, fate), 1)[0]) < chance

    def _key(self, page: int, purpose: str) -> str:
        # The host is part of the page's index, so seed and index say as much as seed, host and path.
        return f"{self.seed} {self.hosts} {page} {purpose}"


_KINDS = {str(kind): kind for kind in Kind}


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be {'at least ' if high == math.inf else ''}{low:g}"
                         f"{'' if high == math.inf else f' to {high:g}'}, not {value}")  # fmt: skip
