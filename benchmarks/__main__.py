"""Runs all benchmarks one after the other, or one by name: `python -m benchmarks offload --runs 3`."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

BENCHMARKS = {
    "fixtures_server": "what the test server can serve, which no crawl can beat",
    "offload": "the same crawl with its parsing in processes, and on the loop",
    "models": "threads, pools, processes, coroutines: every model at the same work, and a map of who wins",
    "cpu_stage": "what the CPU stage costs, and what it withstands",
    "politeness": "the gaps between requests as two hundred hosts see them, and what they cost",
    "plain_site": "ten thousand plain pages, beside another checkout",
    "durable": "the same crawl with a state folder, and without",
    "kept_bodies": "what it costs to keep bodies, and how fast they are parsed again",
    "frontier": "ten million URLs in the frontier: time, memory, and opening it again",
    "descriptors": "four thousand hosts under a low limit of open files: no page may fail",
    "site_walk": "a real site by `crawler site`, beside a walk that has nothing of the crawler",
    "many_hosts": "a page that names 200,000 dead hosts: what each costs, and whether a good host goes on",
    "silent_urls": "five hundred good URLs of a host beside ten that never answer",
    "soak": "half an hour over two thousand hosts, some of which hang and some are dead; or that crawl, killed",
    "fairness": "ten good hosts beside ten thousand that trickle bytes",
    "long_crawl": "100,000 pages: speed and memory from the first tenth to the last",
    "kill": "crawls that are killed at random, again and again, and what they lose or double",
    "crash_points": "crawls that are killed at each of their system calls",
    "power": "crawls whose power fails, at each moment",
}


def main() -> int:
    """Run what is named, or all; return the first exit code that is not 0."""
    names, options = (sys.argv[1:2], sys.argv[2:]) if len(sys.argv) > 1 else (list(BENCHMARKS), [])
    if names[0] not in BENCHMARKS:
        print("usage: python -m benchmarks [NAME [OPTION…]]\n")
        print("\n".join(f"  {name:<16} {what}" for name, what in BENCHMARKS.items()))
        return 2
    if find_spec("psutil") is None:
        print("this needs psutil: pip install '.[bench]'", file=sys.stderr)
        return 2
    for name in names:
        print(f"── {name}: {BENCHMARKS[name]}", flush=True)
        code = subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *options])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
