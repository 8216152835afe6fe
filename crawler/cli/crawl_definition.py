"""What a command is to crawl, before and after its options have had their say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from crawler.crawler import Crawler, Seed
from crawler.errors import ConfigurationError
from crawler.models import Failure, Request
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.order import Order
from crawler.policy.politeness import Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope
from crawler.policy.state_folder import StateFolder
from crawler.sinks.sink import Sink
from crawler.url import resolve


@dataclass(frozen=True, slots=True)
class CrawlDefinition:
    """A crawl that is not yet running: a parser, seeds, and the options of a `Crawler`.

    Attributes:
        more: Further seeds, which are read as needed.
        replay_parser: What ``crawler replay`` must be told to find the parser; empty where it finds it by its name.
    """

    parser: Parser
    seeds: tuple[str | Request, ...]
    more: Iterator[str | Request] | None = None
    scope: Scope = field(default_factory=Scope)
    limits: Limits = field(default_factory=Limits)
    politeness: Politeness = field(default_factory=Politeness)
    retry: Retry = field(default_factory=Retry)
    fetch: Fetch = field(default_factory=Fetch)
    cpu: Cpu = field(default_factory=Cpu)
    state: StateFolder | None = None
    order: Order = "breadth"
    sinks: tuple[Sink | Callable[[Any], object], ...] = ()
    replay_parser: str = ""

    def crawler(self, on_failure: Callable[[Failure], object] | None = None) -> Crawler:
        """Return a crawler with these options."""
        return Crawler(
            self.parser,
            scope=self.scope,
            limits=self.limits,
            politeness=self.politeness,
            retry=self.retry,
            fetch=self.fetch,
            cpu=self.cpu,
            state=self.state,
            order=self.order,
            sinks=self.sinks,
            on_failure=on_failure,
        )


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
