"""Progress and summary of ``crawler reparse``, for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from crawler.models import Failure, State
from crawler.observe.figures import count, duration, percent, plural, rate, size
from crawler.observe.labelled_lines import labelled, text_columns
from crawler.observe.report import error_rows, quarantined_rows, workers_row
from crawler.observe.workers import table
from crawler.reparse.reparsed import Reparsed
from crawler.runtime.ticker import Ticker

_BAR_INTERVAL = 0.25  # seconds; drawing takes some 2 ms of the loop's time
_BAR_WIDTH = 16  # columns; with the text behind it, it fits on a terminal of 80


class ReparseBar:
    """A context manager that draws a progress bar on a terminal, and clears it at the end."""

    def __init__(self, console: Console, statistics: Callable[[], Reparsed]) -> None:
        """Create a bar on ``console`` that shows what ``statistics`` returns."""
        self._bar = Progress(
            BarColumn(_BAR_WIDTH),
            TaskProgressColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),  # prints would run into the bar
        )
        self._task = self._bar.add_task("", text="")
        self._statistics = statistics
        self._ticker = Ticker(_BAR_INTERVAL, self._draw)

    def __repr__(self) -> str:
        return f"<ReparseBar {line(self._statistics())}>"

    def __enter__(self) -> Self:
        self._bar.start()
        self._draw()
        self._ticker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ticker.__exit__(kind, error, traceback)
        self._bar.stop()

    def _draw(self) -> None:
        now = self._statistics()
        parts = [
            f"{count(now.pages)} of {count(now.total)}",
            f"{rate(now.pages_per_second)}/s",
            f"{count(now.failed + now.quarantined)} failed",
            f"workers {percent(now.cpu_utilisation)}",
        ]
        if now.pages_per_second:
            parts.append(f"{duration((now.total - now.pages) / now.pages_per_second)} left")
        self._bar.update(self._task, completed=now.pages, total=now.total, text=", ".join(parts))
        self._bar.refresh()


def line(now: Reparsed) -> str:
    """Return the progress in one line."""
    parts = (
        f"{count(now.pages)} of {plural(now.total, 'page')}",
        f"{rate(now.pages_per_second)} pages/s",
        plural(now.items, "item"),
        f"{count(now.failed + now.quarantined)} failed",
        f"workers {percent(now.cpu_utilisation)} busy",
    )
    return ", ".join(parts)


def report(
    reparsed: Reparsed,
    failures: Sequence[Failure] = (),
    output: str = "",
    new_links: str = "",
    width: int | None = None,
    parser: str = "",
) -> Text:
    """Return the summary as lines of a label and a text; see `crawler.observe.report.report`.

    Args:
        reparsed: The summary.
        failures: Some of the failures, for examples.
        output: Where the items went; empty if that need not be said.
        new_links: Where the new links went.
        width: Columns to wrap the lines to; ``None`` leaves them whole.
        parser: The file or module of the parser, for ``crawler replay``; empty if that finds it by its name.
    """
    quarantined = [failure for failure in failures if failure.state is State.QUARANTINED]
    rows = (
        *_rows(reparsed, output, new_links, width),
        *quarantined_rows(reparsed, quarantined, parser),
        *error_rows(reparsed, failures, {failure.error for failure in quarantined}),
    )
    return Text("\n").join(labelled(label, text, width) for label, text in rows)


def _rows(reparsed: Reparsed, output: str, new_links: str, width: int | None) -> Iterator[tuple[str, str]]:
    speed = f"{rate(reparsed.pages_per_second)} pages/s, {size(reparsed.bytes)}"
    done = f"{plural(reparsed.pages, 'page')} in {duration(reparsed.seconds)}, {speed}"
    yield ("stopped", f"{done}; stopped on request") if reparsed.stopped else ("done", done)
    yield "pages", _pages(reparsed)
    yield "items", count(reparsed.items) + (f" → {output}" if output else "")
    new = "" if reparsed.new_links is None else f"; {count(reparsed.new_links)} new to the crawl → {new_links}"
    yield "links", f"{count(reparsed.links)}, none followed{new}"
    yield "workers", workers_row(reparsed)
    yield from (("", row) for row in table(reparsed.workers, reparsed.seconds, text_columns(width)))


def _pages(reparsed: Reparsed) -> str:
    fates = (
        (reparsed.pages - reparsed.failed - reparsed.quarantined, "parsed"),
        (reparsed.failed, "failed"),
        (reparsed.quarantined, "quarantined"),
    )
    text = ", ".join(
        [f"{count(reparsed.total)} saved", *(f"{count(number)} {fate}" for number, fate in fates if number)]
    )
    lost = reparsed.not_kept
    return f"{text}; {count(lost)} more were fetched when the crawl saved no bodies" if lost else text
