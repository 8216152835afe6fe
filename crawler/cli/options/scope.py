"""Options for seeds and scope: where a crawl begins, and how far it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.policy.rewriting import TRACKING, Rewriting
from crawler.policy.scope import Scope, Within

_option = partial(typer.Option, rich_help_panel="Scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOptions:
    """The seeds and the scope of a crawl."""

    sitemap: Annotated[
        list[str] | None,
        _option("--sitemap", metavar="URL", help="Start from the URLs in this file; repeatable."),
    ] = None
    seeds: Annotated[
        str | None,
        _option(
            "--seeds", metavar="FILE", help="Start also from the URLs in FILE, one a line, read as needed; - is stdin."
        ),
    ] = None
    sitemaps: Annotated[bool, _option("--sitemaps", metavar="", help="Start also from the sitemaps in robots.txt.")] = (
        False
    )
    within: Annotated[
        Within | None, _option("--scope", metavar="BOUND", help="site (default), host, origin or any.")
    ] = None
    allow: Annotated[
        list[str] | None, _option("--allow", metavar="REGEX", help="Only URLs that match this; repeatable.")
    ] = None
    deny: Annotated[
        list[str] | None, _option("--deny", metavar="REGEX", help="No URLs that match this; repeatable.")
    ] = None
    drop_tracking: Annotated[
        bool, _option("--drop-tracking", metavar="", help="Remove utm_…, fbclid and the like from URLs.")
    ] = False
    sort_query: Annotated[bool, _option("--sort-query", metavar="", help="Sort the parameters of queries in URLs.")] = (
        False
    )

    def applied_to(self, scope: Scope) -> Scope:
        """Return ``scope``, changed by these options.

        Raises:
            ConfigurationError: An option is no regular expression.
        """
        rewriting = self._rewriting(scope.rewriting or Rewriting())
        changes = given(
            within=self.within,
            allow=self.allow,
            deny=self.deny,
            rewriting=rewriting,
            sitemaps=self.sitemaps or None,
        )
        return replace(scope, **changes)

    def _rewriting(self, rewriting: Rewriting) -> Rewriting | None:
        if not self.drop_tracking and not self.sort_query:
            return None
        drop = (*rewriting.drop, *TRACKING) if self.drop_tracking else rewriting.drop
        return replace(rewriting, drop=drop, sort_query=self.sort_query or rewriting.sort_query)
