"""Does a power cut at some moment do harm? `python -m benchmarks.power --sink all --every 1 --finish 20`.

All that a crawl with ``durability="power"`` writes and syncs is recorded. For each moment in between its folder is made
as a power cut may have left it: without all that was not synced, with all of it, and with some of it. Each of them must
have a state that is sound, has all that was committed, and fits to its outputs; some crawls go on from there to their
end, and must find what there is, once.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from benchmarks.report import machine
from crash_tests.campaign import campaign
from crash_tests.crash_points import OPTIONS
from crash_tests.examined import MEMORY
from crash_tests.outputs import SINKS, present
from crash_tests.power import cuts, end, recorded
from crash_tests.process import run


async def measure(options: argparse.Namespace) -> int:
    """Cut the power at many moments; return how often that did harm."""
    sinks = tuple(present() if options.sink == "all" else filter(None, options.sink.split(",")))
    rng, count, bad, finished = random.Random(options.seed), 0, 0, 0
    async with campaign("tiny", *OPTIONS, "--durability=power", sinks=sinks) as found:
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            done = await recorded(found, Path(name))
            print(f"{len(done)} operations, sinks {', '.join(sinks)}, seed {options.seed}", flush=True)
            chosen = set(rng.sample(range(3 * len(done)), min(options.finish, 3 * len(done))))
            async for cut in cuts(done, Path(name), rng, options.every):
                problems = list(cut.problems)
                if count in chosen:
                    finished += 1
                    problems += await end(found, cut.folder)
                count += 1
                bad += bool(problems)
                for problem in problems:
                    last = done[cut.moment - 1]
                    print(f"  after {cut.moment} operations, {last.call} of {last.path}, with {cut.kind} of what was "
                          f"not synced: {problem}", flush=True)  # fmt: skip
    print(f"{count} power cuts, {finished} of the crawls finished: {bad} came to harm")
    return bad


def main() -> int:
    """Measure; return 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", default="all", help=f"all, or some of {', '.join(SINKS)}")
    parser.add_argument("--every", type=int, default=1, help="how many operations apart")
    parser.add_argument("--finish", type=int, default=20, help="how many crawls go on to their end")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    print(machine())
    return 1 if run(measure(parser.parse_args())) else 0


if __name__ == "__main__":
    sys.exit(main())
