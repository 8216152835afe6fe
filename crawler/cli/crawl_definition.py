"""What a command is to crawl, before and after its options have had their say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crawler.crawl.configuration import Configuration
from crawler.crawler import Seed
from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.url import resolve


@dataclass(frozen=True, slots=True)
class CrawlDefinition:
    """A crawl that is not yet running.

    Attributes:
        options: Its parser, and the options of a `Crawler`.
        seeds: Where it starts.
        more: Further seeds, which are read as needed.
        replay_parser: What ``crawler replay`` must be told to find the parser; empty where it finds it by its name.
    """

    options: Configuration
    seeds: tuple[str | Request, ...]
    more: Iterator[str | Request] | None = None
    replay_parser: str = ""


def checked_seeds(seeds: Seed | Iterable[Seed], remedy: str) -> tuple[str | Request, ...]:
    """Return ``seeds`` in one row, each known to be a URL.

    The crawler checks them too, but only when the output is open already, and so emptied.

    Raises:
        InvalidURLError: One of them is no http(s) URL.
        ConfigurationError: There is none, or one is neither text nor a request; says ``remedy``.
    """
    flat = tuple(_flat(seeds))
    for seed in flat:
        resolve("", seed if isinstance(seed, str) else seed.url)
    if not flat:
        raise ConfigurationError(f"nothing to crawl: there is no seed; {remedy}")
    return flat


def _flat(seeds: Seed | Iterable[Seed]) -> Iterator[str | Request]:
    if isinstance(seeds, str | Request):
        yield seeds
        return
    if not isinstance(seeds, Iterable):
        raise ConfigurationError.of("seeds", seeds, "URLs, requests, or iterables of them")
    for seed in seeds:
        yield from _flat(seed)
