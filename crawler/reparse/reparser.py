"""A changed parser over the pages that a crawl has kept: all cores, no network.

```
kept pages ─► CPU stage ─► sinks
              ≤ a second of work
```
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crawler.crawl.configuration import Configuration
from crawler.crawl.counters import FAILURES_KEPT
from crawler.crawl.engine import first_of
from crawler.crawl.failed_requests import failure_of
from crawler.crawl.page_results import encoder_of, items_for
from crawler.document.page import Page
from crawler.errors import ClosedError, ConfigurationError, CrawlerError, DamagedBodyError, ParseError, QuarantineError
from crawler.frontier.seen import Seen
from crawler.models import SITEMAP, Failure, State
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser, is_async, parser_for, without_async
from crawler.parsing.stage import open_stage
from crawler.parsing.worker import LinkDirectives, Parsed
from crawler.policy.fetch import Fetch
from crawler.policy.politeness import Politeness
from crawler.policy.scope import Scope
from crawler.reparse.new_links import NewLinks
from crawler.reparse.reparsed import Reparsed
from crawler.robots.decision import product_token
from crawler.runtime.serial_executor import SerialExecutor
from crawler.sinks.call import as_sink
from crawler.sinks.sink import CheckpointedSink, Sink
from crawler.state.saved_pages import SavedPage, SavedPages

_READ_BYTES = 2**20  # of bodies that are read at a time; arbitrary, a call into a thread takes as long as 50 kB
_AHEAD_SECONDS = 1.0  # of work that are handed to the workers: what must be finished when it is to stop; arbitrary
_AHEAD_PAGES = 8  # for each worker at least, so that they have two batches each; arbitrary


class Reparser:
    """Runs a parser over the kept pages of a state folder; use it in ``async with``, and then `run`.

    A crawl may use the folder meanwhile: it is only read.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        parser: Parser,
        *,
        scope: Scope | None = None,
        politeness: Politeness | None = None,
        fetch: Fetch | None = None,
        cpu: Cpu | None = None,
        sinks: Iterable[Sink | Callable[[Any], object]] = (),
        labels: Collection[str] = (),
        new_links: Sink | Callable[[Any], object] | None = None,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Create what parses again; nothing is opened and no process is started before ``async with``.

        Args:
            folder: The state folder of a crawl with ``StateFolder(keep_bodies=True)``.
            parser: As for a `Crawler`, but a plain function, or a `Router` of such: nothing is there to be awaited.
            scope: That of the crawl: it says which links are new, and how they are spelt.
            politeness: That of the crawl: whether `Page.links` heeds what a site asks of robots.
            fetch: That of the crawl: as whom.
            cpu: Where the parser runs.
            sinks: Where items go: sinks, or functions called with each item. Files are overwritten.
            labels: Those of the requests whose pages are parsed; all if empty.
            new_links: A sink or a function for each `NewLink`: what the crawl had not discovered.
            on_failure: Called with each `Failure`.

        Raises:
            ConfigurationError: The parser cannot be called or is ``async def``, or a sink is none.
        """
        options = Configuration.of(
            parser, scope=scope, politeness=politeness, fetch=fetch, cpu=cpu, sinks=sinks, on_failure=on_failure
        )
        _check(parser, labels)
        self._folder = Path(folder)
        self._parser = parser
        self._scope = options.scope
        self._fetch = options.fetch
        self._politeness = options.politeness
        self._cpu = options.cpu
        self._sinks = options.sinks
        self._labels = frozenset(labels)
        self._links_sink = None if new_links is None else as_sink(new_links)
        self._on_failure = on_failure
        self._resources: AsyncExitStack | None = None
        self._executor = SerialExecutor()
        self._new_links: NewLinks | None = None
        self._async_labels: dict[str, ParseError | None] = {}
        self.failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)
        self._reset()

    def _reset(self) -> None:
        self._pages = self._items = self._links = self._found = self._bytes = self._handed = 0
        self._errors: Counter[str] = Counter()
        self._states: Counter[State] = Counter()
        self._settled = asyncio.Event()
        self._started = time.perf_counter()
        self._seconds: float | None = 0.0
        self._is_stopping = False

    def __repr__(self) -> str:
        return f"<Reparser of {str(self._folder)!r} {self._pages} pages>"

    async def __aenter__(self) -> Self:
        if self._resources is not None:
            raise ClosedError("this reparser is open already")
        async with AsyncExitStack() as resources:
            self._kept = await self._executor.run(SavedPages, self._folder)
            resources.push_async_callback(self._executor.run, self._kept.close)
            await self._executor.run(self._look)
            parser = without_async(self._parser)
            if parser is None:
                raise AssertionError("checked when this was made")
            self._stage = await resources.enter_async_context(open_stage(self._cpu, parser))
            self._resources = resources.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        resources, self._resources = self._resources, None
        if resources is not None:
            await resources.aclose()

    async def run(self) -> Reparsed:
        """Parse all pages; return what that came to.

        Raises:
            ConfigurationError: A sink cannot be opened.
            StateError: The folder cannot be read.
            SinkError: Items could not be written.
            WorkerLostError: Workers die and cannot be replaced, or the parser kills one after the other.
        """
        if self._resources is None:
            raise ClosedError("the reparser is not open: async with Reparser(…) as reparser")
        self._reset()
        async with AsyncExitStack() as resources:
            await self._open_sinks(resources)
            self._started, self._seconds = time.perf_counter(), None
            try:
                async with asyncio.TaskGroup() as group:
                    await self._run(group)
            except BaseExceptionGroup as errors:
                error = first_of(errors)
                raise error from error.__cause__
            finally:
                self._seconds = time.perf_counter() - self._started
        return self.statistics()

    def stop(self) -> None:
        """Begin no more pages; `run` returns when those that are under way are done."""
        self._is_stopping = True
        self._settled.set()

    def statistics(self) -> Reparsed:
        """Return the figures of this moment."""
        seconds = time.perf_counter() - self._started if self._seconds is None else self._seconds
        return Reparsed(
            total=max(self._total, self._pages),
            pages=self._pages,
            items=self._items,
            links=self._links,
            new_links=self._found if self._links_sink is not None else None,
            failed=self._states[State.FAILED],
            quarantined=self._states[State.QUARANTINED],
            not_kept=self._not_kept,
            bytes=self._bytes,
            seconds=seconds,
            stopped=self._is_stopping,
            errors=dict(self._errors),
            workers=self._stage.statistics().workers,
        )

    # ── what is there ──

    def _look(self) -> None:
        """Read what must be known of the folder; in a thread, as it takes seconds of a large one."""
        self._total, self._not_kept = self._kept.count(), self._kept.count_without()
        in_use = self._kept.outputs() & {sink.name for sink in self._sinks if isinstance(sink, CheckpointedSink)}
        if in_use:
            remedy = "name another file, or end the crawl first"
            raise ConfigurationError(
                f"the crawl of this folder is not over, and goes on to write to {in_use}: {remedy}"
            )
        if self._links_sink is None:
            return
        seen = Seen()
        self._kept.fill(seen.digests)
        boundary = self._scope.around(self._kept.seeds())
        self._new_links = NewLinks(seen, boundary, self._scope.rewriting)

    async def _open_sinks(self, resources: AsyncExitStack) -> None:
        sinks = [*self._sinks, *([self._links_sink] if self._links_sink else [])]
        for sink in sinks:
            resources.push_async_callback(sink.close)
            await sink.open()
        for sink in sinks:  # when all are open, so that none is emptied in vain
            if isinstance(sink, CheckpointedSink):
                await sink.restore(None)

    # ── from the disk to the CPU stage ──

    async def _run(self, group: asyncio.TaskGroup) -> None:
        encoders = tuple(map(encoder_of, self._sinks))
        link_directives = LinkDirectives(product_token(self._fetch.user_agent), self._politeness.robots)
        serving = group.create_task(self._stage.run(encoders, self._take_results, link_directives), name="CPU stage")
        await self._feed()
        while self._handed:
            await self._next_settled()
        serving.cancel()

    async def _feed(self) -> None:
        last = 0
        while batch := await self._read(last):
            for kept in batch:
                if not await self._has_room():
                    return
                await self._put(kept)
            last = batch[-1].page.request.serial

    async def _read(self, last: int) -> list[SavedPage]:
        return await self._executor.run(self._kept.read, last, _READ_BYTES, self._labels)

    async def _has_room(self) -> bool:
        """Wait until another page may be handed over; tell whether it is to be."""
        while self._handed >= self._most_ahead and not self._is_stopping:
            await self._next_settled()
        return not self._is_stopping

    async def _put(self, kept: SavedPage) -> None:
        try:
            if error := kept.error or self._async_error(kept.page.label):
                raise error
            await self._stage.put(kept.page)
            self._handed += 1
        except (ParseError, DamagedBodyError) as error:
            self._fail(kept.page, error)

    @property
    def _most_ahead(self) -> int:
        """How many pages may be under way."""
        seconds = time.perf_counter() - self._started
        return max(_AHEAD_PAGES * len(self._stage.statistics().workers), int(self._pages / seconds * _AHEAD_SECONDS))

    def _async_error(self, label: str) -> ParseError | None:
        """Return why pages of ``label`` cannot be parsed here, if there is a reason."""
        if label == SITEMAP:
            return None
        if label not in self._async_labels:
            self._async_labels[label] = _reason_against(self._parser, label)
        return self._async_labels[label]

    async def _next_settled(self) -> None:
        self._settled.clear()
        await self._settled.wait()

    # ── what became of pages ──

    async def _take_results(self, results: Iterable[tuple[Page, Parsed]]) -> None:
        outputs: list[list[Any]] = [[] for _ in self._sinks]
        new: list[Any] = []
        done = 0
        for page, parsed in results:
            done += 1
            self._links += len(parsed.links) + len(parsed.requests)
            if self._new_links is not None:
                new.extend(self._new_links.of(page, parsed))
            try:
                items = items_for(self._sinks, page, parsed)
            except (ParseError, QuarantineError) as error:
                self._fail(page, error, parsed.saved)
                continue
            for output, some in zip(outputs, items, strict=True):
                output.extend(some)
            self._items += parsed.items
            self._note(page)
        for sink, some in zip(self._sinks, outputs, strict=True):
            if some:
                await sink.write(some)
        await self._write_links(new)
        self._handed -= done
        self._settled.set()

    async def _write_links(self, links: list[Any]) -> None:
        sink = self._links_sink
        if sink is None or not links:
            return
        self._found += len(links)
        await sink.write([sink.encode(link) for link in links] if sink.encode is not None else links)

    def _fail(self, page: Page, error: CrawlerError, saved: str = "") -> None:
        failure = failure_of(page.request, error, saved)
        self._note(page)
        self._errors[failure.error] += 1
        self._states[failure.state] += 1
        self.failures.append(failure)
        if self._on_failure is not None:
            self._on_failure(failure)

    def _note(self, page: Page) -> None:
        self._pages += 1
        self._bytes += len(page.body)


async def reparse(folder: str | os.PathLike[str], parser: Parser, **options: Any) -> Reparsed:
    """Run ``parser`` over the kept pages of the state ``folder``; return what that came to.

    Args:
        folder: That of a crawl with ``StateFolder(keep_bodies=True)``.
        parser: As for `Reparser`.
        options: The keywords of `Reparser`.

    Raises:
        StateError: It is no state folder, keeps no bodies, or cannot be read.
        ConfigurationError: An option is wrong, or a sink cannot be opened.
        ParseError: A worker cannot import the parser.
        SinkError: Items could not be written.
        WorkerLostError: Workers die and cannot be replaced, or the parser kills one after the other.
    """
    async with Reparser(folder, parser, **options) as reparser:
        return await reparser.run()


def _check(parser: Parser, labels: object) -> None:
    if without_async(parser) is None:
        remedy = "an async def parser needs a crawler that runs: make it a plain function"
        raise ConfigurationError(f"{parser!r} cannot be run over kept pages; {remedy}")
    if isinstance(labels, str):
        raise ConfigurationError.of("labels", labels, f"several labels, such as [{labels!r}]")


def _reason_against(parser: Parser, label: str) -> ParseError | None:
    try:
        if not is_async(parser_for(parser, label)):
            return None
    except ParseError as error:
        return error
    return ParseError(f"the parser for label {label!r} is async def, and needs a crawler that runs")
