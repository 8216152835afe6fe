"""The window: what a crawl does at present."""

from __future__ import annotations

import pytest

from crawler.crawl.summary import Statistics
from crawler.observe.recent import Window
from crawler.parsing.lane import WorkerStatistics
from crawler.parsing.stage import StageStatistics


def look(seconds: float, fetched: int = 0, busy: float = 0.0, **shares: float) -> Statistics:
    worker = WorkerStatistics(pid=1, pages=0, batches=0, busy_seconds=busy, restarts=0)
    stage = StageStatistics(workers=(worker,))
    return Statistics(seconds=seconds, fetched=fetched, stage=stage, shares=shares)


def test_a_new_window_is_at_rest() -> None:
    window = Window(3)

    assert (window.pages_per_second, window.steps, window.busy, window.limited_by) == (0.0, [], [], "")
    assert window.limited_share == 0.0


def test_rates_are_of_the_looks_that_the_window_holds() -> None:
    window = Window(2)
    for each in (look(1, 1000), look(2, 1010), look(3, 1040)):
        window.add(each)

    assert window.pages_per_second == 20
    assert window.steps == [10, 30]


def test_workers_are_as_busy_as_they_were_lately() -> None:
    window = Window(1)
    window.add(look(10, busy=10))
    window.add(look(20, busy=12.5))

    assert window.busy == [0.25]


def test_a_batch_longer_than_the_window_makes_no_worker_busier_than_always() -> None:
    window = Window(1)
    window.add(look(10, busy=0))
    window.add(look(11, busy=11))

    assert window.busy == [1.0]


def test_the_limit_is_the_one_of_late_and_not_of_the_whole_crawl() -> None:
    window = Window(1)
    window.add(look(10, cpu=1.0))
    window.add(look(12, cpu=10.5 / 12, network=1.5 / 12))

    assert window.limited_by == "network"
    assert window.limited_share == pytest.approx(0.75)
