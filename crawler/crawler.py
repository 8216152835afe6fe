"""The crawler: opens what a crawl needs, runs it, closes it. What users embed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace as replace_fields
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from crawler.crawl.control import Control
from crawler.crawl.dispatcher import InFlight
from crawler.crawl.engine import Engine, Parts, Rules
from crawler.crawl.resume import restore_sinks
from crawler.crawl.seeding import Seeding, sorted_out
from crawler.crawl.seeds import Seed
from crawler.crawl.stream import ItemStream, run_into
from crawler.crawl.summary import Statistics, Summary
from crawler.errors import ClosedError, ConfigurationError
from crawler.frontier.frontier import Frontier
from crawler.models import Failure, Request
from crawler.parsing.cpu import Cpu
from crawler.parsing.parser import page_has_no_parser
from crawler.parsing.router import Parser, is_async, without_async
from crawler.parsing.stage import open_stage
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.order import Order, Ranking
from crawler.policy.politeness import HostRule, Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope
from crawler.policy.state_folder import StateFolder
from crawler.runtime.gc_tuning import short_pauses
from crawler.runtime.waker import Waker
from crawler.sinks.buffer import Buffer
from crawler.sinks.by_suffix import sink_for
from crawler.sinks.call import as_sink
from crawler.sinks.sink import Sink
from crawler.state.options_compared import changes_since, described, encode_options
from crawler.state.record import Record, open_record
from crawler.state.sqlite_store import Restored
from crawler.url import without_port, without_userinfo

__all__ = ["Crawler", "Seed", "crawl", "loop_factory"]

_log = logging.getLogger("crawler")
_BUFFERED_ITEMS = 1000  # items that wait for the consumer of a stream; arbitrary


class Crawler:
    """Crawls from seeds with one parser; use it in ``async with``.

    ```python
    async with Crawler(parse) as crawler:
        async for book in crawler.stream("https://books.example/"):
            ...
        print(crawler.summary())
    ```

    It runs in the loop that is there, and sets no event-loop policy, installs no signal handler, configures no logging.
    One crawler runs one crawl after the other; run as many crawlers side by side as you like.
    """

    def __init__(
        self,
        parser: Parser,
        *,
        scope: Scope | None = None,
        limits: Limits | None = None,
        politeness: Politeness | None = None,
        retry: Retry | None = None,
        fetch: Fetch | None = None,
        cpu: Cpu | None = None,
        state: StateFolder | str | os.PathLike[str] | None = None,
        order: Order = "breadth",
        sinks: Iterable[Sink | Callable[[Any], object]] = (),
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Create a crawler; nothing is opened and no process is started before ``async with``.

        Args:
            parser: A function of a `Page` that returns or yields items and `Request`s, or a `Router` of several. Plain
                functions run in worker processes; ``async def`` ones on the loop, with this crawler as their second
                argument if they take one.
            scope: Which of the discovered URLs belong to the crawl: by default those of the seeds' sites.
            limits: Where it ends at the latest.
            politeness: How gently hosts are treated.
            retry: Which failed requests are tried again.
            fetch: Time-outs, sizes, headers, and how many requests are in flight.
            cpu: Where parsers run.
            state: A folder in which the crawl keeps what it needs to go on after any kind of end, a kill included: the
                same crawl with the same folder goes on where it was.
            order: What is fetched first within a host: see `crawler.policy.order.Order`.
            sinks: Where items go, beside `stream`: sinks, or functions called with each item.
            on_failure: Called with each `Failure`; what it raises ends the crawl.

        Raises:
            ConfigurationError: The parser cannot be called, a sink is none, ``on_failure`` is asynchronous, or an
                option is of the wrong kind.
        """
        if not callable(parser):
            raise ConfigurationError.of("parser", parser, "a function of a page, or a Router")
        _check_options(scope=scope, limits=limits, politeness=politeness, retry=retry, fetch=fetch, cpu=cpu)
        self._parser = parser
        self._scope = scope or Scope()
        self._limits = limits or Limits()
        self._politeness = politeness or Politeness()
        if self._scope.sitemaps and not self._politeness.robots:
            raise ConfigurationError("sitemaps=True: it is robots.txt that names them; leave it away, or robots=False")
        self._retry = retry or Retry()
        self._fetch = fetch or Fetch()
        self._cpu = cpu or Cpu()
        self._state = state if state is None or isinstance(state, StateFolder) else StateFolder(state)
        self._ranking = Ranking(order)
        self._sinks = [as_sink(sink) for sink in sinks]
        if on_failure is not None and is_async(on_failure):
            raise ConfigurationError.of("on_failure", on_failure, "a plain function: nobody would await it")
        self._on_failure = on_failure
        self._resources: AsyncExitStack | None = None
        self._record: Record | None = None
        self._encoded_options: bytes | None = None
        self._engine: Engine | None = None
        self._stream: ItemStream | None = None
        self._sinks_are_open = False
        self.control = Control()

    def __repr__(self) -> str:
        name = getattr(self._parser, "__qualname__", repr(self._parser))
        return f"<Crawler {name} {self._engine or 'idle'}>"

    async def __aenter__(self) -> Self:
        if self._resources is not None:
            raise ClosedError("this crawler is open already")
        self._sinks_are_open = False
        async with AsyncExitStack() as resources:
            self._record = None
            if self._state is not None:  # first: a folder that is in use should not wait for workers to say so
                opening = open_record(self._state, is_depth_first=self._ranking.is_newest_first)
                self._record = await resources.enter_async_context(opening)
            stage = resources.enter_async_context(open_stage(self._cpu, self._worker_parser()))
            # Imported here: aiohttp takes 0.3 s to import, and every worker imports this module with the user's. While
            # the workers start, and off the loop, which in a web application has others to serve.
            importing = asyncio.to_thread(import_module, "crawler.fetching.session")
            self._stage, fetching = await asyncio.gather(stage, importing)
            self._fetching = await resources.enter_async_context(fetching.open_session(self._fetch))
            self._resources = resources.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        resources, self._resources = self._resources, None
        if resources is None:
            return
        async with resources:
            stream, self._stream = self._stream, None
            if stream is not None:
                await stream.aclose()
                if error is None:
                    stream.raise_undelivered()

    async def run(self, *seeds: Seed) -> Summary:
        """Crawl from ``seeds`` to the end; items go to the sinks. Return the summary.

        Raises:
            InvalidURLError: A seed is no http(s) URL.
            ConfigurationError: There is no seed, a sink cannot be opened, or a crawl is running.
            ClosedError: The crawler is not open.
            SinkError: Items could not be written.
            WorkerLostError: Workers die and cannot be replaced, or the parser kills one after the other.
            LedgerError: The states of the URLs do not add up.
        """
        seeding = self._seeding(seeds)
        await self._crawl(self._prepare(seeding, self._sinks), seeding)
        return self.summary()

    def stream(self, *seeds: Seed) -> ItemStream:
        """Crawl from ``seeds`` and return an asynchronous iterator of the items; see `run` for what it raises.

        A slow consumer slows the crawl: at most a thousand items wait. Leaving the loop early leaves the crawl running
        until the ``async with`` block of the crawler, or `ItemStream.aclose`, ends it.
        """
        buffer = Buffer(_BUFFERED_ITEMS, until_read=self._state is not None)
        seeding = self._seeding(seeds)
        engine = self._prepare(seeding, [*self._sinks, buffer])
        running = asyncio.create_task(run_into(buffer, partial(self._crawl, engine, seeding)), name=repr(self))
        self._stream = ItemStream(buffer, running)
        return self._stream

    def stop(self, grace: float | None = None) -> None:
        """Start no more fetches; the crawl ends when what is in flight is done and written.

        Args:
            grace: Seconds after which what is still in flight is cut off, and stays pending; ``None`` waits for all.
        """
        self.control.stop(grace)

    async def compute(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return ``function(*args)``, called in a worker: for the CPU part of ``async def`` parsers.

        Raises:
            ClosedError: The crawler is not open.
            WorkerLostError: The worker process died of it.
            Exception: Whatever the function raised.
        """
        if self._resources is None:
            raise ClosedError("compute needs an open crawler: async with Crawler(…) as crawler")
        return await self._stage.compute(function, args)

    def requests(self) -> list[InFlight]:
        """Return the requests in flight, each with its age in seconds, the oldest first."""
        return [] if self._engine is None else self._engine.requests()

    def statistics(self) -> Statistics:
        """Return the counts of the present crawl, or the last one."""
        if self._engine is None:
            return Statistics()
        return replace_fields(self._engine.statistics(), cache=self._fetching.cache)

    def summary(self) -> Summary:
        """Return the summary of the present crawl, or the last one."""
        return Summary.of(self.statistics())

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The last thousand failures of the present crawl, or the last one; ``on_failure`` gets all."""
        return tuple(self._engine.counters.failures) if self._engine else ()

    def _worker_parser(self) -> Parser:
        return without_async(self._parser) or page_has_no_parser

    async def _crawl(self, engine: Engine, seeds: Seeding) -> None:
        kept = Restored() if self._record is None else await self._record.load()
        if not self._sinks_are_open:
            await self._open_sinks(kept)
        elif self._record is not None:  # an earlier crawl may have been cut off between its items and their commit
            await restore_sinks(self._sinks, kept)
        if self._record is not None:
            self._compare_options(kept)
            await engine.resume(kept)
            if not seeds.is_over and not kept.is_new:
                await self._restore_seeds(engine, self._record)
            if "cookies" in kept.facts:
                self._fetching.restore_cookies(kept.facts["cookies"])
        await engine.run(seeds)
        await self._fetching.finish()

    async def _restore_seeds(self, engine: Engine, record: Record) -> None:
        """Take the seeds of before for such, which an iterator gives again long after their pages go on."""
        async for urls in record.seeds():
            self._fetching.trust(urls)
            engine.belong(urls)

    def _options(self) -> dict[str, str]:
        """Return the options that a crawl which goes on should have as before."""
        return described(
            parser=self._parser,
            scope=self._scope,
            limits=self._limits,
            order=self._ranking.order,
            robots=self._politeness.robots,
            user_agent=self._fetch.user_agent,
        )

    def _compare_options(self, kept: Restored) -> None:
        for change in changes_since(kept.facts["options"], self._options()) if "options" in kept.facts else ():
            _log.warning("this crawl goes on with other options: %s", change)

    def _facts(self) -> dict[str, bytes]:
        """Return what is to be kept beside the frontier."""
        cookies = self._fetching.changed_cookies()
        if self._encoded_options is None:
            self._encoded_options = encode_options(self._options())
        facts = {"options": self._encoded_options}
        return facts if cookies is None else {**facts, "cookies": cookies}

    async def _open_sinks(self, kept: Restored) -> None:
        # Not with the other resources but at the first crawl: nothing is written, and no file emptied, before it is
        # known that the parser works and that there is something to crawl.
        resources = self._open_resources
        for sink in self._sinks:
            resources.push_async_callback(sink.close)
            await sink.open()
        # When all are open, so that none is emptied in vain.
        await restore_sinks(self._sinks, kept)
        self._sinks_are_open = True

    def _seeding(self, seeds: Sequence[Seed]) -> Seeding:
        """Return what ``seeds`` stand for; where they lead is trusted, as the user says so himself."""
        known, others = sorted_out(seeds)
        self._open_resources  # noqa: B018  # raises where there are none
        self._fetching.trust(request.url for request in known)
        if not known and others is None:
            raise ConfigurationError("nothing to crawl: there is no seed")
        return Seeding([_without_secrets(seed) for seed in known], others, self._introduce)

    def _introduce(self, seed: Request) -> Request:
        self._fetching.trust((seed.url,))
        return _without_secrets(seed)

    def _prepare(self, seeds: Seeding, sinks: list[Sink]) -> Engine:
        self._open_resources  # noqa: B018  # raises where there are none
        if self._is_crawling:
            raise ConfigurationError("this crawler is crawling; close its stream first, or make another crawler")
        waker = Waker()
        frontier = self._frontier(waker)
        parts = Parts(
            frontier, self._fetching, self._stage, sinks, self._record, self._facts, waker=waker, control=self.control
        )
        rules = Rules(
            boundary=self._scope.around(seed.url for seed in seeds.known),
            rewriting=self._scope.rewriting,
            limits=self._limits,
            retry=replace_fields(self._retry, attempts=1) if self._is_replay else self._retry,
            max_redirects=self._fetch.max_redirects,
            concurrency=self._fetch.concurrency,
            user_agent=self._fetch.user_agent,
            obeys_robots=self._politeness.robots,
            asks_for_sitemaps=self._scope.sitemaps,
        )
        self._engine = Engine(self._parser, parts, rules, crawler=self, on_failure=self._on_failure)
        return self._engine

    def _frontier(self, waker: Waker) -> Frontier:
        record, places = self._record, self._fetch.concurrency
        if record is None or self._state is None:
            return Frontier(self._rule_for, places=places, ranking=self._ranking, changed=waker)
        return Frontier(
            self._rule_for,
            places=places,
            ranking=self._ranking,
            journal=record.journal,
            window=self._state.window,
            ran_low=record.low.set,
            changed=waker,
        )

    @property
    def _is_crawling(self) -> bool:
        is_streaming = self._stream is not None and self._stream.is_running
        return is_streaming or (self._engine is not None and self._engine.is_running)

    @property
    def _open_resources(self) -> AsyncExitStack:
        if self._resources is None:
            raise ClosedError("the crawler is not open: async with Crawler(…) as crawler")
        return self._resources

    @property
    def _is_replay(self) -> bool:
        return self._fetch.cache is not None and self._fetch.cache.mode == "replay"

    def _rule_for(self, host: str) -> HostRule:
        if self._is_replay:  # nobody is asked
            return HostRule(0.0, None)
        if (rule := self.control.rules.get(host)) is not None:
            return rule
        return self._politeness.rule_for(without_port(host))


def _without_secrets(seed: Request) -> Request:
    # Names and passwords stay with the fetcher: URLs are what logs and items are full of.
    return replace(seed, url=without_userinfo(seed.url))


_KINDS: dict[str, type] = {
    "scope": Scope, "limits": Limits, "politeness": Politeness, "retry": Retry, "fetch": Fetch, "cpu": Cpu
}  # fmt: skip


def _check_options(**options: object) -> None:
    for name, value in options.items():
        if value is not None and not isinstance(value, _KINDS[name]):
            raise ConfigurationError.of(name, value, f"a {_KINDS[name].__name__}")


def crawl(parser: Parser, *seeds: Seed, out: str | os.PathLike[str] | None = None, **options: Any) -> Summary:
    """Crawl from ``seeds`` to the end, in an event loop of its own (uvloop's where it is installed).

    Args:
        parser: As for `Crawler`.
        seeds: URLs, requests, or iterables of them.
        out: A file to write the items to, of the kind that its suffix says: ``.csv``, ``.db``, ``.parquet``,
            ``.warc.gz``; JSON Lines for all else.
        options: The keywords of `Crawler`.

    Raises:
        ConfigurationError: An event loop is running in this thread already, or an option is wrong.
        InvalidURLError: A seed is no http(s) URL.
        SinkError: Items could not be written.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001  # get_running_loop without its exception
        remedy = "async with Crawler(parser) as crawler: await crawler.run(…)"
        raise ConfigurationError(f"crawl() starts an event loop, and one is running here; use {remedy}")
    if out is not None:
        options["sinks"] = [*options.get("sinks", ()), sink_for(out)]
    crawler = Crawler(parser, **options)
    with short_pauses(), asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_crawl(crawler, seeds))


async def _crawl(crawler: Crawler, seeds: Iterable[Seed]) -> Summary:
    async with crawler:
        return await crawler.run(*seeds)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's event loops; ``None``, for asyncio's own, where it is not installed (Windows)."""
    try:
        import uvloop  # noqa: PLC0415  # absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
