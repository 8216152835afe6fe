"""The engine: wires frontier, fetcher, CPU stage and sinks for one crawl; it owns no resources.

The dispatcher calls `_process` for each request, which ends when the page is in the CPU stage; the stage calls
`_settle` with what became of it; the committer makes that last. Whatever changes state does so between two awaits, then
lets the dispatcher advance.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from msgspec.structs import replace

from crawler.admission import Admission
from crawler.committer import Committer
from crawler.discovery import Discovery
from crawler.dispatcher import Dispatcher, Process
from crawler.errands import ErrandRules, Errands
from crawler.errors import (
    ConfigurationError,
    CrawlerError,
    FetchError,
    LedgerError,
    LimitReachedError,
    OutOfScopeError,
    ParseError,
    ProtocolError,
    QuarantineError,
    RobotsDeniedError,
    TooManyRedirectsError,
)
from crawler.exchange import Exchange
from crawler.failures import failure_of
from crawler.fetching.protocol import Fetches
from crawler.frontier.frontier import Frontier
from crawler.models import SITEMAP, Failure, Request, State
from crawler.page import Page
from crawler.parsing.asynchronous import parse_async
from crawler.parsing.router import Parser, is_async, parser_for
from crawler.parsing.stage import Stage
from crawler.parsing.worker import Encode, Manners, OfPage, Parsed
from crawler.permissions import Permissions
from crawler.policy.limits import ByteBudget, Limits
from crawler.policy.pace import Outcome
from crawler.policy.redirect import REDIRECTS, location_of, redirected
from crawler.policy.retry import Retry
from crawler.policy.retry_budget import RetryBudget
from crawler.policy.rewriting import Rewriting
from crawler.policy.robots import product_token
from crawler.policy.scope import Boundary
from crawler.pulse import Pulse
from crawler.refill import Refill
from crawler.resume import resume_frontier
from crawler.seeding import Seeding
from crawler.sinks.sink import Sink, keyed
from crawler.state.changes import Changes
from crawler.state.record import Record
from crawler.state.store import Kept
from crawler.summary import Statistics
from crawler.tally import Tally
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
class Stations:
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
        stations: Stations,
        rules: Rules,
        *,
        crawler: object = None,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Create the engine of a crawl.

        Args:
            parser: The user's parser, or a router of several.
            stations: Frontier, fetcher, stage and sinks, opened and closed by the caller.
            rules: The policies.
            crawler: What ``async def`` parsers get as their second argument.
            on_failure: Called with each failure.
        """
        self.tally = Tally()
        self.pulse = Pulse(self._note_moment)
        self.is_running = False
        self._parser = parser
        self._frontier = stations.frontier
        self._fetcher = stations.fetcher
        self._stage = stations.stage
        self._sinks = stations.sinks
        self._encoders = tuple(encoder_of(sink) for sink in stations.sinks)
        self._rules = rules
        self._manners = Manners(product_token(rules.user_agent), rules.obeys_robots)
        self._discovery = Discovery(stations.frontier, rules.boundary, rules.limits, rules.rewriting)
        self._dispatcher = Dispatcher(
            stations.frontier, rules.limits, rules.concurrency, self._admit, lambda: self.pulse.is_late
        )
        self._permissions = Permissions()
        self._admission = Admission(
            stations.frontier,
            stations.fetcher,
            self._permissions if rules.obeys_robots else None,
            self._dispatcher.advance,
        )
        self._errands = Errands(
            stations.frontier,
            stations.fetcher,
            self._permissions,
            self._discovery,
            ErrandRules(rules.retry, rules.user_agent),
            advance=self._dispatcher.advance,
            journal=None if stations.record is None else stations.record.journal,
        )
        self._committer = Committer(
            stations.frontier,
            stations.sinks,
            self._dispatcher.advance,
            stations.record,
            complete=self._complete,
            pause=self._dispatcher.pause,
        )
        self._record = stations.record
        self._facts = stations.facts
        self._budget = ByteBudget(rules.limits.max_bytes)
        self._retries = RetryBudget(rules.retry.budget)
        self._refill = (
            None
            if stations.record is None
            else Refill(stations.frontier, stations.record, self._dispatcher.advance, self._committer.flush)
        )
        self._crawler = crawler
        self._on_failure = on_failure
        self._async_parsers: dict[str, Parser | None] = {}

    def __repr__(self) -> str:
        return f"<Engine {self._frontier!r} {self._stage!r}>"

    def statistics(self) -> Statistics:
        """Return the counts of this moment."""
        tally, lag, known = self.tally, self.pulse.lag, self._frontier.statistics()
        return Statistics(
            ledger=known.ledger,
            hosts=known.hosts,
            fetching=self._dispatcher.in_flight,
            fetched=tally.fetched,
            fetched_before=tally.fetched_before,
            items=tally.items,
            bytes=self._budget.spent,
            retries=tally.retries,
            redirects=tally.redirects,
            errors=dict(tally.errors),
            seconds=tally.seconds,
            loop_lag_p50=lag.quantile(0.5),
            loop_lag_p99=lag.quantile(0.99),
            loop_lag_max=lag.largest,
            limited_by=tally.limited_by,
            shares=tally.shares,
            stopped_by=self._dispatcher.stopped_by,
            stage=self._stage.statistics(),
        )

    async def resume(self, kept: Kept) -> None:
        """Go on where an earlier crawl of the same record ended; to be called before `run`."""
        if self._record is None:
            raise AssertionError("there is nothing to go on from")
        await resume_frontier(self._frontier, self._record, kept, self._rules.limits.max_depth)
        for origin, (until, rules) in kept.robots.items():
            self._permissions.learn(origin, rules, until)
        self._discovery.recall(kept.shapes)
        if "tally" in kept.facts:
            self._budget.spend(self.tally.recall(kept.facts["tally"]))
            self._dispatcher.recall(self.tally.fetched)

    def belong(self, seeds: Iterable[str]) -> None:
        """Have the URLs of ``seeds``, which are crawled already, say what belongs to the crawl."""
        for url in seeds:
            self._rules.boundary.include(url)
            if self._rules.asks_for_sitemaps:
                self._errands.sitemap_origins.add(origin_of(url))

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
            self.tally.end()
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
        serving = group.create_task(self._stage.run(self._encoders, self._settle, self._manners), name="CPU stage")
        serving.add_done_callback(lambda _: self._dispatcher.close())
        committing = group.create_task(self._committer.run(), name="commits")
        committing.add_done_callback(lambda _: self._dispatcher.close())
        refilling = None if self._refill is None else group.create_task(self._refill.run(), name="refill")
        for seed in seeds.known:
            self._add_seed(seed)
        seeding = None if seeds.is_over else group.create_task(self._seed(seeds), name="seeds")
        with self.pulse:
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

        await seeds.run(add, self._refuse_seed, lambda: self._frontier.pending)
        self._dispatcher.advance()

    def _add_seed(self, seed: Request) -> bool:
        self.belong((seed.url,))
        try:
            return self._frontier.add(replace(seed, url=self._discovery.spelt(seed.url)))
        except ParseError as error:
            raise ConfigurationError(str(error)) from error

    def _refuse_seed(self, seed: object, error: Exception) -> None:
        """Count what is no seed; it is no reason to end a crawl of millions."""
        failure = Failure(str(seed), State.REFUSED, type(error).__name__, str(error))
        self.tally.note_failure(failure)
        if self._on_failure is not None:
            _call(self._on_failure, failure)

    # ── from its dispatch to the CPU stage ──

    def _admit(self, request: Request) -> Process | None:
        """Return what is to be done for an acquired request; nothing where it has failed, or must wait."""
        verdict = self._admission.verdict(request, self._group)
        if verdict is True:
            return self._errands.run if request.is_errand else self._process
        if isinstance(verdict, FetchError):
            self._frontier.release(request, monotonic(), Outcome.UNKNOWN)
            if request.is_errand:
                self._errands.fail(request, verdict)
            else:
                self._retry_or_fail(request, verdict)
        return None

    async def _process(self, request: Request) -> None:
        """Take a request from its dispatch to the CPU stage."""
        page = await self._fetch(request)
        self._dispatcher.advance()  # the host has a free connection, even if the CPU stage should have no room
        if page is None:
            return
        try:
            await self._hand_over(page)
        except asyncio.CancelledError:
            if self._dispatcher.cuts_off:
                raise
            # Given back, the page would be fetched again, and cancel its task again, for ever.
            self._fail_page(page, ParseError("the parser cancelled the task that it ran in"))

    async def _fetch(self, request: Request) -> Page | None:
        """Return the page, or ``None`` when what came instead has been dealt with."""
        came: Page | FetchError | LimitReachedError | None = None
        exchange = Exchange(request, self._frontier, self._dispatcher.advance)
        if not request.attempt:
            self._retries.deposit()
        try:
            came = await self._fetcher.fetch(request, self._budget, exchange.answered)
        except (FetchError, LimitReachedError) as error:
            came = error
        finally:
            exchange.end(came)
            if not isinstance(came, Page) or came.status in REDIRECTS:
                self._dispatcher.uncount()
        match came:
            case FetchError():
                self._retry_or_fail(request, came)
            case LimitReachedError():
                self._frontier.give_back(request)
                self._dispatcher.stop(str(came))
            case Page() if came.status in REDIRECTS:
                self._follow(came)
            case Page():
                self.tally.fetched += 1
                return came
        return None

    # ── what came instead of a page ──

    def _follow(self, page: Page) -> None:
        """Close a request that was redirected; where it leads is a request of its own."""
        request = page.request
        try:
            if request.redirects >= self._rules.max_redirects:
                raise TooManyRedirectsError(f"more than {self._rules.max_redirects} redirects")
            target = redirected(request, page.status, location_of(page.headers))
            if target.fingerprint == request.fingerprint:
                raise ProtocolError("redirects to itself")
        except FetchError as error:
            self._fail(request, error)
            return
        if not request.parent and not self._rules.boundary.permits(target.url):
            remedy = "give that as a seed, or widen the scope"
            self._fail(request, OutOfScopeError(f"the seed redirects to {target.url}, out of scope; {remedy}"))
            return
        self.tally.redirects += 1
        self._discovery.add(target, found_on=request.serial)
        self._frontier.end(request, State.DONE, status=page.status, reason=f"redirects to {target.url}")

    def _retry_or_fail(self, request: Request, error: FetchError) -> None:
        retry, luck = self._rules.retry, random.random()
        wait = retry.wait_after(error, request.attempt, luck, repeatable=request.is_repeatable)
        if wait is None or not self._retries.withdraw():
            self._fail(request, error)
            return
        self.tally.retries += 1
        self._frontier.retry(request, monotonic() + wait, failure_of(request, error))

    async def _hand_over(self, page: Page) -> None:
        """Have the page parsed: in the CPU stage, or here when its parser is asynchronous."""
        try:
            parser = self._async_parser_for(page.label)
            if parser is None:
                await self._stage.put(page)
                return
        except ParseError as error:
            self._fail_page(page, error)
            return
        parsed = await parse_async(parser, page, self._crawler, self._encoders, self._manners)
        parsed = await self._stage.kept(page, parsed)
        await self._settle([(page, parsed)])

    def _async_parser_for(self, label: str) -> Parser | None:
        if label == SITEMAP:
            return None
        if label not in self._async_parsers:
            parser = parser_for(self._parser, label)
            self._async_parsers[label] = parser if is_async(parser) else None
        return self._async_parsers[label]

    # ── what became of pages ──

    async def _settle(self, results: Sequence[tuple[Page, Parsed]]) -> None:
        """Add the links of parsed pages, and hand over their items, with which their requests come to their end."""
        outputs: list[list[Any]] = [[] for _ in self._sinks]
        pages, made = [], 0
        for page, parsed in results:
            problem = await self._add_links(page, parsed)
            try:
                items = self._checked(page, parsed)
                if problem is not None:
                    raise problem
            except (ParseError, QuarantineError) as error:
                self._fail_page(page, error, parsed.saved)
                continue
            for output, some in zip(outputs, items, strict=True):
                output.extend(some)
            made += parsed.items
            pages.append(page)
        self._dispatcher.advance()
        # Nothing is awaited between the counts and the pages that they count: both are in the same commit.
        self.tally.items += made
        self.tally.settled += len(results)
        if pages or self._record is not None:  # which may hold failed pages, of which there are never too many
            await self._committer.put(pages, outputs)

    async def _add_links(self, page: Page, parsed: Parsed) -> ParseError | None:
        """Add what a page leads to, of one that failed too: a broken sitemap, for example. Return what cannot be."""
        try:
            await self._discovery.add_all(page, parsed)
        except ParseError as error:
            return error
        return None

    def _checked(self, page: Page, parsed: Parsed) -> list[list[Any]]:
        """Return a page's items for each sink, or raise what went wrong."""
        if parsed.error is not None:
            raise parsed.error
        fingerprint = page.request.fingerprint if parsed.items else ""
        return [keyed(sink, fingerprint, parsed.items_for(place)) for place, sink in enumerate(self._sinks)]

    def _fail_page(self, page: Page, error: CrawlerError, saved: str = "") -> None:
        """Close a request whose page could not be parsed; another parser may."""
        self._committer.keep([page])
        self._fail(page.request, error, saved)

    def _fail(self, request: Request, error: CrawlerError, saved: str = "") -> None:
        """Close a request that came to nothing."""
        if isinstance(error, RobotsDeniedError) and request.parent:
            # Counted, like what is out of scope; only for seeds is it news.
            self._frontier.end(request, State.DENIED, reason=str(error))
            return
        failure = failure_of(request, error, saved)
        self._frontier.end(request, failure.state, failure=failure)
        self.tally.note_failure(failure)
        if self._on_failure is not None:
            _call(self._on_failure, failure)

    def _complete(self, changes: Changes) -> None:
        """Add what is counted to what is about to be written."""
        changes.facts.update(self._facts())
        changes.facts["tally"] = self.tally.kept(self._budget.spent)
        changes.shapes = self._discovery.take_shapes()

    def _note_moment(self) -> None:
        """Note what the crawl waits for at this moment."""
        if self._stage.is_held_up:
            self.tally.note_moment("sink")
        elif self._stage.is_saturated:
            self.tally.note_moment("cpu")
        elif self._dispatcher.is_waiting_for_hosts and self._frontier.waits_for_retries:
            self.tally.note_moment("retries")
        elif self._dispatcher.is_waiting_for_hosts:
            self.tally.note_moment("politeness", self._frontier.next_host)
        else:
            self.tally.note_moment("network")


def encoder_of(sink: Sink) -> Encode | OfPage | None:
    """Return how the workers encode for ``sink``."""
    of_page: Callable[[Page], bytes] | None = getattr(sink, "encode_page", None)
    return sink.encode if of_page is None else OfPage(of_page)


def _call(function: Callable[[Failure], object], failure: Failure) -> None:
    try:
        function(failure)
    except asyncio.CancelledError as error:  # which would pass for ours
        raise CrawlerError(f"on_failure raised {error!r}") from error


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group, however deep; the rest are what it set off."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
