"""What becomes of requests where something else goes wrong, in a crawl without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from crawler import Cpu, Failure, Limits, Page, Request, Retry, Scope
from crawler.crawl.engine import Engine
from crawler.crawl.parts import Parts, Rules
from crawler.crawl.seeding import Seeding
from crawler.fetching.protocol import nobody
from crawler.frontier.frontier import Frontier
from crawler.parsing.router import Parser
from crawler.parsing.stage import open_stage
from crawler.policy.bodies import BodyRule
from crawler.policy.limits import ByteBudget
from crawler.policy.politeness import HostRule
from crawler.runtime.waker import Waker

pytestmark = pytest.mark.both_loops
SEED = Request("http://a.example/")


class CancelledFetcher:
    """Has each fetch of a kind end like a task that something within it has cancelled."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths
        self.asked: list[str] = []

    async def fetch(
        self,
        request: Request,
        budget: ByteBudget,
        bodies: BodyRule | None = None,
        answered: Callable[[], None] = nobody,
    ) -> Page:
        del budget, bodies
        self.asked.append(request.url)
        if request.url.endswith(self._paths):
            raise asyncio.CancelledError
        answered()
        return Page(request.url, b"<title>x</title>", request=request)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        return (hostname,)


async def crawl(
    fetcher: CancelledFetcher, parser: Parser, seeds: Seeding, *, obeys_robots: bool = False
) -> tuple[Engine, list[Failure]]:
    """Return the engine of a crawl that is over, and its failures; whatever ended it is raised."""
    waker, failures = Waker(), list[Failure]()
    frontier = Frontier(lambda _: HostRule(0.0, None), changed=waker)
    rules = Rules(
        boundary=Scope(within="any").around([SEED.url]),
        rewriting=None,
        limits=Limits(),
        retry=Retry(),
        max_redirects=0,
        concurrency=8,
        user_agent="test",
        obeys_robots=obeys_robots,
    )
    async with open_stage(Cpu(executor="inline"), parser) as stage:
        engine = Engine(parser, Parts(frontier, fetcher, stage, (), waker=waker), rules, on_failure=failures.append)
        try:
            await engine.run(seeds)
        except RuntimeError as error:
            assert str(error) == "no more seeds"  # noqa: PT017  # the test's own
    return engine, failures


def nothing(page: Page) -> None:
    del page


async def test_a_fetch_that_something_within_it_cancelled_fails_once() -> None:
    fetcher = CancelledFetcher("/")
    engine, failures = await crawl(fetcher, nothing, Seeding([SEED]))
    assert fetcher.asked == [SEED.url]
    assert [(each.url, "was cancelled" in each.message) for each in failures] == [(SEED.url, True)]
    assert engine.statistics().ledger.failed == 1


async def test_a_robots_request_that_something_within_it_cancelled_leaves_no_host_waiting() -> None:
    fetcher = CancelledFetcher("/robots.txt")
    engine, failures = await crawl(fetcher, nothing, Seeding([SEED]), obeys_robots=True)
    assert [each.error for each in failures] == ["RobotsDeniedError"]
    assert engine.statistics().ledger.denied == 1


async def test_pages_are_pending_and_not_failed_where_the_seeds_fail() -> None:
    is_parsing = False

    async def parse(page: Page) -> None:
        nonlocal is_parsing
        del page
        is_parsing = True
        await asyncio.Event().wait()

    def seeds() -> Iterator[str]:
        while not is_parsing:
            yield SEED.url
        raise RuntimeError("no more seeds")

    engine, failures = await crawl(CancelledFetcher("/none"), parse, Seeding([], seeds()))
    ledger = engine.statistics().ledger
    assert (failures, ledger.pending, ledger.failed) == ([], 1, 0)
