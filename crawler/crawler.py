"""The crawler: opens what a crawl needs, runs it, closes it. What users embed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, get_args

from crawler.crawl.configuration import Configuration, sinks_of
from crawler.crawl.control import Control
from crawler.crawl.dispatcher import InFlight
from crawler.crawl.engine import Engine
from crawler.crawl.seeding import Seeding
from crawler.crawl.seeds import Seed
from crawler.crawl.start import CrawlStart, open_start
from crawler.crawl.stream import ItemStream, StreamedCrawl, run_into
from crawler.crawl.summary import Statistics, Summary
from crawler.errors import ClosedError, ConfigurationError
from crawler.frontier.host_statistics import HostOrder, HostStatistics
from crawler.models import Failure
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser
from crawler.policy.checks import whole
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.order import Order
from crawler.policy.politeness import Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope
from crawler.policy.state_folder import StateFolder
from crawler.runtime.gc_tuning import short_pauses
from crawler.sinks.buffer import Buffer
from crawler.sinks.by_suffix import sink_for
from crawler.sinks.sink import Sink

__all__ = ["Crawler", "Seed", "crawl", "loop_factory"]

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
            ConfigurationError: The parser cannot be called, an option is of the wrong kind, or two contradict each
                other.
        """
        self._options = Configuration.of(
            parser,
            scope=scope,
            limits=limits,
            politeness=politeness,
            retry=retry,
            fetch=fetch,
            cpu=cpu,
            state=state,
            order=order,
            sinks=sinks,
            on_failure=on_failure,
        )
        self._resources: AsyncExitStack | None = None
        self._start: CrawlStart | None = None
        self._engine: Engine | None = None
        self._stream: StreamedCrawl | None = None
        self.control = Control()

    def __repr__(self) -> str:
        parser = self._options.parser
        return f"<Crawler {getattr(parser, '__qualname__', repr(parser))} {self._engine or 'idle'}>"

    async def __aenter__(self) -> Self:
        if self._resources is not None:
            raise ClosedError("this crawler is open already")
        async with AsyncExitStack() as resources:
            self._start = await resources.enter_async_context(open_start(self._options, self.control))
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
                await stream.end()
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
        start = self._opened()
        self._check_idle()
        seeding = start.seeding(seeds)
        await start.run(self._prepare(start, seeding, self._options.sinks), seeding)
        return self.summary()

    def stream(self, *seeds: Seed) -> ItemStream:
        """Crawl from ``seeds`` and return an asynchronous iterator of the items; see `run` for what it raises.

        A slow consumer slows the crawl: at most a thousand items wait. Leaving the loop early leaves the crawl running
        until the ``async with`` block of the crawler, `ItemStream.aclose`, or the next `stream` ends it: that one ends
        a crawl whose iterator nobody has any more.
        """
        start = self._opened()
        left = self._stream if self._stream is not None and self._stream.is_left else None
        if left is None:
            self._check_idle()
        buffer = Buffer(_BUFFERED_ITEMS, until_read=self._options.state is not None)
        seeding = start.seeding(seeds)
        prepare = partial(self._prepare, start, seeding, (*self._options.sinks, buffer))
        engine = prepare() if left is None else None

        async def crawl() -> None:
            await start.run(engine or prepare(), seeding)

        running = asyncio.create_task(run_into(buffer, crawl, left), name=repr(self))
        self._stream = StreamedCrawl(buffer, running)
        return self._stream.items()

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
        return await self._opened().stage.compute(function, args)

    def requests(self) -> list[InFlight]:
        """Return the requests in flight, each with its age in seconds, the oldest first."""
        return [] if self._engine is None else self._engine.requests()

    def hosts(self, limit: int = 40, order: HostOrder = "busiest") -> list[HostStatistics]:
        """Return what hosts do at this moment, and what each of them waits for.

        Args:
            limit: How many hosts at most; of 10,000 hosts this takes a few milliseconds.
            order: Which come first: those with the most requests in flight (``"busiest"``), with the most requests that
                wait (``"waiting"``), or by name (``"name"``).

        Raises:
            ConfigurationError: There is no such order, or ``limit`` is no whole number of at least 1.
        """
        whole("limit", limit, 1, unit="hosts")
        if order not in get_args(HostOrder):
            raise ConfigurationError.of("order", order, f"one of {', '.join(get_args(HostOrder))}")
        return [] if self._engine is None else self._engine.hosts(limit, order)

    def statistics(self) -> Statistics:
        """Return the counts of the present crawl, or the last one."""
        if self._engine is None or self._start is None:
            return Statistics()
        return replace(self._engine.statistics(), cache=self._start.fetching.cache)

    def summary(self) -> Summary:
        """Return the summary of the present crawl, or the last one."""
        return Summary.of(self.statistics())

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The last thousand failures of the present crawl, or the last one; ``on_failure`` gets all."""
        return tuple(self._engine.counters.failures) if self._engine else ()

    def _opened(self) -> CrawlStart:
        if self._resources is None or self._start is None:
            raise ClosedError("the crawler is not open: async with Crawler(…) as crawler")
        return self._start

    def _prepare(self, start: CrawlStart, seeds: Seeding, sinks: Sequence[Sink]) -> Engine:
        self._engine = start.engine(seeds, sinks, self)
        return self._engine

    def _check_idle(self) -> None:
        if self._is_crawling:
            raise ConfigurationError("this crawler is crawling; close its stream first, or make another crawler")

    @property
    def _is_crawling(self) -> bool:
        is_streaming = self._stream is not None and self._stream.is_running
        return is_streaming or (self._engine is not None and self._engine.is_running)


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
        sinks = options.get("sinks")
        options["sinks"] = (*sinks_of(() if sinks is None else sinks), sink_for(out))
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
