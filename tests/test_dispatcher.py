from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crawler.crawl.dispatcher import Dispatcher
from crawler.crawl.seeding import Seeding
from crawler.frontier.frontier import Frontier
from crawler.models import Request, State
from crawler.policy.limits import Limits
from crawler.policy.politeness import HostRule
from crawler.runtime.clock import SYSTEM_CLOCK
from crawler.runtime.waker import Waker

pytestmark = pytest.mark.both_loops


class Crawl:
    """A dispatcher over a real frontier; the test says what becomes of each request."""

    def __init__(self, urls: int, *, limits: Limits | None = None, concurrency: int = 64) -> None:
        waker = Waker()
        self.frontier = Frontier(lambda _: HostRule(0.0, None), changed=waker)
        self.dispatcher = Dispatcher(
            self.frontier,
            limits or Limits(),
            concurrency,
            waker=waker,
            is_loop_late=lambda: False,
            clock=SYSTEM_CLOCK,
        )
        self.held: dict[str, asyncio.Future[None]] = {}
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        for number in range(urls):
            self.frontier.add(Request(f"http://a.example/{number}"))

    async def fetch(self, request: Request) -> None:
        """Wait until the test lets go of the request, then finish it."""
        self.held[request.url] = held = asyncio.get_running_loop().create_future()
        self.begun.put_nowait(request.url)
        try:
            await held
        finally:
            self.frontier.release(request, 0.0)
        self.frontier.finish(request, State.DONE)

    @asynccontextmanager
    async def running(
        self, process: Callable[[Request], Coroutine[Any, Any, None]] | None = None
    ) -> AsyncIterator[asyncio.Task[None]]:
        async with asyncio.TaskGroup() as group:
            yield group.create_task(self.dispatcher.run(group, Seeding(()), lambda _: process or self.fetch))

    def let_go(self) -> None:
        for held in self.held.values():
            if not held.done():
                held.set_result(None)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Pending, in flight, done."""
        ledger = self.frontier.statistics().ledger
        return ledger.pending, ledger.in_flight, ledger.done


async def test_no_more_are_in_flight_than_may_be_and_the_next_begins_when_one_ends() -> None:
    crawl = Crawl(3, concurrency=2)
    async with crawl.running():
        await crawl.begun.get()
        await crawl.begun.get()
        before = crawl.dispatcher.in_flight
        next(iter(crawl.held.values())).set_result(None)
        await crawl.begun.get()
        urls = [each.request.url for each in crawl.dispatcher.requests]
        crawl.let_go()
    assert (before, urls) == (2, list(crawl.held)[1:])
    assert crawl.counts == (0, 0, 3)


async def test_a_pause_holds_until_the_last_of_its_reasons_is_gone() -> None:
    crawl = Crawl(1)
    crawl.dispatcher.pause("a")
    crawl.dispatcher.pause("b")
    async with crawl.running() as running:
        await asyncio.wait((running,), timeout=0.05)
        crawl.dispatcher.resume("a")
        await asyncio.wait((running,), timeout=0.05)  # as good as for ever: it would go on in the next iteration
        paused = crawl.counts, running.done(), crawl.dispatcher.paused_by
        crawl.dispatcher.resume("b")
        await crawl.begun.get()
        crawl.let_go()
    assert paused == ((1, 0, 0), False, ("b",))
    assert (crawl.counts, crawl.dispatcher.stopped_by) == ((0, 0, 1), "")


async def test_a_stop_lets_what_is_in_flight_end_and_leaves_the_rest_pending() -> None:
    crawl = Crawl(3, concurrency=1)
    async with crawl.running():
        await crawl.begun.get()
        crawl.dispatcher.stop("stop")
        crawl.let_go()
    assert (crawl.counts, crawl.dispatcher.stopped_by) == ((2, 0, 1), "stop")


async def test_a_stop_with_a_grace_cuts_off_what_is_in_flight_then() -> None:
    crawl = Crawl(2, concurrency=1)
    async with crawl.running():
        await crawl.begun.get()
        crawl.dispatcher.stop("stop", 0.0)
    assert crawl.counts == (2, 0, 0)


async def test_a_stop_of_a_crawl_that_is_over_changes_nothing() -> None:
    crawl = Crawl(0)
    async with crawl.running():
        pass
    crawl.dispatcher.stop("stop", 1.0)
    assert crawl.dispatcher.stopped_by == ""


async def test_it_cuts_off_when_the_time_is_up_also_where_it_was_stopped_before() -> None:
    crawl = Crawl(1, limits=Limits(max_seconds=0.1))
    cut_off: list[bool] = []

    async def fetch(request: Request) -> None:
        crawl.dispatcher.stop("stop")
        try:
            await crawl.fetch(request)
        except asyncio.CancelledError:
            cut_off.append(crawl.dispatcher.cuts_off)
            raise

    async with crawl.running(fetch):
        pass
    assert (cut_off, crawl.counts, crawl.dispatcher.stopped_by) == ([True], (1, 0, 0), "stop")


async def test_a_request_that_is_cancelled_before_its_first_step_is_pending_again() -> None:
    crawl = Crawl(1)

    async def cancelled(request: Request) -> None:
        raise AssertionError(request)

    async with crawl.running(cancelled):
        while not crawl.dispatcher.in_flight:
            await asyncio.sleep(0)
            for task in asyncio.all_tasks():
                coroutine: Any = task.get_coro()
                if coroutine.__name__ == "_run":  # that of the request, which has not begun
                    task.cancel()
        crawl.dispatcher.stop("stop")
    assert (crawl.counts, crawl.dispatcher.in_flight) == ((1, 0, 0), 0)


async def test_an_error_of_what_admits_requests_ends_the_crawl() -> None:
    crawl = Crawl(1)

    def admit(_: Request) -> None:
        raise RuntimeError("a callback of the user")

    async with asyncio.TaskGroup() as group:
        with pytest.raises(RuntimeError, match="a callback of the user"):
            await crawl.dispatcher.run(group, Seeding(()), admit)
