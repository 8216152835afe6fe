"""What a crawl does with a page, the same for every row but the crawler's: its own parser does as much."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

from benchmarks.models.primality import is_prime

try:
    from ada_url import join_url
except ImportError:  # it has no wheel for some free-threaded builds; this is slower, by 0.1 ms a page
    from urllib.parse import urljoin as join_url  # type: ignore[assignment]


class Visit(NamedTuple):
    """A page, the primes that stand on it, and where its links lead."""

    url: str
    primes: list[int]
    links: list[str]


def examine(url: str, body: bytes, test: Callable[[int], bool] = is_prime) -> Visit:
    """Parse a page, put its numbers to the ``test``, and resolve its links."""
    tree = LexborHTMLParser(body)
    numbers = [int(node.text()) for node in tree.css(".number")]
    hrefs = {str(node.attributes["href"]).partition("#")[0] for node in tree.css("a[href]")}
    return Visit(url, [number for number in numbers if test(number)], [join_url(url, href) for href in hrefs])


def examine_text(page: tuple[str, str]) -> int:
    """Do the work of a page of which URL and HTML are here; return how many primes there are: to see what it takes."""
    return len(examine(page[0], page[1].encode()).primes)


class Crawl:
    """What a crawl has found so far: URLs, the pages among them that are done, and primes."""

    def __init__(self, seeds: Iterable[str]) -> None:
        self.seen = set(seeds)
        self.pages: list[str] = []
        self.primes: list[int] = []

    @property
    def unfinished(self) -> int:
        """How many of the URLs are not done."""
        return len(self.seen) - len(self.pages)

    def add(self, visit: Visit) -> list[str]:
        """Note a page as done, and return where its links lead that nobody has seen before."""
        self.pages.append(visit.url)
        self.primes += visit.primes
        new = set(visit.links) - self.seen
        self.seen |= new
        return list(new)
