"""Options for output: items, messages and failures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from crawler.errors import ConfigurationError

_option = partial(typer.Option, rich_help_panel="Output")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The options of every command."""

    path: Annotated[str | None, _option("--output", "-o", metavar="PATH", help="Write here; - is stdout.")] = None
    verbose: Annotated[
        bool, _option("--verbose", "-v", metavar="", help="Report failures at once; show header fields.")
    ] = False
    quiet: Annotated[bool, _option("--quiet", "-q", metavar="", help="Say nothing but errors.")] = False

    def check(self) -> None:
        """Check the options against each other.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        if self.verbose and self.quiet:
            raise ConfigurationError("--verbose and --quiet contradict each other; leave one out")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOutput(OutputOptions):
    """The options of ``crawler fetch``."""

    text: Annotated[bool, _option("--text", metavar="", help="Show the text, without markup.")] = False
    links: Annotated[bool, _option("--links", metavar="", help="Show the links, each once, resolved.")] = False
    headers_only: Annotated[bool, _option("--headers-only", metavar="", help="Send HEAD, show the header fields.")] = (
        False
    )

    @property
    def shows_part(self) -> bool:
        """Whether only a part of the page is shown: its text, its links or its header fields."""
        return self.text or self.links or self.headers_only

    def check(self) -> None:
        """Check the options against each other.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        OutputOptions.check(self)
        if self.text + self.links + self.headers_only > 1:
            raise ConfigurationError("--text, --links and --headers-only contradict each other; keep one")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlOutput(OutputOptions):
    """The options of ``crawler run`` and ``crawler site``."""

    path: Annotated[
        str | None,
        _option(
            "--output",
            "-o",
            metavar="PATH",
            help="Write items here: .csv, .db, .parquet, .warc.gz, or JSON Lines; - is stdout.",
        ),
    ] = None
    json: Annotated[bool, _option("--json", metavar="", help="Write the summary as JSON to stdout.")] = False
    failures: Annotated[
        str | None, _option("--failures", metavar="FILE", help="Write here, as JSON Lines, what failed and why.")
    ] = None

    all_responses: Annotated[
        bool,
        _option("--all-responses", metavar="", help="Archive all in .warc.gz: redirects, errors, pages that failed."),
    ] = False

    def check(self) -> None:
        """Check the options against each other.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        OutputOptions.check(self)
        if self.all_responses and not (self.path or "").lower().endswith((".warc", ".warc.gz")):
            raise ConfigurationError("--all-responses is for archives; name one: --output pages.warc.gz")
        if self.json and self.path == "-":
            text = "--json and --output - both claim standard output; write the items to a file: --output items.jsonl"
            raise ConfigurationError(text)
        if self.failures == "-":
            raise ConfigurationError(
                "--failures wants a file, as standard output is for items: --failures failed.jsonl"
            )
        if self.failures and self.path and Path(self.failures).resolve() == Path(self.path).resolve():
            raise ConfigurationError(f"--failures and --output both name {self.failures!r}; name two files")
