"""Is there a moment at which a kill does harm? `python -m benchmarks.crash_points --sink all --every 1`.

strace kills the crawl at one system call that changes a file of its folder, and after it at the next one, for all that
there are: at the creation of the state, before and within and after a transaction, between the items and the record of
them, between the steps of each output, while the log of the database is merged into it. ``--phase recovery`` kills a
first time in the middle, and then at each call, reads included, of the crawl that goes on. Each time the crawl is then
let come to its end, and compared with what there is to be found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.report import machine
from crash_tests.campaign import Run, campaign
from crash_tests.crash_points import OPTIONS, READS, Crashes
from crash_tests.examined import MEMORY
from crash_tests.outputs import SINKS, present
from crash_tests.process import run


async def sweep(options: argparse.Namespace) -> int:
    """Kill at each call; return how many crawls came to harm."""
    sinks = tuple(present() if options.sink == "all" else options.sink.split(","))
    hits: Counter[str] = Counter()
    bad = 0
    given = (*OPTIONS, f"--durability={options.durability}")
    async with campaign("tiny", *given, sinks=sinks) as found:
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            crashes = Crashes(found, Path(name))
            points = await crashes.points()
            if options.phase == "recovery":
                await crashes.crash(points[2 * len(points) // 3], Run())
                crashes.keep()
                points = await crashes.points(READS)
            print(f"{len(points)} calls, sinks {', '.join(sinks)}", flush=True)
            for point in points[options.first :: options.every]:
                for _ in range(options.times):
                    run = Run()
                    hit = await crashes.crash(point, run)
                    hits[f"{hit.call} of {hit.file}" if hit else "nothing: it had ended"] += 1
                    await crashes.finish(run)
                    bad += bool(run.problems)
                    for problem in run.problems:
                        print(f"  {point}: {problem}", flush=True)
    for what, times in sorted(hits.items()):
        print(f"  {times:>4} × {what}")
    print(f"{hits.total()} crawls killed, {bad} came to harm")
    return bad


def main() -> int:
    """Sweep; return 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", default="all", help=f"all, or some of {', '.join(SINKS)}")
    parser.add_argument("--phase", choices=["crawl", "recovery"], default="crawl")
    parser.add_argument("--first", type=int, default=0, help="how many calls are passed over")
    parser.add_argument("--every", type=int, default=10, help="how many calls apart; 1 takes half an hour")
    parser.add_argument("--times", type=int, default=1, help="kills at each call")
    parser.add_argument("--durability", choices=["process", "power"], default="process")
    print(machine())
    return 1 if run(sweep(parser.parse_args())) else 0


if __name__ == "__main__":
    sys.exit(main())
