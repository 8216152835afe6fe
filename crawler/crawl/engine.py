"""The engine: wires frontier, fetcher, CPU stage and sinks for one crawl; it owns no resources.

The dispatcher calls `_process` for each request, which ends when the page is in the CPU stage. The stage hands the
result to `PageResults`, and the committer makes it last. Whatever changes state does so between two awaits, then lets
the dispatcher advance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from msgspec.structs import replace

from crawler.crawl.admission import Admission
from crawler.crawl.committer import Committer
from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.dispatcher import Dispatcher, Process
from crawler.crawl.failed_requests import FailedRequests
from crawler.crawl.fetch_step import FetchRules, FetchStep
from crawler.crawl.page_results import PageResults, encoder_of
from crawler.crawl.refill import Refill
from crawler.crawl.resume import resume_frontier
from crawler.crawl.robots_requests import RobotsRequestRules, RobotsRequests
from crawler.crawl.seeding import Seeding
from crawler.crawl.summary import Statistics
from crawler.document.page import Page
from crawler.errors import ConfigurationError, FetchError, LedgerError, ParseError
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.models import SITEMAP, Failure, Request
from crawler.parsing.asynchronous import parse_async
from crawler.parsing.router import Parser, is_async, parser_for
from crawler.parsing.stage import Stage
from crawler.parsing.worker import LinkDirectives
from crawler.policy.limits import ByteBudget, Limits
from crawler.policy.pace import Outcome
from crawler.policy.retry import Retry
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Boundary
from crawler.robots.decision import product_token
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.loop_lag import LoopLag
from crawler.sinks.sink import Sink
from crawler.state.changes import Changes
from crawler.state.record import Record
from crawler.state.sqlite_store import Restored
from crawler.url import origin_of


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
        record: Where the crawl is kept; ``None`` where it is not.
        facts: Returns what else is to be kept since the last call.
    """

    frontier: Frontier
    fetcher: Fetches
    stage: Stage
    sinks: Sequence[Sink]
    record: Record | None = None
    facts: Callable[[], Mapping[str, bytes]] = dict


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
        self.counters = Counters()
        self.loop_lag = LoopLag(self._note_moment)
        self.is_running = False
        self._parser = parser
        self._frontier = parts.frontier
        self._stage = parts.stage
        self._encoders = tuple(encoder_of(sink) for sink in parts.sinks)
        self._rules = rules
        self._link_directives = LinkDirectives(product_token(rules.user_agent), rules.obeys_robots)
        self._discovery = Discovery(parts.frontier, rules.boundary, rules.limits, rules.rewriting)
        self._dispatcher = Dispatcher(
            parts.frontier, rules.limits, rules.concurrency, self._admit, lambda: self.loop_lag.is_late
        )
        self._rules_cache = RulesCache()
        self._admission = Admission(
            parts.frontier,
            parts.fetcher,
            self._rules_cache if rules.obeys_robots else None,
            self._dispatcher.advance,
        )
        self._robots_requests = RobotsRequests(
            parts.frontier,
            parts.fetcher,
            self._rules_cache,
            self._discovery,
            RobotsRequestRules(rules.retry, rules.user_agent),
            advance=self._dispatcher.advance,
            journal=None if parts.record is None else parts.record.journal,
        )
        self._committer = Committer(
            parts.frontier,
            parts.sinks,
            self._dispatcher.advance,
            parts.record,
            complete=self._complete,
            pause=self._dispatcher.pause,
        )
        self._failed_requests = FailedRequests(parts.frontier, self.counters, self._committer.keep, on_failure)
        self._page_results = PageResults(
            self._discovery,
            self._failed_requests,
            self._committer,
            parts.sinks,
            counters=self.counters,
            advance=self._dispatcher.advance,
            is_kept=parts.record is not None,
        )
        self._budget = ByteBudget(rules.limits.max_bytes)
        self._fetch_step = FetchStep(
            parts.frontier,
            parts.fetcher,
            self._dispatcher,
            self._discovery,
            self._failed_requests,
            counters=self.counters,
            budget=self._budget,
            rules=FetchRules(rules.retry, rules.max_redirects, rules.boundary),
        )
        self._record = parts.record
        self._facts = parts.facts
        self._refill = (
            None
            if parts.record is None
            else Refill(parts.frontier, parts.record, self._dispatcher.advance, self._committer.flush)
        )
        self._crawler = crawler
        self._async_parsers: dict[str, Parser | None] = {}

    def __repr__(self) -> str:
        return f"<Engine {self._frontier!r} {self._stage!r}>"

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
            stage=self._stage.statistics(),
        )

    async def resume(self, kept: Restored) -> None:
        """Go on where an earlier crawl of the same record ended; to be called before `run`."""
        if self._record is None:
            raise AssertionError("there is nothing to go on from")
        await resume_frontier(self._frontier, self._record, kept, self._rules.limits.max_depth)
        for origin, (until, rules) in kept.robots.items():
            self._rules_cache.learn(origin, rules, until)
        self._discovery.restore(kept.shapes)
        if "tally" in kept.facts:
            self._budget.spend(self.counters.restore(kept.facts["tally"]))
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
        if self._committer.is_stuck:  # and was ended before there was room: what is not on the disk is fetched again
            return
        if self._record is not None and (counted := await self._record.recount()) != ledger:
            raise LedgerError(f"the states of the URLs on the disk are others: {counted}, and not {ledger}")

    async def _run(self, seeds: Seeding, group: asyncio.TaskGroup) -> None:
        self._group = group
        serving = group.create_task(
            self._stage.run(self._encoders, self._page_results.take_results, self._link_directives), name="CPU stage"
        )
        serving.add_done_callback(lambda _: self._dispatcher.close())
        committing = group.create_task(self._committer.run(), name="commits")
        committing.add_done_callback(lambda _: self._dispatcher.close())
        refilling = None if self._refill is None else group.create_task(self._refill.run(), name="refill")
        for seed in seeds.known:
            self._add_seed(seed)
        seeding = None if seeds.is_over else group.create_task(self._seed(seeds), name="seeds")
        with self.loop_lag:
            await self._dispatcher.run(group, seeds)
        serving.cancel()
        if seeding is not None:
            seeding.cancel()
        if refilling is not None:
            refilling.cancel()
        self._admission.close()
        await self._committer.end(committing)

    def stop(self, grace: float | None = None) -> None:
        """Start no more fetches; the crawl ends when what is in flight is done, or cut off after ``grace`` seconds."""
        self._dispatcher.stop("stop", grace)

    # ── seeds ──

    async def _seed(self, seeds: Seeding) -> None:
        def add(seed: Request) -> None:
            if self._add_seed(seed):
                self._dispatcher.advance()

        await seeds.run(add, self._failed_requests.refuse, lambda: self._frontier.pending)
        self._dispatcher.advance()

    def _add_seed(self, seed: Request) -> bool:
        self.belong((seed.url,))
        try:
            return self._frontier.add(replace(seed, url=self._discovery.canonical(seed.url)))
        except ParseError as error:
            raise ConfigurationError(str(error)) from error

    # ── from its dispatch to the CPU stage ──

    def _admit(self, request: Request) -> Process | None:
        """Return what is to be done for an acquired request; nothing where it has failed, or must wait."""
        verdict = self._admission.verdict(request, self._group)
        if verdict is True:
            return self._robots_requests.run if request.is_robots_request else self._process
        if isinstance(verdict, FetchError):
            self._frontier.release(request, monotonic(), Outcome.UNKNOWN)
            if request.is_robots_request:
                self._robots_requests.fail(request, verdict)
            else:
                self._fetch_step.retry_or_fail(request, verdict)
        return None

    async def _process(self, request: Request) -> None:
        """Take a request from its dispatch to the CPU stage."""
        page = await self._fetch_step.fetch(request)
        self._dispatcher.advance()  # the host has a free connection, even if the CPU stage should have no room
        if page is None:
            return
        try:
            await self._hand_over(page)
        except asyncio.CancelledError:
            if self._dispatcher.cuts_off:
                raise
            # Given back, the page would be fetched again, and cancel its task again, for ever.
            self._failed_requests.fail_page(page, ParseError("the parser cancelled the task that it ran in"))

    async def _hand_over(self, page: Page) -> None:
        """Have the page parsed: in the CPU stage, or here when its parser is asynchronous."""
        try:
            parser = self._async_parser_for(page.label)
            if parser is None:
                await self._stage.put(page)
                return
        except ParseError as error:
            self._failed_requests.fail_page(page, error)
            return
        parsed = await parse_async(parser, page, self._crawler, self._encoders, self._link_directives)
        parsed = await self._stage.kept(page, parsed)
        await self._page_results.take_results([(page, parsed)])

    def _async_parser_for(self, label: str) -> Parser | None:
        if label == SITEMAP:
            return None
        if label not in self._async_parsers:
            parser = parser_for(self._parser, label)
            self._async_parsers[label] = parser if is_async(parser) else None
        return self._async_parsers[label]

    # ── what is kept and told of it ──

    def _complete(self, changes: Changes) -> None:
        """Add what is counted to what is about to be written."""
        changes.facts.update(self._facts())
        changes.facts["tally"] = self.counters.kept(self._budget.spent)
        changes.shapes = self._discovery.take_shapes()

    def _note_moment(self) -> None:
        """Note what the crawl waits for at this moment."""
        if self._stage.is_held_up:
            self.counters.note_moment("sink")
        elif self._stage.is_saturated:
            self.counters.note_moment("cpu")
        elif self._dispatcher.is_waiting_for_hosts and self._frontier.waits_for_retries:
            self.counters.note_moment("retries")
        elif self._dispatcher.is_waiting_for_hosts:
            self.counters.note_moment("politeness", self._frontier.next_host)
        else:
            self.counters.note_moment("network")


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group, however deep; the rest are what it set off."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
