"""Builds the parts of a crawl, and connects them. What they do is their own."""

from __future__ import annotations

from collections.abc import Callable

from crawler.crawl.admission import Admission
from crawler.crawl.bottleneck import Bottleneck
from crawler.crawl.committer import Committer
from crawler.crawl.counters import Counters
from crawler.crawl.discovery import Discovery
from crawler.crawl.dispatcher import Dispatcher
from crawler.crawl.failed_requests import FailedRequests
from crawler.crawl.fetch_step import FetchStep
from crawler.crawl.group import Part
from crawler.crawl.next_step import FetchRules
from crawler.crawl.page_results import PageResults, encoder_of
from crawler.crawl.parse_step import ParseStep
from crawler.crawl.parts import Parts, Rules
from crawler.crawl.pipeline import Pipeline
from crawler.crawl.refill import Refill
from crawler.crawl.retries import Retries
from crawler.crawl.robots_requests import RobotsRequestRules, RobotsRequests
from crawler.crawl.unencodable import UnencodablePages
from crawler.errors import EncodingError
from crawler.models import Failure
from crawler.parsing.router import Parser
from crawler.parsing.worker import LinkDirectives
from crawler.policy.limits import ByteBudget
from crawler.robots.decision import product_token
from crawler.robots.rules_cache import RulesCache
from crawler.runtime.loop_lag import LoopLag
from crawler.runtime.loop_load import LoopLoad
from crawler.state.changes import Changes

_DISK_FULL = "disk full"  # a reason for a pause


class Wiring:
    """The parts of one crawl, each connected to those that it needs.

    Attributes:
        budget: Bytes of bodies that may be read.
        rules_cache: Knows the robots.txt of each origin.
        counters: What the crawl has done so far.
        loop_lag: How late the loop is.
        unencodable: The pages whose items could not be encoded.
        dispatcher: Starts requests.
        discovery: Takes links.
        committer: Writes items, and closes the requests of their pages.
        failed_requests: Closes all others.
        retries: Attempts requests again.
        admission: Decides whether a request may be sent now.
        robots_requests: Fetches robots.txt files.
        parse_step: Has pages parsed.
        pipeline: Takes requests from their dispatch to the CPU stage.
        refill: Brings requests from the disk into memory.
    """

    def __init__(
        self,
        parser: Parser,
        parts: Parts,
        rules: Rules,
        *,
        crawler: object,
        on_failure: Callable[[Failure], object] | None,
    ) -> None:
        """Build the parts; see `Engine` for the arguments."""
        self._parts = parts
        self._rules = rules
        self._frontier = parts.frontier
        self.budget = ByteBudget(rules.limits.max_bytes)
        self.rules_cache = RulesCache()
        self.counters = Counters(parts.clock)
        self.dispatcher = self._new_dispatcher()
        self.discovery = Discovery(parts.frontier, rules.boundary, rules.limits, rules.rewriting)
        self.unencodable = UnencodablePages()
        self.committer = self._new_committer()
        self.failed_requests = FailedRequests(parts.frontier, self.counters, self.committer.keep_failed, on_failure)
        self.retries = Retries(
            parts.frontier, self.failed_requests, counters=self.counters, rules=rules.retry, clock=parts.clock
        )
        self.admission = self._new_admission()
        self.robots_requests = self._new_robots_requests()
        self.parse_step = self._new_parse_step(parser, crawler)
        self.pipeline = self._new_pipeline()
        self.refill = Refill(parts.frontier, parts.record, self.committer.flush)

    def __repr__(self) -> str:
        return f"<Wiring {self.pipeline!r}>"

    def _new_admission(self) -> Admission:
        rules_cache = self.rules_cache if self._rules.obeys_robots else None
        return Admission(self._frontier, self._parts.fetcher, rules_cache, clock=self._parts.clock)

    def _new_dispatcher(self) -> Dispatcher:
        self.loop_lag = LoopLag(self._look)
        dispatcher = Dispatcher(
            self._frontier,
            self._rules.limits,
            self._rules.concurrency,
            waker=self._parts.waker,
            is_loop_late=lambda: self.loop_lag.is_late,
            clock=self._parts.clock,
            descriptors=self._parts.descriptors,
        )
        load = LoopLoad(self._parts.clock)
        self._bottleneck = Bottleneck(
            self._frontier,
            dispatcher,
            self._parts.stage,
            self.counters,
            lag=self.loop_lag,
            load=load,
            descriptors=self._parts.descriptors,
            waker=self._parts.waker,
        )
        return dispatcher

    def _new_committer(self) -> Committer:
        def pause(wanted: bool) -> None:
            (self.dispatcher.pause if wanted else self.dispatcher.resume)(_DISK_FULL)

        return Committer(
            self._frontier,
            self._parts.sinks,
            self._parts.record,
            complete=self._complete,
            pause=pause,
            reject=self._reject,
            clock=self._parts.clock,
        )

    def _new_robots_requests(self) -> RobotsRequests:
        return RobotsRequests(
            self._frontier,
            self._parts.fetcher,
            self.rules_cache,
            self.discovery,
            RobotsRequestRules(self._rules.retry, self._rules.user_agent),
            clock=self._parts.clock,
            journal=self._parts.record.journal,
            is_cutting_off=lambda: self.dispatcher.cuts_off,
        )

    def _new_parse_step(self, parser: Parser, crawler: object) -> ParseStep:
        sinks = self._parts.sinks
        page_results = PageResults(
            self.discovery,
            self.failed_requests,
            self.retries,
            self.committer,
            sinks,
            uncount=self.dispatcher.uncount,
            unencodable=self.unencodable,
            counters=self.counters,
        )
        directives = LinkDirectives(product_token(self._rules.user_agent), self._rules.obeys_robots)
        encoders = tuple(map(encoder_of, sinks))
        return ParseStep(parser, self._parts.stage, page_results, encoders, directives, crawler=crawler)

    def _new_fetch_step(self) -> FetchStep:
        return FetchStep(
            self._frontier,
            self._parts.fetcher,
            self.dispatcher,
            self.discovery,
            self.failed_requests,
            self.retries,
            self.committer,
            counters=self.counters,
            budget=self.budget,
            rules=FetchRules(
                self._rules.retry,
                self._rules.max_redirects,
                may_repeat=self._rules.has_cookies,
                canonical=self.discovery.canonical,
            ),
            clock=self._parts.clock,
        )

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(
            self._frontier,
            self.dispatcher,
            self.admission,
            self.robots_requests,
            self._new_fetch_step(),
            self.parse_step,
            clock=self._parts.clock,
        )

    def _reject(self, part: Part, error: EncodingError) -> None:
        """Close the request of a page whose items a sink cannot hold."""
        self.unencodable.note_bad(error, was_good=True)
        self.counters.items -= part.items
        if part.request is not None:
            self.failed_requests.fail(part.request, error)

    def _look(self) -> None:
        self._bottleneck.look()

    def _complete(self, changes: Changes) -> None:
        """Add the counters to what is about to be written."""
        changes.facts.update(self._parts.facts())
        changes.counters = self.counters.record(self.budget.spent)
        changes.shapes = self.discovery.take_shapes()
