"""Progress as a live display on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from crawler.crawl.summary import Statistics
from crawler.observe.figures import bar, bars, count, milliseconds, percent, plural, rate, size
from crawler.observe.plain import plain
from crawler.observe.recent import Window
from crawler.runtime.ticker import Ticker

_INTERVAL = 0.25  # seconds; drawing takes some 2 ms of the loop's time
_WIDTH = 78  # columns; the lines are no longer, and a wider panel is mostly empty
_MARGIN = 2  # columns left free for the ^C that a terminal shows: on a line of its own, it would shift the display
_SPEED = 12  # columns of the figure before a row of bars
_SAMPLES = 32  # in the sparkline, one a character: eight seconds


class LiveDisplay:
    """A context manager that draws the state of a crawl several times a second, and clears it at the end."""

    def __init__(
        self, console: Console, statistics: Callable[[], Statistics], title: str, interval: float = _INTERVAL
    ) -> None:
        """Create a display of a crawl.

        Args:
            console: A terminal; other output of it appears above the display.
            statistics: Returns the statistics of the crawl.
            title: What is crawled.
            interval: Seconds between two drawings.
        """
        self._console = console
        self._title = title
        self._statistics = statistics
        self._window = Window(_SAMPLES)
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # prints would run into the display
            get_renderable=self._draw,
        )
        self._ticker = Ticker(interval, self._refresh)

    def __repr__(self) -> str:
        return f"<LiveDisplay {self._window!r}>"

    def __enter__(self) -> Self:
        self._live.start(refresh=True)  # the first drawing takes 30 ms: better before the crawl than during it
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

    def _draw(self) -> Panel:
        return draw(self._window, self._title, self._console.width)


def draw(window: Window, title: str, columns: int) -> Panel:
    """Return the present state of a crawl: a panel of nine lines, for a terminal of so many ``columns``."""
    now = window.now
    width = min(columns - _MARGIN, _WIDTH)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="bold", justify="right", min_width=8, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for label, value, text in _rows(window):
        table.add_row(label, value, text)
    state = "finishing" if now.stopped_by else "crawling"
    heading = Text.assemble((f"{state} ", "bold"), (plain(title), "bold cyan"), f" · {_clock(now.seconds)}")
    heading.truncate(width - 6, overflow="ellipsis")
    remedy = "Ctrl-C stops at once" if now.stopped_by else "Ctrl-C finishes what is in flight, and ends"
    return Panel(
        table,
        title=heading,
        title_align="left",
        subtitle=Text(remedy, "dim"),
        subtitle_align="right",
        width=width,
        border_style="dim",
    )


def _rows(window: Window) -> Iterator[tuple[str, Text | str, Text | str]]:
    now, ledger = window.now, window.now.ledger
    speed = Text.assemble((f"{rate(window.pages_per_second)}/s".ljust(_SPEED), ""), (bars(window.steps), "green"))
    yield "pages", count(now.fetched), speed
    yield "queue", count(ledger.pending), f"{count(now.fetching)} in flight, {plural(now.hosts, 'host')}"
    yield "items", count(now.items), f"from {size(now.bytes)}"
    yield "failed", *_failed(now)
    busy = window.busy
    share = sum(busy) / len(busy) if busy else 0.0
    yield "workers", percent(share), Text.assemble("busy".ljust(_SPEED), ("".join(map(bar, busy)), "cyan"))
    yield "loop lag", milliseconds(now.loop_lag_p99), "99th percentile"
    limit = window.limited_by
    yield "limit", percent(window.limited_share) if limit else "", Text(plain(limit or "…"), "yellow")


def _failed(now: Statistics) -> tuple[Text, str]:
    failed = now.ledger.failed + now.ledger.quarantined
    kinds = sorted(now.errors.items(), key=lambda error: -error[1])
    most = f", mostly {kinds[0][0]}" if kinds else ""
    return Text(count(failed), "red" if failed else ""), f"{count(now.retries)} tried again{most}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
