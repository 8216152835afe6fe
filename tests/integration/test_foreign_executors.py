"""Executors of other projects in the place of the worker processes."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.integration.test_harmful_crawls import crawled, site_of
from tests.needs import need


@contextmanager
def loky() -> Iterator[Executor]:
    with importlib.import_module("loky").ProcessPoolExecutor(max_workers=2) as executor:
        yield executor


@contextmanager
def distributed() -> Iterator[Executor]:
    dask = importlib.import_module("distributed")
    cluster = dask.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    with cluster, dask.Client(cluster) as client, client.get_executor() as executor:
        yield executor


@pytest.mark.timeout(60)  # a cluster takes seconds to start
@pytest.mark.filterwarnings("default")  # theirs are not ours to mend
@pytest.mark.parametrize("make", [loky, distributed], ids=["loky", "Dask"])
async def test_an_executor_of_another_project_parses_pages_and_stays_open(
    make: Callable[[], AbstractContextManager[Executor]], tmp_path: Path
) -> None:
    need(importlib.util.find_spec(make.__name__) is not None, f"the package {make.__name__}")
    with make() as executor:
        async with site_of(["fine/1", "undecodable/1", "fine/2"]) as site:
            crawler, items = await crawled(site, executor=executor, quarantine=tmp_path)
        assert executor.submit(divmod, 9, 2).result() == (4, 1)
    assert items == {"fine/1", "fine/2"}
    assert [failure.error for failure in crawler.failures] == ["ParseError"]
