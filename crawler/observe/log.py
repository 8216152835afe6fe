"""Progress as plain lines, for log files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crawler.crawl.summary import Statistics
from crawler.observe.figures import count, milliseconds, percent, plural, rate, size
from crawler.observe.recent import Window
from crawler.runtime.ticker import Ticker

_INTERVAL = 5.0  # seconds between two lines; arbitrary

_log = logging.getLogger("crawler.progress")


class LogLines:
    """A context manager that logs a line every few seconds, at level INFO of the logger ``crawler.progress``."""

    def __init__(self, text: Callable[[], str], interval: float = _INTERVAL) -> None:
        """Create log lines.

        Args:
            text: Returns the line to log.
            interval: Seconds between two lines.
        """
        self._text = text
        self._ticker = Ticker(interval, self._write)

    def __repr__(self) -> str:
        return f"<LogLines by {self._ticker!r}>"

    def __enter__(self) -> Self:
        self._ticker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ticker.__exit__(kind, error, traceback)

    def _write(self) -> None:
        _log.info("%s", self._text())


def crawl_text(statistics: Callable[[], Statistics]) -> Callable[[], str]:
    """Return a function that returns the line of a crawl, with speeds since the line before.

    Args:
        statistics: Returns the statistics of the crawl.
    """
    window = Window(1)

    def text() -> str:
        window.add(statistics())
        return line(window)

    return text


def line(window: Window) -> str:
    """Return the progress of a crawl in one line."""
    now = window.now
    busy = window.busy
    parts = (
        plural(now.fetched, "page"),
        f"{rate(window.pages_per_second)} pages/s",
        f"{count(now.ledger.pending)} queued",
        f"{count(now.fetching)} in flight",
        plural(now.items, "item"),
        size(now.bytes),
        f"{count(now.ledger.failed + now.ledger.quarantined)} failed",
        f"workers {percent(sum(busy) / len(busy) if busy else 0.0)} busy",
        f"loop lag p99 {milliseconds(now.loop_lag_p99)}",
        f"limited by {window.limited_by or 'nothing yet'}",
    )
    return ", ".join(parts)
