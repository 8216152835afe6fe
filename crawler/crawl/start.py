"""Starts crawls: opens what they need, builds the engine, restores what an earlier run has left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace as replace_fields
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crawler.crawl.configuration import Configuration
from crawler.crawl.control import Control
from crawler.crawl.engine import Engine
from crawler.crawl.parts import Parts, Rules
from crawler.crawl.resume import restore_sinks
from crawler.crawl.seeding import Seeding, sorted_out
from crawler.crawl.seeds import Seed
from crawler.document.transfer import Archiving
from crawler.errors import ConfigurationError
from crawler.frontier.frontier import Frontier
from crawler.models import Request
from crawler.parsing.parser import page_has_no_parser
from crawler.parsing.parser_identity import identity_of
from crawler.parsing.router import without_async
from crawler.parsing.stage import Stage, open_stage
from crawler.policy.order import Ranking
from crawler.policy.politeness import HostRule
from crawler.runtime.descriptors import Descriptors
from crawler.runtime.waker import Waker
from crawler.sinks.sink import Sink
from crawler.state.options_compared import changes_since, described, encode_options
from crawler.state.record import Record, Restored
from crawler.state.sqlite_record import open_record
from crawler.url import without_port, without_userinfo

if TYPE_CHECKING:
    from crawler.fetching.session import FetchSession

_log = logging.getLogger("crawler")


class CrawlStart:
    """Starts one crawl after the other with the same open resources.

    Attributes:
        stage: The CPU stage.
        fetching: What fetches.
    """

    def __init__(
        self,
        options: Configuration,
        stage: Stage,
        fetching: FetchSession,
        record: Record,
        resources: AsyncExitStack,
        control: Control,
        descriptors: Descriptors,
    ) -> None:
        """Create what starts crawls.

        Args:
            options: Those of the crawls.
            stage: The CPU stage, open.
            fetching: What fetches, open.
            record: What of the crawls outlives the process, open.
            resources: Closes the sinks, which the first crawl opens.
            control: Steers the crawls.
            descriptors: Tells how many connections there may be.
        """
        self.stage = stage
        self.fetching = fetching
        self._options = options
        self._ranking = Ranking(options.order)
        self._record = record
        self._resources = resources
        self._control = control
        self._descriptors = descriptors
        self._encoded_options: bytes | None = None
        self._sinks_are_open = False

    def __repr__(self) -> str:
        return f"<CrawlStart {self.stage!r}>"

    def seeding(self, seeds: Sequence[Seed]) -> Seeding:
        """Return the requests of ``seeds``. The user names them, so the fetcher may go to any address for them.

        Raises:
            InvalidURLError: A seed is no http(s) URL.
            ConfigurationError: There is none, or one is neither a text nor a request.
        """
        known, others = sorted_out(seeds)
        self.fetching.trust(request.url for request in known)
        if not known and others is None:
            raise ConfigurationError("nothing to crawl: there is no seed")
        return Seeding([_without_secrets(seed) for seed in known], others, self._introduce)

    def engine(self, seeds: Seeding, sinks: Sequence[Sink], crawler: object) -> Engine:
        """Return the engine of a crawl from ``seeds`` into ``sinks``, for the user's ``crawler``."""
        options = self._options
        waker = Waker()
        frontier = self._frontier(waker)
        parts = Parts(
            frontier,
            self.fetching,
            self.stage,
            sinks,
            self._record,
            self._facts,
            waker=waker,
            control=self._control,
            descriptors=self._descriptors,
        )
        rules = Rules(
            boundary=options.scope.around(seed.url for seed in seeds.known),
            rewriting=options.scope.rewriting,
            limits=options.limits,
            retry=replace_fields(options.retry, attempts=1) if self._is_replay else options.retry,
            max_redirects=options.fetch.max_redirects,
            concurrency=options.fetch.concurrency,
            user_agent=options.fetch.user_agent,
            obeys_robots=options.politeness.robots,
            asks_for_sitemaps=options.scope.sitemaps,
            has_cookies=options.fetch.access.cookies is not None,
        )
        return Engine(options.parser, parts, rules, crawler=crawler, on_failure=options.on_failure)

    async def run(self, engine: Engine, seeds: Seeding) -> None:
        """Run a crawl to its end: go on where an earlier one with the same record ended, if there was one.

        Raises:
            ConfigurationError: A sink cannot be opened, or is another than the crawl had.
            CrawlerError: See `Engine.run`.
        """
        restored = await self._record.load()
        if not self._sinks_are_open:
            await self._open_sinks(restored)
        elif self._record.is_durable:  # an earlier crawl may have been cut off between its items and their commit
            await restore_sinks(self._options.sinks, restored)
        self._compare_options(restored)
        await engine.resume(restored)
        if not seeds.is_over and not restored.is_new:
            await self._restore_seeds(engine)
        if "cookies" in restored.facts:
            self.fetching.restore_cookies(restored.facts["cookies"])
        await engine.run(seeds)
        await self.fetching.finish()

    async def _restore_seeds(self, engine: Engine) -> None:
        """Treat the seeds of the earlier run as seeds from the start.

        An iterator of seeds gives them again, but long after pages that they lead to are fetched.
        """
        async for urls in self._record.seeds():
            self.fetching.trust(urls)
            engine.include_seeds(urls)

    def _lasting_options(self) -> dict[str, str]:
        """Return the options that should stay the same when a crawl is resumed."""
        options = self._options
        return identity_of(options.parser) | described(
            scope=options.scope,
            limits=options.limits,
            order=options.order,
            robots=options.politeness.robots,
            user_agent=options.fetch.user_agent,
        )

    def _compare_options(self, restored: Restored) -> None:
        before = restored.facts.get("options")
        for change in () if before is None else changes_since(before, self._lasting_options()):
            _log.warning("this crawl goes on with other options: %s", change)

    def _facts(self) -> dict[str, bytes]:
        """Return what is saved beside the frontier."""
        cookies = self.fetching.changed_cookies()
        if self._encoded_options is None:
            self._encoded_options = encode_options(self._lasting_options())
        facts = {"options": self._encoded_options}
        return facts if cookies is None else {**facts, "cookies": cookies}

    async def _open_sinks(self, restored: Restored) -> None:
        # Not with the other resources but at the first crawl: nothing is written, and no file emptied, before it is
        # known that the parser works and that there is something to crawl.
        for sink in self._options.sinks:
            self._resources.push_async_callback(sink.close)
            await sink.open()
        # When all are open, so that none is emptied in vain.
        await restore_sinks(self._options.sinks, restored)
        self._sinks_are_open = True

    def _introduce(self, seed: Request) -> Request:
        self.fetching.trust((seed.url,))
        return _without_secrets(seed)

    def _frontier(self, waker: Waker) -> Frontier:
        return Frontier(
            self._rule_for,
            places=self._options.fetch.concurrency,
            ranking=self._ranking,
            journal=self._record.journal,
            window=self._record.window,
            ran_low=self._record.low.set,
            changed=waker,
            is_depth_limited=self._options.limits.max_depth is not None,
        )

    @property
    def _is_replay(self) -> bool:
        cache = self._options.fetch.cache
        return cache is not None and cache.mode == "replay"

    def _rule_for(self, host: str) -> HostRule:
        if (rule := self._control.rules.get(host)) is not None:
            return rule
        if self._is_replay:  # nobody is asked
            return HostRule(0.0, None)
        return self._options.politeness.rule_for(without_port(host))


def _without_secrets(seed: Request) -> Request:
    # Names and passwords stay with the fetcher: URLs are what logs and items are full of.
    return replace(seed, url=without_userinfo(seed.url))


def _archiving(sinks: Iterable[Sink]) -> Archiving:
    """Return what ``sinks`` want to know of each exchange."""
    return Archiving(
        any(getattr(sink, "wants_transfers", False) for sink in sinks),
        any(getattr(sink, "wants_responses", False) for sink in sinks),
    )


@asynccontextmanager
async def open_start(options: Configuration, control: Control) -> AsyncIterator[CrawlStart]:
    """Open the record, the CPU stage and the fetcher; all are closed at the end, the sinks first.

    Args:
        options: Those of the crawls to start.
        control: Steers them.

    Raises:
        ConfigurationError: The parser cannot reach the workers, or a file that ``options`` name cannot be used.
        StateError: The state folder cannot be used.
        ParseError: A worker cannot import the parser.
        WorkerLostError: Workers die at their start.
    """
    async with AsyncExitStack() as resources:
        # First: where the folder is in use, that is said before workers start.
        opening = open_record(options.state, is_depth_first=Ranking(options.order).is_newest_first)
        record = await resources.enter_async_context(opening)
        parser = without_async(options.parser) or page_has_no_parser
        stage = resources.enter_async_context(open_stage(options.cpu, parser))
        # Imported here: aiohttp takes 0.3 s to import, and every worker imports this module with the user's. While
        # the workers start, and off the loop, which in a web application has others to serve.
        importing = asyncio.to_thread(import_module, "crawler.fetching.session")
        opened, module = await asyncio.gather(stage, importing)
        descriptors = Descriptors()
        session = module.open_session(options.fetch, _archiving(options.sinks), descriptors)
        fetching = await resources.enter_async_context(session)
        yield CrawlStart(options, opened, fetching, record, resources, control, descriptors)
