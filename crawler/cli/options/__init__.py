"""The options of the commands: one dataclass for each panel of the help, which changes a `Configuration`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from crawler.cli.options.cache import CacheOptions
from crawler.cli.options.fetching import CrawlFetching, FetchingOptions
from crawler.cli.options.identity import IdentityOptions
from crawler.cli.options.limits import LimitOptions
from crawler.cli.options.network import NetworkOptions
from crawler.cli.options.output import CrawlOutput, PageOutput
from crawler.cli.options.parsing import ParsingOptions, ReplayOptions
from crawler.cli.options.politeness import PolitenessOptions
from crawler.cli.options.reparsing import ReparseOptions
from crawler.cli.options.scope import ScopeOptions
from crawler.cli.options.state import StateOptions
from crawler.crawl.configuration import Configuration
from crawler.policy.fetch import Fetch

__all__ = ["CrawlOptions", "PageOptions", "ReparseOptions", "ReplayOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """The options of ``crawler fetch``."""

    output: PageOutput = field(default_factory=PageOutput)
    fetching: FetchingOptions = field(default_factory=FetchingOptions)
    identity: IdentityOptions = field(default_factory=IdentityOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)

    def applied_to(self, fetch: Fetch) -> Fetch:
        """Return ``fetch``, changed by these options, except for header fields and passwords.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        return _applied(self, fetch)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlOptions:
    """The options of ``crawler run`` and ``crawler site``."""

    output: CrawlOutput = field(default_factory=CrawlOutput)
    scope: ScopeOptions = field(default_factory=ScopeOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    politeness: PolitenessOptions = field(default_factory=PolitenessOptions)
    fetching: CrawlFetching = field(default_factory=CrawlFetching)
    identity: IdentityOptions = field(default_factory=IdentityOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)
    parsing: ParsingOptions = field(default_factory=ParsingOptions)
    state: StateOptions = field(default_factory=StateOptions)

    def applied_to(self, options: Configuration) -> Configuration:
        """Return ``options``, changed by these, except for header fields and passwords.

        Raises:
            ConfigurationError: An option is out of its range, or contradicts another.
        """
        return replace(
            options,
            scope=self.scope.applied_to(options.scope),
            limits=self.limits.applied_to(options.limits),
            politeness=self.politeness.applied_to(options.politeness),
            retry=self.fetching.retry(options.retry),
            fetch=_applied(self, options.fetch),
            cpu=self.parsing.applied_to(options.cpu),
            state=self.state.applied_to(options.state),
            order=self.state.order_of(options.order),
        )


def _applied(options: PageOptions | CrawlOptions, fetch: Fetch) -> Fetch:
    fetch = options.identity.applied_to(options.fetching.applied_to(fetch))
    network, cache = options.network.applied_to(fetch.network), options.cache.applied_to(fetch.cache)
    return replace(fetch, network=network, cache=cache)
