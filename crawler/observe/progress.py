"""Progress as a live display on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crawler.observe.figures import bar, bars, count, duration, milliseconds, percent, rate, size
from crawler.observe.ticker import Ticker
from crawler.observe.window import Window
from crawler.summary import Statistics

_INTERVAL = 0.25  # seconds; drawing takes some 2 ms of the loop's time
_LOOKS = 32  # eight seconds: a spark line as wide as this many characters


class LiveDisplay:
    """Draws the state of a crawl several times a second while it is entered, and then wipes it away."""

    def __init__(self, console: Console, statistics: Callable[[], Statistics], interval: float = _INTERVAL) -> None:
        """Create a display of a crawl.

        Args:
            console: A terminal; whatever else is printed to it goes above.
            statistics: Returns those of the crawl.
            interval: Seconds between two drawings.
        """
        self._statistics = statistics
        self._window = Window(_LOOKS)
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, get_renderable=self._draw
        )
        self._ticker = Ticker(interval, self._refresh)

    def __repr__(self) -> str:
        return f"<LiveDisplay {self._window!r}>"

    def __enter__(self) -> Self:
        self._live.start()
        self._ticker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ticker.__exit__(kind, error, traceback)
        self._live.stop()

    def _refresh(self) -> None:
        self._window.add(self._statistics())
        self._live.refresh()

    def _draw(self) -> Table:
        return draw(self._window)


def draw(window: Window) -> Table:
    """Return what a crawl does at present, as six lines that fit a terminal of 80 columns."""
    now = window.now
    ledger = now.ledger
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_row("pages", _row(count(now.fetched), f"{rate(window.pages_per_second)}/s", bars(window.steps)))
    table.add_row("queue", _row(count(ledger.pending), f"{count(now.fetching)} in flight", f"{count(now.hosts)} hosts"))
    table.add_row("items", _row(count(now.items), size(now.bytes), _troubles(now)))
    busy = window.busy
    share = sum(busy) / len(busy) if busy else 0.0
    table.add_row("workers", _row(f"{percent(share)}", "busy", "".join(map(bar, busy))))
    table.add_row("loop lag", _row(milliseconds(now.loop_lag_p99), "p99", ""))
    table.add_row("limit", _row(window.limited_by or "…", "", f"{duration(now.seconds)}"))
    return table


def _row(first: str, second: str, third: str) -> Text:
    return Text.assemble((f"{first:>9}", "bold"), "  ", f"{second:<14}", "  ", (third, "cyan"))


def _troubles(now: Statistics) -> str:
    failed = now.ledger.failed + now.ledger.quarantined
    return f"{count(failed)} failed, {count(now.retries)} retries"
