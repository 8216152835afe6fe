"""Whole crawls of pages that harm their workers: every page is accounted for, with the right reason."""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from crawler import Cpu, Crawler, Failure, Politeness, State, WorkerLostError
from crawler.parsing.quarantine import load
from tests import harmful
from tests.harmful import assert_gone, descendants, workers_since
from tests.integration.sites import Site, links, serve

pytestmark = pytest.mark.both_loops

POLITE = Politeness(delay=0)
REASONS = {
    "segfault": (State.QUARANTINED, "WorkerLostError", "the process was ended by SIGSEGV"),
    "kill": (State.QUARANTINED, "WorkerLostError", "the process was ended by SIGKILL"),
    "leave": (State.QUARANTINED, "WorkerLostError", "the process ended itself with exit code 7"),
    "regex": (State.QUARANTINED, "WorkerLostError", "it took longer than the deadline of 1 s"),
    "allocate": (State.QUARANTINED, "MemoryLimitError", "the page needs more memory than allowed: MemoryError"),
    "unpicklable_item": (State.QUARANTINED, "ResultError", "the items of this page do not pickle"),
    "undecodable_item": (State.QUARANTINED, "ResultError", "the items cannot be loaded in the other process"),
    "unpicklable_request": (State.QUARANTINED, "ResultError", "the metadata of a request does not pickle"),
    "undecodable": (State.FAILED, "ParseError", "Undecodable: 1 what it said"),
}
FEW = ("regex", "allocate")  # as each takes long


def paths_with(harms: int, fine: int) -> list[str]:
    """Return paths of pages: each harm several times, among many that are fine, in a fixed disorder."""
    paths = [f"{harm}/{number}" for harm in REASONS for number in range(1 if harm in FEW else harms)]
    paths += [f"fine/{number}" for number in range(fine)]
    random.Random(7).shuffle(paths)
    return paths


@asynccontextmanager
async def site_of(paths: list[str]) -> AsyncIterator[Site]:
    """Serve an index of links to ``paths``."""
    index = {"/fine/index": links(*(f"/{path}" for path in paths))}
    async with serve(index | {f"/{path}": links() for path in paths}) as site:
        yield site


async def crawled(site: Site, **options: Any) -> tuple[Crawler, set[str]]:
    """Crawl ``site``; return the crawler and the paths that became items."""
    crawler = Crawler(harmful.parse_and_follow, politeness=POLITE, cpu=Cpu(**options))
    async with crawler:
        items = {str(item).removeprefix(site.url) async for item in crawler.stream(f"{site.url}fine/index")}
    return crawler, items - {"fine/index"}


async def test_every_page_of_a_harmful_site_is_accounted_for_with_the_right_reason(tmp_path: Path) -> None:
    paths = paths_with(harms=3, fine=290)
    before = descendants()
    async with site_of(paths) as site:
        crawler, items = await crawled(site, workers=2, deadline=1.0, memory_bytes=2**28, quarantine=tmp_path)
    summary = crawler.summary()
    failures = {failure.url.removeprefix(site.url): failure for failure in crawler.failures}
    assert items == {path for path in paths if path.startswith("fine/")}
    assert failures.keys() == {path for path in paths if not path.startswith("fine/")}
    for path, failure in failures.items():
        state, error, reason = REASONS[path.split("/")[0]]
        assert (failure.state, failure.error) == (state, error)
        assert reason in failure.message
        check_kept(failure)
    states = Counter(failure.state for failure in failures.values())
    assert (summary.quarantined, summary.failed) == (states[State.QUARANTINED], states[State.FAILED])
    assert summary.discovered == len(paths) + 1 == summary.done + summary.quarantined + summary.failed
    assert_gone(*workers_since(before))


def check_kept(failure: Failure) -> None:
    """Check that the body of a page in quarantine is kept, and no other."""
    if failure.state is State.QUARANTINED:
        kept = load(failure.saved)
        assert (kept.url, kept.reason, kept.body) == (failure.url, failure.message, links().encode())
    else:
        assert failure.saved == ""


async def test_a_parser_that_kills_every_worker_ends_the_crawl_with_an_error_that_says_so(tmp_path: Path) -> None:
    paths = [f"leave/{number}" for number in range(100)]
    async with site_of(paths) as site:
        with pytest.raises(WorkerLostError, match="the parser itself seems to be at fault: 10 of the last 1") as caught:
            await crawled(site, workers=2, quarantine=None)
    assert "the process ended itself with exit code 7" in str(caught.value)


async def test_what_parsers_print_does_not_reach_the_screen(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "crawler.worker"):
        async with site_of(["say/1"]) as site:
            await crawled(site, workers=1)
    screen = capfd.readouterr()
    assert (screen.out, screen.err) == ("", "")
    assert [line.split(": ", 1)[1] for line in caplog.messages if line.startswith("worker")] == [
        "this from Python",
        "and this from a program",
        "and that to standard error",
    ]


# ── any executor ──


@pytest.mark.parametrize("kind", ["thread", "inline"])
async def test_without_processes_what_is_merely_raised_costs_its_page_alone(
    kind: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ["fine/1", "undecodable/1", "fine/2"]
    with caplog.at_level(logging.INFO, "crawler"):
        async with site_of(paths) as site:
            crawler, items = await crawled(site, executor=kind, quarantine=tmp_path)
    assert items == {"fine/1", "fine/2"}
    assert [failure.error for failure in crawler.failures] == ["ParseError"]
    said = f"executor {kind}: its workers cannot be killed, so deadline, memory_bytes, niceness and recycling have no"
    assert [line.startswith(said) for line in caplog.messages if "executor" in line] == [True]


def executors() -> list[Any]:
    spawning = get_context("forkserver")
    return [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(2, spawning)]


@pytest.mark.parametrize("make", executors(), ids=["threads", "processes"])
async def test_an_executor_of_the_users_serves_crawl_after_crawl_and_stays_open(
    make: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    executor: Executor
    with make() as executor, caplog.at_level(logging.INFO, "crawler"):
        for _ in range(2):
            async with site_of(["fine/1", "undecodable/1", "fine/2"]) as site:
                crawler, items = await crawled(site, executor=executor, initializer=os.getpid, quarantine=tmp_path)
            assert items == {"fine/1", "fine/2"}
            assert [failure.error for failure in crawler.failures] == ["ParseError"]
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
    said = [line for line in caplog.messages if line.startswith("executor <")]
    assert len(said) == 2  # once a crawler
    assert "nor has initializer: give it to the executor" in said[0]


async def test_an_executor_of_the_users_that_breaks_ends_the_crawl_and_is_said_to_be_his(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        async with site_of(["leave/1"]) as site:
            with pytest.raises(WorkerLostError, match="is broken and is not the crawler's to replace"):
                await crawled(site, executor=pool, quarantine=tmp_path)
