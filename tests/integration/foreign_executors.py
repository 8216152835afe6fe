"""Crawls with an executor of another project, and writes what came of it as JSON: a program that tests run.

In a process of its own, as these projects change how exceptions are pickled in whatever process they are imported.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.integration.test_harmful_crawls import crawled, site_of


@contextmanager
def loky() -> Iterator[Executor]:
    """Start workers of loky's."""
    with importlib.import_module("loky").ProcessPoolExecutor(max_workers=2) as executor:
        yield executor


@contextmanager
def distributed() -> Iterator[Executor]:
    """Start a cluster of Dask's on this machine."""
    dask = importlib.import_module("distributed")
    cluster = dask.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    with cluster, dask.Client(cluster) as client, client.get_executor() as executor:
        yield executor


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Executor]]] = {"loky": loky, "distributed": distributed}


async def crawl(name: str, folder: Path) -> dict[str, object]:
    """Crawl two fine pages and one that raises; return what came of it, and whether the executor still works."""
    with EXECUTORS[name]() as executor:
        async with site_of(["fine/1", "undecodable/1", "fine/2"]) as site:
            crawler, items = await crawled(site, executor=executor, quarantine=folder)
        is_open = executor.submit(divmod, 9, 2).result() == (4, 1)
    return {"items": sorted(items), "errors": [failure.error for failure in crawler.failures], "is_open": is_open}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(crawl(sys.argv[1], Path(sys.argv[2])))))
