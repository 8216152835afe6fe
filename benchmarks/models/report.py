"""The figures on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.models.arithmetic import Quartiles
from benchmarks.models.catalogue import ROWS
from benchmarks.models.findings import better_choices, promises
from benchmarks.models.reasons import judge
from benchmarks.models.results import OTHERS_LIMIT, Outcome, Results, cores_of_others
from benchmarks.models.summary import Line, lines_of

_LEGEND = (
    "Beside a row its threads, processes, or requests in flight. eff.: ideal time by real time. cores: that all its "
    "processes used. lag: how late its event loop, or a thread that sleeps, woke. main: CPU time of the process that "
    "hands out the work, for one."
)


def show(results: Results, console: Console) -> None:
    """Print all tables."""
    console.print(results.machine, results.command, f"memory: {results.memory}", sep="\n", style="dim", highlight=False)
    console.print(_LEGEND, style="dim", highlight=False)
    for outcome in results.outcomes:
        _show_outcome(outcome, results, console)
    if results.cells:
        _show_map(results, console)
    if kept := promises(results):
        table = Table("what the crawler should reach", "measured", "", box=None, title_justify="left")
        for promise in kept:
            table.add_row(promise.what, promise.measured, "kept" if promise.is_kept else "MISSED")
        console.print(table, "")
    if choices := better_choices(results):
        console.print("Where another model is the better choice:", style="bold")
        for choice in choices:
            console.print(Text(f"  · {choice}"), highlight=False)
    for where, why in results.void.items():
        console.print(f"VOID {where}: {why}", style="bold red", highlight=False)


def _show_outcome(outcome: Outcome, results: Results, console: Console) -> None:
    told = [f"{outcome.cpu * 1000:.2f} ms of CPU a {outcome.unit}"] if outcome.cpu else []
    told += [f"{outcome.concurrency:,} in flight at most"] if outcome.concurrency else []
    console.print(f"\n[bold]{outcome.name}[/bold]: {outcome.title}{''.join(f', {each}' for each in told)}")
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("", min_width=16)
    for head in (f"{outcome.unit}s/s", "s (quartiles)", "eff.", "cores", "MB", "lag p99", "main"):
        table.add_column(head, justify="right", no_wrap=True)
    for line in lines_of(outcome, results.cores):
        table.add_row(*_cells_of(line, results.cores))
    console.print(table)
    tried = ", ".join(f"{width} {family} {_short(rate)}/s" for family, width, rate in outcome.tuning)
    if tried:
        console.print(f"  tried: {tried}", style="dim", highlight=False)
    if outcome.others > OTHERS_LIMIT:
        console.print(f"  other work on this machine took {outcome.others:.1f} cores meanwhile", style="bold red")
    for row, interpreter in outcome.elsewhere.items():
        console.print(f"  {ROWS[row].title}: on {interpreter}", style="dim", highlight=False)
    for row, why in {**outcome.void, **outcome.missing}.items():
        said = "void" if row in outcome.void else "not available"
        console.print(
            f"  {said}: {ROWS[row].title}: {why}", style="red" if row in outcome.void else "dim", highlight=False
        )


def _cells_of(line: Line, cores: int) -> list[str]:
    width = f" [dim]{line.width:,}[/dim]" if line.width > 1 else ""
    return [
        ROWS[line.row].title + width + (" (server busy)" if line.is_server_bound else ""),
        _short(line.rate),
        _seconds(line.seconds),
        "" if line.efficiency is None else f"{line.efficiency:.2f}",
        f"{line.utilisation * cores:.2f}",
        f"{line.memory_bytes / 1e6:.0f}",
        f"{line.lag_p99 * 1000:.1f} ms",
        f"{_short(line.main_cpu_a_job * 1e6)} µs",
    ]


def _short(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if value >= 1e6:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _seconds(quartiles: Quartiles) -> str:
    digits = 2 if quartiles.median >= 1 else 3
    return f"{quartiles.median:.{digits}f} ({quartiles.low:.{digits}f}–{quartiles.high:.{digits}f})"


def _show_map(results: Results, console: Console) -> None:
    console.print("\n[bold]map[/bold]: the same crawl, by latency, CPU time of a page, and requests in flight")
    table = Table(
        "latency", "CPU a page", "in flight", "winner", "by", "crawler ÷ best other", box=None, pad_edge=False
    )
    for cell in results.cells:
        verdict = judge(cell, results.cores)
        cpu = f"{cell.cpu * 1000:.1f} ms"
        if verdict is None:
            table.add_row(f"{cell.latency * 1000:g} ms", cpu, str(cell.concurrency), "void", "", "")
            continue
        ours = f"{verdict.ours:.2f} ×" + (", level" if verdict.is_level else "")
        ours += ", server busy" if verdict.is_server_bound else ""
        winner = ROWS[verdict.winner].title
        table.add_row(f"{cell.latency * 1000:g} ms", cpu, str(cell.concurrency), winner, f"{verdict.lead:.2f} ×", ours)
    console.print(table)
    others = cores_of_others([run for cell in results.cells for run in cell.runs])
    if others > OTHERS_LIMIT:
        console.print(f"  other work on this machine took {others:.1f} cores meanwhile", style="bold red")
    console.print()
