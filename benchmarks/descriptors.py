"""Four thousand hosts, and few files: what becomes of their pages? `python -m benchmarks.descriptors`.

Each host has one page and answers after 0.3 s. The command line crawls them under ``ulimit -n``, soft and hard. With
``--against DIR`` the checkout there does the same. No page may fail: a shortage of files makes a crawl slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import machine
from fixtures_server import ServerProcess, Web

_OPTIONS = "--contact me@example.org --delay 0 --ignore-robots --json --quiet"


async def crawl(folder: Path, seeds: Path, limit: int) -> dict[str, Any]:
    """Crawl ``seeds`` with the checkout in ``folder``, at most ``limit`` files open; return its summary."""
    command = f"ulimit -n {limit}; exec {sys.executable} -m crawler site --seeds {seeds} {_OPTIONS} -o /dev/null"
    process = await asyncio.create_subprocess_shell(command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    summary: dict[str, Any] = json.loads(output)
    return summary


async def measure(hosts: int, limits: list[int], folders: list[Path]) -> None:
    """Crawl once with each limit, and print what came."""
    with TemporaryDirectory() as name:
        seeds = Path(name) / "seeds.txt"
        for limit in limits:
            for folder in folders:
                async with ServerProcess(
                    Web(pages=hosts, hosts=hosts, latency=0.3, numbers=0, page_bytes=500)
                ) as server:
                    seeds.write_text("\n".join(server.urls))
                    summary = await crawl(folder, seeds, limit)
                print(
                    f"  {folder.name or '.':<12} ulimit -n {limit:>5}: {summary['done']:,} of {hosts:,} pages, "
                    f"{summary['failed']:,} failed, {summary['seconds']:.0f} s, limited by {summary['limited_by']}"
                )


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=4000)
    parser.add_argument("--limits", type=int, nargs="+", default=[1024, 256, 64])
    parser.add_argument("--against", type=Path, help="another checkout")
    options = parser.parse_args()
    print(machine())
    folders = [Path.cwd(), *([options.against] if options.against else [])]
    asyncio.run(measure(options.hosts, options.limits, folders))


if __name__ == "__main__":
    main()
