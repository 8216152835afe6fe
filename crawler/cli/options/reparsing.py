"""The options of ``crawler reparse``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from crawler.cli.options.output import CrawlOutput
from crawler.cli.options.parsing import ParsingOptions
from crawler.errors import ConfigurationError

_option = partial(typer.Option, rich_help_panel="Output")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReparseOutput(CrawlOutput):
    """Options for output: items, messages, failures and new links."""

    new_links: Annotated[
        str | None, _option("--new-links", metavar="FILE", help="Write here the links that the crawl had not found.")
    ] = None

    def check(self) -> None:
        """Check the options against each other.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        CrawlOutput.check(self)
        if self.new_links is None:
            return
        if self.new_links == "-":
            text = "--new-links wants a file, as standard output is for items: --new-links new.jsonl"
            raise ConfigurationError(text)
        for name, path in (("--output", self.path), ("--failures", self.failures)):
            if path and Path(path).resolve() == Path(self.new_links).resolve():
                raise ConfigurationError(f"--new-links and {name} both name {path!r}; name two files")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReparseOptions:
    """All options of ``crawler reparse``."""

    labels: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="LABEL", help="Parse only pages of requests with this label; repeatable."),
    ] = None
    output: ReparseOutput = field(default_factory=ReparseOutput)
    parsing: ParsingOptions = field(default_factory=ParsingOptions)
