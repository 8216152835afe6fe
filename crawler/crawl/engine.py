"""The engine: runs one crawl, whose parts `Wiring` has connected. It owns no resources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from crawler.crawl.dispatcher import InFlight
from crawler.crawl.parts import Parts, Rules
from crawler.crawl.resume import resume_frontier
from crawler.crawl.seeding import Seeding
from crawler.crawl.summary import Statistics
from crawler.crawl.wiring import Wiring
from crawler.errors import ConfigurationError, LedgerError, ParseError
from crawler.frontier.host_statistics import HostOrder, HostStatistics
from crawler.models import Failure, Request
from crawler.parsing.router import Parser
from crawler.runtime.exception_groups import first_of
from crawler.state.record import Restored
from crawler.url import origin_of


class Engine:
    """One crawl, from seeds to the last item."""

    def __init__(
        self,
        parser: Parser,
        parts: Parts,
        rules: Rules,
        *,
        crawler: object = None,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Create the engine of a crawl.

        Args:
            parser: The user's parser, or a router of several.
            parts: Frontier, fetcher, stage and sinks, opened and closed by the caller.
            rules: The policies.
            crawler: What ``async def`` parsers get as their second argument.
            on_failure: Called with each failure.
        """
        self.is_running = False
        self._parts = parts
        self._rules = rules
        self._frontier = parts.frontier
        self._record = parts.record
        self._wired = wired = Wiring(parser, parts, rules, crawler=crawler, on_failure=on_failure)
        self._dispatcher, self._committer = wired.dispatcher, wired.committer
        self.counters = wired.counters
        parts.control.attach(wired.dispatcher, parts.frontier)

    def __repr__(self) -> str:
        return f"<Engine {self._frontier!r} {self._parts.stage!r}>"

    # ── read from outside ──

    def hosts(self, limit: int, order: HostOrder) -> list[HostStatistics]:
        """Return what so many hosts do now, and what they wait for."""
        return self._frontier.hosts(limit, order, now=self._parts.clock.now())

    def requests(self) -> list[InFlight]:
        """Return the requests in flight, from their dispatch to the CPU stage, the oldest first."""
        return self._dispatcher.requests

    def statistics(self) -> Statistics:
        """Return the counts of this moment."""
        counters, lag, known = self.counters, self._wired.loop_lag.lag, self._frontier.statistics()
        return Statistics(
            ledger=known.ledger,
            hosts=known.hosts,
            fetching=self._dispatcher.in_flight,
            fetched=counters.fetched,
            fetched_before=counters.fetched_before,
            items=counters.items,
            bytes=self._wired.budget.spent,
            retries=counters.retries,
            retries_refused=counters.retries_refused,
            redirects=counters.redirects,
            errors=dict(counters.errors),
            seconds=counters.seconds,
            loop_lag_p50=lag.quantile(0.5),
            loop_lag_p99=lag.quantile(0.99),
            loop_lag_max=lag.largest,
            limited_by=counters.limited_by,
            shares=counters.shares,
            stopped_by=self._dispatcher.stopped_by,
            paused_by=self._dispatcher.paused_by,
            stage=self._parts.stage.statistics(),
        )

    async def resume(self, restored: Restored) -> None:
        """Go on where an earlier crawl of the same record ended; to be called before `run`."""
        now = self._parts.clock.now()
        await resume_frontier(self._frontier, self._record, restored, self._rules.limits.max_depth, now)
        for origin, (until, rules) in restored.robots.items():
            self._wired.rules_cache.restore(origin, rules, until, now)
        self._wired.discovery.restore(restored.shapes)
        self._wired.budget.spend(self.counters.restore(restored.counters))
        self._dispatcher.restore(self.counters.fetched)

    def include_seeds(self, seeds: Iterable[str]) -> None:
        """Note where the crawl begins: its scope, and whose sitemaps it reads, follow from the URLs of its seeds."""
        for url in seeds:
            self._rules.boundary.include(url)
            if self._rules.asks_for_sitemaps:
                self._wired.robots_requests.sitemap_origins.add(origin_of(url))

    async def run(self, seeds: Seeding) -> None:
        """Crawl from ``seeds`` until nothing is left to do, a limit is reached, or `stop` is called.

        Raises:
            SinkError: Items could not be written, or none of all the pages' items could be encoded.
            WorkerLostError: Workers die and cannot be replaced.
            LedgerError: The states of the URLs do not add up.
        """
        self.is_running = True
        try:
            await self._committer.begin()
            async with asyncio.TaskGroup() as group:
                await self._run(seeds, group)
        except BaseExceptionGroup as errors:
            error = first_of(errors)
            raise error from error.__cause__
        finally:
            self._frontier.abandon()
            self.counters.end()
            await self._committer.salvage()
            self.is_running = False
        await self._check_ledger()
        self._wired.unencodable.check()

    async def _check_ledger(self) -> None:
        ledger = self._frontier.statistics().ledger
        if not ledger.balanced:
            raise LedgerError(f"the states of the URLs do not add up: {ledger}")
        if self._committer.is_stuck:  # and was ended before it had space: what is not on the disk is fetched again
            return
        if self._record.is_durable and (counted := await self._record.recount()) != ledger:
            raise LedgerError(f"the states of the URLs on the disk are others: {counted}, and not {ledger}")

    async def _run(self, seeds: Seeding, group: asyncio.TaskGroup) -> None:
        self._wired.admission.begin(group, self._close_after_failure)

        def begin(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            task = group.create_task(work, name=name)
            # Where it fails, the group cancels all others, whose pages stay pending then.
            task.add_done_callback(self._close_after_failure)
            return task

        serving = begin(self._wired.parse_step.serve(), "CPU stage")
        committing = begin(self._committer.run(), "commits")
        refilling = begin(self._wired.refill.run(), "refill")
        for seed in seeds.known:
            self._add_seed(seed)
        seeding = None if seeds.is_over else begin(self._seed(seeds), "seeds")
        try:
            with self._wired.loop_lag:
                await self._dispatcher.run(group, seeds, self._wired.pipeline.admit)
        finally:
            self._wired.admission.close()
        serving.cancel()
        if seeding is not None:
            seeding.cancel()
        refilling.cancel()
        await self._committer.end(committing)

    def _close_after_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._dispatcher.close()

    # ── seeds ──

    async def _seed(self, seeds: Seeding) -> None:
        ways = self._frontier.ways
        if ways is not None:
            ways.wait_for_seeds()
        await seeds.run(self._add_seed, self._wired.failed_requests.refuse, lambda: self._frontier.pending)
        if ways is not None:
            ways.seeds_are_over()
        self._parts.waker()  # that there are no more may be the end of the crawl

    def _add_seed(self, seed: Request) -> None:
        self.include_seeds((seed.url,))
        try:
            self._wired.discovery.add_seed(seed)
        except ParseError as error:
            raise ConfigurationError(str(error)) from error
