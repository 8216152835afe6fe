"""The pictures as plain values, and the PNG files; `page` makes the same into HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: there may be no screen

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.models.catalogue import ROWS
from benchmarks.models.reasons import OURS, Verdict, judge
from benchmarks.models.results import Cell, Results
from benchmarks.models.summary import lines_of

FULL = 2.0
"""Times the rate at which a colour is full: twice as fast, and half as fast."""
COLOURS = ((0.0, "#b2532a"), (0.5, "#f4f1ea"), (1.0, "#1f6f8b"))
"""From "another model is faster" to "the crawler is"; told apart by readers who see no red and green."""
_OURS, _THEIRS = "#1f6f8b", "#b9b4a8"
_SHORT = {
    "thread-executor": "threads", "pool": "processes", "asyncio-loop": "asyncio",
    "loops": "loop a process", "crawler": "crawler",
}  # fmt: skip


class Panel:
    """The map at one concurrency: rows of cells, from the least CPU time of a page up."""

    def __init__(self, cells: Sequence[Cell], cores: int) -> None:
        self.concurrency = cells[0].concurrency
        latencies, cpus = (sorted({getattr(cell, name) for cell in cells}) for name in ("latency", "nominal_cpu"))
        found = {(cell.latency, cell.nominal_cpu): judge(cell, cores) for cell in cells}
        verdicts = [[found.get((latency, cpu)) for latency in latencies] for cpu in cpus]
        self.colours = [[_colour(each) for each in row] for row in verdicts]
        self.texts = [[_text(each) for each in row] for row in verdicts]
        self.latencies = [f"{latency * 1000:g} ms" for latency in latencies]
        self.cpus = [_cpu_label([cell.cpu for cell in cells if cell.nominal_cpu == cpu]) for cpu in cpus]


def panels_of(results: Results) -> list[Panel]:
    """Return a panel for each concurrency."""
    concurrencies = sorted({cell.concurrency for cell in results.cells})
    return [
        Panel([cell for cell in results.cells if cell.concurrency == each], results.cores) for each in concurrencies
    ]


def draw_map(results: Results, path: Path) -> None:
    """Draw the map as a PNG file."""
    panels = panels_of(results)
    width = max(len(panel.latencies) for panel in panels) * 1.55 + 0.6
    figure, axes = plt.subplots(
        1, len(panels), figsize=(max(9.5, width * len(panels) + 1.2), 0.95 * len(panels[0].cpus) + 2.1), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    colours = mpl.colors.LinearSegmentedColormap.from_list("lead", COLOURS)
    for panel, place in zip(panels, axes[0], strict=True):
        image = place.imshow(panel.colours, cmap=colours, vmin=-1, vmax=1, origin="lower", aspect="auto")
        _label(panel, place)
    bar = figure.colorbar(image, ax=axes[0], ticks=[-1, 0, 1], pad=0.02)
    bar.ax.set_yticklabels([f"{1 / FULL:g} ×", "level", f"{FULL:g} ×"])
    bar.set_label("crawler beside the best other")
    figure.suptitle(
        "Which model crawls fastest? The winner, and the crawler's rate beside the best other's", fontsize=12
    )
    _sign(figure, results)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_table(results: Results, path: Path) -> None:
    """Draw rate and memory of all rows at the crawl, or at the first workload there is, as a PNG file."""
    outcome = results.outcome("hybrid") or results.outcomes[0]
    lines = lines_of(outcome, results.cores)[::-1]
    figure, (rates, memory) = plt.subplots(
        1, 2, figsize=(11, 0.33 * len(lines) + 1.9), sharey=True, layout="constrained", width_ratios=(3, 2)
    )
    names = [ROWS[line.row].title for line in lines]
    colours = [_OURS if line.row == OURS else _THEIRS for line in lines]
    bars = rates.barh(names, [line.rate for line in lines], color=colours)
    rates.bar_label(
        bars, ["" if line.efficiency is None else f"{line.efficiency:.0%}" for line in lines], padding=3, fontsize=8
    )
    rates.set_xlabel(f"{outcome.unit}s a second; beside the bars the efficiency")
    rates.margins(x=0.12)
    _cut(rates, [line.rate for line in lines], [line.rate for line in lines if line.efficiency is not None])
    sizes = memory.barh(names, [line.memory_bytes / 1e6 for line in lines], color=colours)
    memory.bar_label(sizes, [f"{line.memory_bytes / 1e6:.0f}" for line in lines], padding=3, fontsize=8)
    memory.set_xlabel("memory of all processes, MB")
    memory.margins(x=0.15)
    for place in (rates, memory):
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{outcome.name}: {outcome.title}", fontsize=12)
    _sign(figure, results)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _label(panel: Panel, place: Axes) -> None:
    place.set_xticks(range(len(panel.latencies)), panel.latencies)
    place.set_yticks(range(len(panel.cpus)), panel.cpus)
    place.set_xlabel("latency of the server")
    place.set_ylabel("CPU time of a page")
    place.set_title(f"{panel.concurrency} requests in flight", fontsize=10)
    place.tick_params(length=0)
    for row, (texts, colours) in enumerate(zip(panel.texts, panel.colours, strict=True)):
        for column, (text, colour) in enumerate(zip(texts, colours, strict=True)):
            ink = "white" if abs(colour) > 0.6 else "black"
            place.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)


def _cut(place: Axes, rates: Sequence[float], comparable: Sequence[float]) -> None:
    """End the axis where comparable rates do, and write what is beyond: C would leave no room for all others."""
    end = max(comparable, default=max(rates)) * 1.2
    place.set_xlim(0, end)
    for row, rate in enumerate(rates):
        if rate > end:
            place.text(end * 0.985, row, f"{rate:,.0f} →", ha="right", va="center", fontsize=8)


def _sign(figure: Figure, results: Results) -> None:
    figure.supxlabel(results.machine, fontsize=7, color="#666666")


def _colour(verdict: Verdict | None) -> float:
    return max(-1.0, min(1.0, math.log(verdict.ours) / math.log(FULL))) if verdict else 0.0


def _text(verdict: Verdict | None) -> str:
    if verdict is None:
        return "void"
    level = "level with\n" if verdict.is_level else ""
    name = _SHORT[verdict.second if verdict.is_level and verdict.winner == OURS else verdict.winner]
    return f"{level}{name}\n{verdict.ours:.2f} ×"


def _cpu_label(measured: Sequence[float]) -> str:
    milliseconds = sum(measured) / len(measured) * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
