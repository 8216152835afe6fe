"""Does a kill lose or double anything? `python -m benchmarks.kill --runs 200 --site web --sink all --fetchers 64`.

Each run starts a crawl, kills its main process with SIGKILL at a few moments drawn at random, starts it again each time
with the same command, and lets it come to its end: see `crash_tests.campaign`.
"""

from __future__ import annotations

import argparse
import random
import sys

from benchmarks.report import machine, spread
from crash_tests.campaign import Run, campaign
from crash_tests.outputs import SINKS, present
from crash_tests.process import run
from crash_tests.sites import SITES


async def measure(options: argparse.Namespace) -> int:
    """Make all runs and report; return how many had a problem."""
    sinks = tuple(present() if options.sink == "all" else options.sink.split(","))
    given = (f"--fetchers={options.fetchers}", f"--window={options.window}", f"--order={options.order}")
    rng, bad, runs = random.Random(options.seed), 0, []  # moments, not secrets
    print(f"site {options.site}, sinks {', '.join(sinks)}, {' '.join(given)}, seed {options.seed}")
    for number in range(1, options.runs + 1):
        async with campaign(options.site, *given, f"--durability={options.durability}", sinks=sinks) as found:
            run = await found.run(rng, rng.randint(1, options.kills))
        runs.append(run)
        bad += bool(run.problems)
        for problem in run.problems:
            print(f"  run {number}: {problem}", flush=True)
        if not number % 10:
            print(f"  {number} runs, {bad} with problems", flush=True)
    _report(runs, bad)
    return bad


def _report(runs: list[Run], bad: int) -> None:
    again = [count for run in runs for count in run.again]
    resumed = [seconds for run in runs for seconds in run.resumed]
    deaths = [seconds for run in runs for seconds in run.deaths]
    print(f"{len(runs)} runs with {len(deaths)} kills: {bad} with problems")
    print(f"URLs fetched again after a kill: {spread(again or [0], '.0f')}")
    print(f"seconds until the first request of a start: {spread(resumed or [0.0], '.2f')}")
    print(f"seconds until all workers are gone: {spread(deaths or [0.0], '.3f')}")


def main() -> int:
    """Measure; return 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--site", choices=list(SITES), default="web")
    parser.add_argument("--sink", default="all", help=f"all, or some of {', '.join(SINKS)}")
    parser.add_argument("--fetchers", type=int, default=64)
    parser.add_argument("--window", type=int, default=100_000, help="requests in memory")
    parser.add_argument("--order", choices=["breadth", "depth"], default="breadth")
    parser.add_argument("--durability", choices=["process", "power"], default="process")
    parser.add_argument("--kills", type=int, default=5, help="of a run, at most")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(machine())
    return 1 if run(measure(options)) else 0


if __name__ == "__main__":
    sys.exit(main())
