"""The output of a command: where its items go."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from crawler.cli.options.output import CrawlOutput
from crawler.cli.screen import Screen
from crawler.observe.plain import escaped_json
from crawler.sinks.by_suffix import sink_for
from crawler.sinks.jsonl import JsonLines, encode_line
from crawler.sinks.sink import Sink

_STDOUT = 1  # its file descriptor, by POSIX


@dataclass(frozen=True, slots=True)
class Output:
    """The sinks of a crawl, their name for people, and whether they write to standard output."""

    sinks: tuple[Sink, ...]
    name: str = ""
    is_stdout: bool = False


class ScrollingLines:
    """Writes items to the terminal as JSON Lines, above the live display."""

    def __init__(self, screen: Screen) -> None:
        self.encode = encode_for_terminal
        self._screen = screen

    def __repr__(self) -> str:
        return "<ScrollingLines>"

    async def open(self) -> None:
        """Do nothing."""

    async def write(self, items: list[Any]) -> None:
        """Print encoded lines."""
        self._screen.print_lines(b"".join(items).decode())

    async def close(self) -> None:
        """Do nothing."""


def output_for(options: CrawlOutput, sinks: tuple[Sink, ...], screen: Screen) -> Output:
    """Return the output for items: ``--output``, else the file's own ``sinks``, else standard output.

    With ``--json``, standard output is for the summary. If there is neither ``--output`` nor a sink, items are then
    counted but not written.
    """
    if options.path not in (None, "-"):
        return Output((sink_for(options.path, "all" if options.all_responses else "pages"),), options.path)
    if options.path is None and sinks:
        return Output(sinks, "the sinks of the file")
    if options.json:
        return Output(())
    if screen.is_live and sys.stdout is not None and sys.stdout.isatty():
        return Output((ScrollingLines(screen),), is_stdout=True)
    lines = JsonLines(_STDOUT)
    if sys.stdout is not None and sys.stdout.isatty():  # it is None where it was closed
        lines.encode = encode_for_terminal
    return Output((lines,), is_stdout=True)


def encode_for_terminal(item: Any) -> bytes:
    """Return ``item`` as a line of JSON without control characters; see `encode_line` for errors."""
    return escaped_json(encode_line(item).decode()).encode()
