"""The engine: wires the parts of one crawl and runs them. It owns no resources, and decides nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from crawler.crawl.admission import Admission
from crawler.crawl.bottleneck import Bottleneck
from crawler.crawl.committer import Committer
from crawler.crawl.control import Control
from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.dispatcher import Dispatcher, InFlight
from crawler.crawl.failed_requests import FailedRequests
from crawler.crawl.fetch_step import FetchStep
from crawler.crawl.next_step import FetchRules
from crawler.crawl.page_results import PageResults, encoder_of
from crawler.crawl.parse_step import ParseStep
from crawler.crawl.pipeline import Pipeline
from crawler.crawl.refill import Refill
from crawler.crawl.resume import resume_frontier
from crawler.crawl.robots_requests import RobotsRequestRules, RobotsRequests
from crawler.crawl.seeding import Seeding
from crawler.crawl.summary import Statistics
from crawler.errors import ConfigurationError, LedgerError, ParseError
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_statistics import HostOrder, HostStatistics
from crawler.models import Failure, Request
from crawler.parsing.router import Parser
from crawler.parsing.stage import Stage
from crawler.parsing.worker import LinkDirectives
from crawler.policy.limits import ByteBudget, Limits
from crawler.policy.retry import Retry
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Boundary
from crawler.robots.decision import product_token
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.clock import SYSTEM_CLOCK, Clock
from crawler.runtime.loop_lag import LoopLag
from crawler.runtime.loop_load import LoopLoad
from crawler.runtime.waker import Waker
from crawler.sinks.sink import Sink
from crawler.state.changes import Changes
from crawler.state.null_record import NullRecord
from crawler.state.record import Record, Restored
from crawler.url import origin_of

_DISK_FULL = "disk full"  # a reason for a pause


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies of one crawl."""

    boundary: Boundary
    rewriting: Rewriting | None
    limits: Limits
    retry: Retry
    max_redirects: int
    concurrency: int
    user_agent: str
    obeys_robots: bool
    asks_for_sitemaps: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """What a page passes through, all of it open.

    Attributes:
        frontier: Wakes ``waker`` when something else may be fetched.
        record: What of the crawl outlives its process; nothing by default.
        facts: Returns what else is to be remembered, where it has changed since the last call.
        waker: Wakes the dispatcher.
        control: Steers the crawl from outside.
        clock: Tells the time.
    """

    frontier: Frontier
    fetcher: Fetches
    stage: Stage
    sinks: Sequence[Sink]
    record: Record = field(default_factory=NullRecord)
    facts: Callable[[], Mapping[str, bytes]] = dict
    waker: Waker = field(default_factory=Waker)
    control: Control = field(default_factory=Control)
    clock: Clock = SYSTEM_CLOCK


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
        self._budget = ByteBudget(rules.limits.max_bytes)
        self._rules_cache = RulesCache()
        self.counters = Counters(parts.clock)
        self._dispatcher = self._new_dispatcher()
        self._discovery = Discovery(parts.frontier, rules.boundary, rules.limits, rules.rewriting)
        self._committer = self._new_committer()
        self._failed_requests = FailedRequests(parts.frontier, self.counters, self._committer.keep, on_failure)
        self._admission = Admission(
            parts.frontier, parts.fetcher, self._rules_cache if rules.obeys_robots else None, clock=parts.clock
        )
        self._robots_requests = self._new_robots_requests()
        self._parse_step = self._new_parse_step(parser, crawler)
        self._pipeline = self._new_pipeline()
        self._refill = Refill(self._frontier, self._record, self._committer.flush)
        parts.control.attach(self._dispatcher, parts.frontier)

    # ── the parts ──

    def _new_dispatcher(self) -> Dispatcher:
        self.loop_lag = LoopLag(self._look)
        dispatcher = Dispatcher(
            self._frontier,
            self._rules.limits,
            self._rules.concurrency,
            waker=self._parts.waker,
            is_loop_late=lambda: self.loop_lag.is_late,
            clock=self._parts.clock,
        )
        load = LoopLoad(self._parts.clock)
        self._bottleneck = Bottleneck(
            self._frontier, dispatcher, self._parts.stage, self.counters, lag=self.loop_lag, load=load
        )
        return dispatcher

    def _new_committer(self) -> Committer:
        def pause(wanted: bool) -> None:
            (self._dispatcher.pause if wanted else self._dispatcher.resume)(_DISK_FULL)

        return Committer(
            self._frontier,
            self._parts.sinks,
            self._record,
            complete=self._complete,
            pause=pause,
            clock=self._parts.clock,
        )

    def _new_robots_requests(self) -> RobotsRequests:
        return RobotsRequests(
            self._frontier,
            self._parts.fetcher,
            self._rules_cache,
            self._discovery,
            RobotsRequestRules(self._rules.retry, self._rules.user_agent),
            clock=self._parts.clock,
            journal=self._record.journal,
        )

    def _new_parse_step(self, parser: Parser, crawler: object) -> ParseStep:
        sinks = self._parts.sinks
        page_results = PageResults(
            self._discovery,
            self._failed_requests,
            self._committer,
            sinks,
            counters=self.counters,
            is_durable=self._record.is_durable,
        )
        directives = LinkDirectives(product_token(self._rules.user_agent), self._rules.obeys_robots)
        encoders = tuple(map(encoder_of, sinks))
        return ParseStep(parser, self._parts.stage, page_results, encoders, directives, crawler=crawler)

    def _new_fetch_step(self) -> FetchStep:
        return FetchStep(
            self._frontier,
            self._parts.fetcher,
            self._dispatcher,
            self._discovery,
            self._failed_requests,
            counters=self.counters,
            budget=self._budget,
            rules=FetchRules(self._rules.retry, self._rules.max_redirects),
            boundary=self._rules.boundary,
            clock=self._parts.clock,
        )

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(
            self._frontier,
            self._dispatcher,
            self._admission,
            self._robots_requests,
            self._new_fetch_step(),
            self._parse_step,
            failed_requests=self._failed_requests,
            clock=self._parts.clock,
        )

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
        counters, lag, known = self.counters, self.loop_lag.lag, self._frontier.statistics()
        return Statistics(
            ledger=known.ledger,
            hosts=known.hosts,
            fetching=self._dispatcher.in_flight,
            fetched=counters.fetched,
            fetched_before=counters.fetched_before,
            items=counters.items,
            bytes=self._budget.spent,
            retries=counters.retries,
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

    async def resume(self, kept: Restored) -> None:
        """Go on where an earlier crawl of the same record ended; to be called before `run`."""
        await resume_frontier(self._frontier, self._record, kept, self._rules.limits.max_depth)
        for origin, (until, rules) in kept.robots.items():
            self._rules_cache.learn(origin, rules, until)
        self._discovery.restore(kept.shapes)
        self._budget.spend(self.counters.restore(kept.counters))
        self._dispatcher.restore(self.counters.fetched)

    def belong(self, seeds: Iterable[str]) -> None:
        """Have the URLs of ``seeds``, which are crawled already, say what belongs to the crawl."""
        for url in seeds:
            self._rules.boundary.include(url)
            if self._rules.asks_for_sitemaps:
                self._robots_requests.sitemap_origins.add(origin_of(url))

    async def run(self, seeds: Seeding) -> None:
        """Crawl from ``seeds`` until nothing is left to do, a limit is reached, or `stop` is called.

        Raises:
            SinkError: Items could not be written.
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

    async def _check_ledger(self) -> None:
        ledger = self._frontier.statistics().ledger
        if not ledger.balanced:
            raise LedgerError(f"the states of the URLs do not add up: {ledger}")
        if self._committer.is_stuck:  # and was ended before it had space: what is not on the disk is fetched again
            return
        if self._record.is_durable and (counted := await self._record.recount()) != ledger:
            raise LedgerError(f"the states of the URLs on the disk are others: {counted}, and not {ledger}")

    async def _run(self, seeds: Seeding, group: asyncio.TaskGroup) -> None:
        self._admission.begin(group)
        serving = group.create_task(self._parse_step.serve(), name="CPU stage")
        serving.add_done_callback(lambda _: self._dispatcher.close())
        committing = group.create_task(self._committer.run(), name="commits")
        committing.add_done_callback(lambda _: self._dispatcher.close())
        refilling = group.create_task(self._refill.run(), name="refill")
        for seed in seeds.known:
            self._add_seed(seed)
        seeding = None if seeds.is_over else group.create_task(self._seed(seeds), name="seeds")
        with self.loop_lag:
            await self._dispatcher.run(group, seeds, self._pipeline.admit)
        serving.cancel()
        if seeding is not None:
            seeding.cancel()
        refilling.cancel()
        self._admission.close()
        await self._committer.end(committing)

    def stop(self, grace: float | None = None) -> None:
        """Start no more fetches; the crawl ends when what is in flight is done, or cut off after ``grace`` seconds."""
        self._dispatcher.stop("stop", grace)

    # ── seeds ──

    async def _seed(self, seeds: Seeding) -> None:
        await seeds.run(self._add_seed, self._failed_requests.refuse, lambda: self._frontier.pending)
        self._parts.waker()  # that there are no more may be the end of the crawl

    def _add_seed(self, seed: Request) -> None:
        self.belong((seed.url,))
        try:
            self._frontier.add(replace(seed, url=self._discovery.canonical(seed.url)))
        except ParseError as error:
            raise ConfigurationError(str(error)) from error

    def _look(self) -> None:
        self._bottleneck.look()

    def _complete(self, changes: Changes) -> None:
        """Add the counters to what is about to be written."""
        changes.facts.update(self._parts.facts())
        changes.counters = self.counters.record(self._budget.spent)
        changes.shapes = self._discovery.take_shapes()


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group, however deep; the rest are what it set off."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
