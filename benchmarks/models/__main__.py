"""`python -m benchmarks models`: measure, print the tables, write JSON, HTML and PNG."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.models.available import Interpreters
from benchmarks.models.catalogue import QUICK, workloads
from benchmarks.models.findings import better_choices, promises
from benchmarks.models.processes import MEMORY, memory_of, tree
from benchmarks.models.reasons import judge
from benchmarks.models.report import show
from benchmarks.models.results import Results
from benchmarks.models.summary import lines_of
from benchmarks.models.sweep import GRIDS, Map
from benchmarks.models.table import Setting, measure
from benchmarks.report import machine

_NAMES = tuple(workload.name for workload in workloads(1))
_WIDTH = 110  # columns, where there is no terminal to ask
_NEEDED = ("matplotlib", "plotly", "urllib3")
_QUICK = 0.4  # share of the jobs that the quick form does


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser("benchmarks models", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of fewer jobs, untuned, and a small map")
    parser.add_argument("--runs", type=int, help="interleaved runs of each row (default: 5, quick 1)")
    parser.add_argument("--map", choices=[*GRIDS, "none"], help="cells of the map (default: standard, quick: quick)")
    parser.add_argument("--map-runs", type=int, help="interleaved runs of each row in a cell (default: 3, quick 1)")
    parser.add_argument("--only", nargs="*", choices=_NAMES, metavar="NAME", help=f"workloads: {', '.join(_NAMES)}")
    parser.add_argument(
        "--free-threaded", type=Path, metavar="PATH", help="an interpreter without the lock, or of 3.14"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks-results"), help="folder (default: %(default)s)")
    parser.add_argument("--show", type=Path, metavar="JSON", help="measure nothing; make the report of an earlier run")
    options = parser.parse_args(arguments)
    if any(runs is not None and runs < 1 for runs in (options.runs, options.map_runs)):
        parser.error("a row needs one run at least")
    options.runs = options.runs or (1 if options.quick else 5)
    options.map_runs = options.map_runs or (1 if options.quick else 3)
    options.map = options.map or ("quick" if options.quick else "standard")
    return options


def idle_bytes() -> int:
    """Return the memory of an interpreter that does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        time.sleep(0.2)  # it has imported what it imports by then
        size = memory_of(tree(process.pid))
        process.communicate(b"\n")
    return size


async def measure_all(options: argparse.Namespace, results: Results, console: Console) -> None:
    """Measure the table and the map into ``results``, with progress on the terminal."""
    chosen = workloads(results.cores, _QUICK if options.quick else 1.0)
    if options.quick and options.only is None:
        chosen = tuple(workload for workload in chosen if workload.name in QUICK)
    if options.only is not None:
        chosen = tuple(workload for workload in chosen if workload.name in options.only)
    grid = GRIDS.get(options.map)
    columns = (TextColumn("{task.description:<58}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)

        def say(what: str, turns: int = 1) -> None:
            progress.update(bar, description=what[:58], advance=turns)

        table = Setting(results.cores, options.runs, Interpreters(options.free_threaded), say, not options.quick)
        cells = Setting(results.cores, options.map_runs, table.interpreters, say)
        sweep = Map(grid, cells) if grid else None
        progress.update(bar, total=table.turns(chosen) + (sweep.turns if sweep else 0))
        for workload in chosen:
            results.outcomes.append(await measure(workload, table))
            _tell(console, f"{workload.name} is done")
        if sweep is not None:
            async for cell in sweep.measure():
                results.cells.append(cell)
            _tell(console, "the map is done")


def _tell(console: Console, what: str) -> None:
    """Say what is done where no bar can be shown: in a file, or a pipe."""
    if not console.is_terminal:
        console.print(what, style="dim", highlight=False)


def write(results: Results, folder: Path) -> list[Path]:
    """Write JSON, HTML and PNG files into ``folder``; return which."""
    from benchmarks.models import charts, page  # noqa: PLC0415  # slow to import, and only wanted at the end

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "models.json", folder / "models.html"]
    lines = {outcome.name: lines_of(outcome, results.cores) for outcome in results.outcomes}
    results.write(
        written[0],
        lines=lines,
        verdicts=[judge(cell, results.cores) for cell in results.cells],
        promises=promises(results),
        better=better_choices(results),
    )
    written[1].write_text(page.html_of(results), encoding="utf-8")
    drawings: list[tuple[str, bool, Callable[[Results, Path], None]]] = [
        ("models-table.png", bool(results.outcomes), charts.draw_table),
        ("models-map.png", bool(results.cells), charts.draw_map),
    ]
    for name, is_wanted, draw in drawings:
        if is_wanted:
            draw(results, folder / name)
            written.append(folder / name)
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; return 1 where a row is void."""
    options = options_of(sys.argv[1:] if arguments is None else arguments)
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        print(f"this needs {', '.join(missing)}: pip install '.[models]'", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if options.show is not None:
        results = Results.read(options.show)
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        command = shlex.join(["python", "-m", "benchmarks", "models", *sys.argv[1:]])
        results = Results(machine(), command, cores, options.runs, MEMORY, idle_bytes())
        begun = time.perf_counter()
        try:
            asyncio.run(measure_all(options, results, console))
        except KeyboardInterrupt:
            console.print("interrupted: what was measured until then follows")
        results.seconds = time.perf_counter() - begun
    show(results, console)
    for path in write(results, options.out):
        console.print(f"written: {path}", highlight=False)
    return 1 if results.void else 0


if __name__ == "__main__":
    sys.exit(main())
