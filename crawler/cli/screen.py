"""Standard error, for people: messages, progress and the summary."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.text import Text

from crawler.cli.prints import CrashDumps
from crawler.crawl.summary import Statistics
from crawler.observe.log import LogLines, crawl_text
from crawler.observe.plain import plain, plain_entry
from crawler.observe.progress import LiveDisplay
from crawler.observe.reparsing import ReparseBar
from crawler.observe.reparsing import line as reparse_line
from crawler.reparse.reparsed import Reparsed


class Screen:
    """Writes to standard error: with a live display on a terminal, in plain lines elsewhere.

    Attributes:
        is_live: Whether there is a live display.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False)
        self._quiet = quiet
        self._level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
        # The console's own answer depends on FORCE_COLOR, but a log file in colour is still a log file.
        is_terminal = sys.stderr.isatty() and not self._console.is_dumb_terminal
        self.is_live = is_terminal and not quiet
        self._handler: logging.Handler | None = None

    def __repr__(self) -> str:
        return f"<Screen {'live' if self.is_live else 'plain'}>"

    def log_to_stderr(self) -> None:
        """Show the log messages of this process here."""
        handler: logging.Handler = _ConsoleLog(self._console) if self.is_live else logging.StreamHandler()
        handler.setFormatter(_Line(with_time=not self.is_live))
        if self._level > logging.DEBUG:
            handler.addFilter(CrashDumps())
        self._handler = handler
        logging.basicConfig(level=max(self._level, logging.WARNING), handlers=[handler])
        logging.getLogger("crawler").setLevel(self._level)

    def display(self, statistics: Callable[[], Statistics], title: str) -> AbstractContextManager[object]:
        """Return a context manager that shows the progress of a crawl, read from ``statistics``."""
        if self.is_live:
            return LiveDisplay(self._console, statistics, title)
        return nullcontext() if self._quiet else LogLines(crawl_text(statistics))

    def reparse_display(self, statistics: Callable[[], Reparsed]) -> AbstractContextManager[object]:
        """Return a context manager that shows the progress of parsing again, read from ``statistics``."""
        if self.is_live:
            return ReparseBar(self._console, statistics)
        return nullcontext() if self._quiet else LogLines(lambda: reparse_line(statistics()))

    @property
    def width(self) -> int | None:
        """The columns to wrap text to; ``None`` if standard error is no terminal, as lines stay whole there."""
        return self._console.width if self.is_live else None

    def write(self, text: Text) -> None:
        """Write text for people."""
        if self._handler is not None:
            self._handler.flush()
        self._console.print(text, soft_wrap=not self.is_live)

    def print_lines(self, lines: str) -> None:
        """Print lines as they are, above the live display."""
        self._console.print(Text(plain(lines), end=""), soft_wrap=True, end="")


class _ConsoleLog(logging.Handler):
    """Prints log records above the live display, those of one iteration of the event loop together.

    Each print redraws the display, which takes 2 ms, and a parser may print fifty lines at once.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._lines: list[Text] = []

    def emit(self, record: logging.LogRecord) -> None:
        style = {logging.WARNING: "yellow", logging.DEBUG: "dim"}.get(record.levelno, "")
        self._lines.append(Text(self.format(record), style))
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:  # another thread, or no loop any more
            self.flush()

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self._console.print(Text("\n").join(lines))


class _Line(logging.Formatter):
    """Formats records as ``12:30:00 warning: …``, wherever they go: all of it may be text of strangers."""

    def __init__(self, *, with_time: bool) -> None:
        super().__init__("%(asctime)s %(message)s" if with_time else "%(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return plain_entry(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        if record.levelno == logging.WARNING:
            record.message = f"warning: {record.message}"
        return super().formatMessage(record)
