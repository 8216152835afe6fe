"""Options for the limits of a crawl."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.policy.limits import Limits

_option = partial(typer.Option, rich_help_panel="Limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """The limits of a crawl."""

    max_pages: Annotated[int | None, _option("--max-pages", metavar="N", help="Pages fetched at most.")] = None
    max_depth: Annotated[
        int | None, _option("--max-depth", metavar="N", help="Links followed from a seed; 0: the seeds.")
    ] = None
    max_seconds: Annotated[float | None, _option("--max-seconds", metavar="SECONDS", help="Time at most.")] = None
    max_bytes: Annotated[
        int | None, _option("--max-bytes", metavar="N", help="Bytes of all bodies together at most.")
    ] = None
    max_per_host: Annotated[int | None, _option("--max-per-host", metavar="N", help="URLs of one host at most.")] = None
    max_per_path: Annotated[
        int | None, _option("--max-per-path", metavar="N", help="URLs in one folder of a host at most.")
    ] = None

    def applied_to(self, limits: Limits) -> Limits:
        """Return ``limits``, changed by these options.

        Raises:
            ConfigurationError: An option is out of its range.
        """
        changes = given(
            max_pages=self.max_pages,
            max_depth=self.max_depth,
            max_seconds=self.max_seconds,
            max_bytes=self.max_bytes,
            max_per_host=self.max_per_host,
            max_per_path=self.max_per_path,
        )
        return replace(limits, **changes)
