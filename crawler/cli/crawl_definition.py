"""The definition of a crawl, as a user's file and the options of a command make it."""

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
        seeds: The URLs and requests that it starts from.
        more: Further seeds, read as the crawl needs them.
        replay_parser: The ``--parser`` that ``crawler replay`` needs; empty if it finds the parser by its name.
    """

    options: Configuration
    seeds: tuple[str | Request, ...]
    more: Iterator[str | Request] | None = None
    replay_parser: str = ""


def checked_seeds(seeds: Seed | Iterable[Seed], remedy: str) -> tuple[str | Request, ...]:
    """Return ``seeds`` as a flat tuple, after a check that each of them is a URL.

    The crawler checks them too, but only after it has opened the output, and thereby emptied it.

    Raises:
        InvalidURLError: A seed is no http(s) URL.
        ConfigurationError: There is no seed (the message has the ``remedy``), or one is neither text nor a request.
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
