"""Options for the HTTP cache."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.cli.values import NONE
from crawler.errors import ConfigurationError
from crawler.policy.caching import Cache, CacheMode

_option = partial(typer.Option, rich_help_panel="Cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Where the HTTP cache is, and which answers it serves."""

    path: Annotated[
        str | None,
        _option("--cache", metavar="PATH", help="Store answers in this folder, or .sqlite file."),
    ] = None
    mode: Annotated[
        CacheMode | None,
        _option("--cache-mode", metavar="MODE", help="standard (default), forever, changed or replay."),
    ] = None

    def applied_to(self, cache: Cache | None) -> Cache | None:
        """Return ``cache``, changed by these options.

        Raises:
            ConfigurationError: There is a mode, but no cache.
        """
        path = None if self.path == NONE else self.path
        if path is None and (cache is None or self.path == NONE):
            if self.mode is not None:
                raise ConfigurationError(f"--cache-mode {self.mode} needs to know which cache: --cache PATH")
            return None
        changes = given(path=path, mode=self.mode)
        return Cache(**changes) if cache is None else replace(cache, **changes)
