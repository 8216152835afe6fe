"""Options for fetching: time, attempts, sizes and types of bodies."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.cli.values import parse_positive_size, parse_share
from crawler.errors import ConfigurationError
from crawler.policy.fetch import Fetch
from crawler.policy.retry import Retry

_option = partial(typer.Option, rich_help_panel="Fetching")
_log = logging.getLogger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchingOptions:
    """The options of every command that fetches."""

    timeout: Annotated[
        float | None,
        _option("--timeout", metavar="SECONDS", help="For a request and its body (default: 30)."),
    ] = None
    attempts: Annotated[
        int | None, _option("--attempts", metavar="N", help="Of each request (default: 3); 1: no retries.")
    ] = None
    tries: Annotated[int | None, _option("--tries", metavar="N", hidden=True)] = None  # the former name
    retry_budget: Annotated[
        float | None,
        _option(
            "--retry-budget",
            metavar="SHARE",
            parser=parse_share,
            help="Of retries that fail too, for each request to a host, beside 1,000 (default: 0.2); none: no bound.",
        ),
    ] = None
    max_body: Annotated[
        int | None,
        _option(
            "--max-body",
            metavar="SIZE",
            parser=parse_positive_size,
            help="Of each body, decompressed (default: 10M).",
        ),
    ] = None

    def applied_to(self, fetch: Fetch) -> Fetch:
        """Return ``fetch``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        bodies = replace(fetch.bodies, **given(max_bytes=self.max_body))
        return replace(fetch, bodies=bodies, **given(timeout=self.timeout))

    def retry(self, retry: Retry) -> Retry:
        """Return ``retry``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range, or ``--tries`` is there beside ``--attempts``.
        """
        if self.tries is not None:
            if self.attempts is not None:
                raise ConfigurationError("--tries is the former name of --attempts; leave it out")
            _log.warning("--tries is deprecated; write --attempts %s", self.tries)
        changed = replace(retry, **given(attempts=self.attempts if self.tries is None else self.tries))
        if self.retry_budget is None:
            return changed
        return replace(changed, budget=None if self.retry_budget == inf else self.retry_budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlFetching(FetchingOptions):
    """The options of ``run`` and ``site``."""

    types: Annotated[
        list[str] | None,
        _option("--types", metavar="TYPE", help="Read only these, such as 'text/*'; repeatable."),
    ] = None
    concurrency: Annotated[
        int | None,
        _option("--concurrency", metavar="N", help="Requests in flight in all (default: 64)."),
    ] = None

    def applied_to(self, fetch: Fetch) -> Fetch:
        """Return ``fetch``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        fetch = FetchingOptions.applied_to(self, fetch)
        bodies = replace(fetch.bodies, **given(content_types=self.types))
        return replace(fetch, bodies=bodies, **given(concurrency=self.concurrency))
