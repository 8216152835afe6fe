"""A changed parser over the pages that a crawl has saved: all cores, no network.

```
saved pages ─► CPU stage ─► sinks
               ≤ a second of work
```
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crawler.crawl.configuration import Configuration
from crawler.crawl.page_results import encoder_of
from crawler.errors import ClosedError, ConfigurationError
from crawler.frontier.seen import Seen
from crawler.models import Failure, State
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Parser, without_async
from crawler.parsing.stage import open_stage
from crawler.parsing.worker import LinkDirectives
from crawler.policy.checks import several
from crawler.policy.fetch import Fetch
from crawler.policy.politeness import Politeness
from crawler.policy.scope import Scope
from crawler.reparse.feeder import Feeder
from crawler.reparse.new_links import NewLinks
from crawler.reparse.parsed_pages import ParsedPages
from crawler.reparse.reparsed import Reparsed
from crawler.robots.decision import product_token
from crawler.runtime.exception_groups import first_of
from crawler.runtime.serial_executor import SerialExecutor
from crawler.sinks.call import as_sink
from crawler.sinks.sink import CheckpointedSink, Sink
from crawler.state.saved_pages import SavedPages


class Reparser:
    """Runs a parser over the saved pages of a state folder; use it in ``async with``, and then `run`.

    The folder is only read, so a crawl may use it at the same time.
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
        """Create a reparser; nothing is opened and no process is started before ``async with``.

        Args:
            folder: The state folder of a crawl with ``StateFolder(keep_bodies=True)``.
            parser: As for a `Crawler`, but a plain function, or a `Router` of such: an ``async def`` parser needs a
                crawler that runs.
            scope: That of the crawl: it says which links are new, and how their URLs are normalised.
            politeness: That of the crawl: whether `Page.links` obeys what a site asks of robots.
            fetch: That of the crawl: the user agent by which those rules are chosen.
            cpu: Where the parser runs.
            sinks: Where items go: sinks, or functions called with each item. Files are overwritten.
            labels: Those of the requests whose pages are parsed; all if empty.
            new_links: A sink or a function that gets each `NewLink`, a URL that the crawl had not discovered.
            on_failure: Called with each `Failure`.

        Raises:
            ConfigurationError: The parser cannot be called or is ``async def``, or an option is wrong.
        """
        options = Configuration.of(
            parser, scope=scope, politeness=politeness, fetch=fetch, cpu=cpu, sinks=sinks, on_failure=on_failure
        )
        several("labels", labels)
        _check(parser)
        self._options = options
        self._folder = Path(folder)
        self._labels = frozenset(labels)
        self._links_sink = None if new_links is None else as_sink(new_links)
        self._new_links: NewLinks | None = None
        self._resources: AsyncExitStack | None = None
        self._executor = SerialExecutor()
        self._parsed = ParsedPages(options, None, None)
        self._feeder: Feeder | None = None

    def __repr__(self) -> str:
        return f"<Reparser of {str(self._folder)!r} {self._parsed.pages} pages>"

    async def __aenter__(self) -> Self:
        if self._resources is not None:
            raise ClosedError("this reparser is open already")
        async with AsyncExitStack() as resources:
            self._saved = await self._executor.run(SavedPages, self._folder)
            resources.push_async_callback(self._executor.run, self._saved.close)
            await self._executor.run(self._look)
            parser = without_async(self._options.parser)
            if parser is None:
                raise AssertionError("checked when this was made")
            self._stage = await resources.enter_async_context(open_stage(self._options.cpu, parser))
            self._resources = resources.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        resources, self._resources = self._resources, None
        if resources is not None:
            await resources.aclose()

    async def run(self) -> Reparsed:
        """Parse all saved pages; return the figures of the run.

        Raises:
            ConfigurationError: A sink cannot be opened.
            StateError: The folder cannot be read.
            SinkError: Items could not be written.
            WorkerLostError: Workers die and cannot be replaced, or the parser kills one after the other.
        """
        if self._resources is None:
            raise ClosedError("the reparser is not open: async with Reparser(…) as reparser")
        self._parsed = ParsedPages(self._options, self._new_links, self._links_sink)
        feeder = Feeder(self._saved, self._executor, self._stage, self._parsed, self._options.parser, self._labels)
        self._feeder = feeder
        async with AsyncExitStack() as resources:
            await self._open_sinks(resources)
            self._parsed.begin()
            try:
                async with asyncio.TaskGroup() as group:
                    await self._run(feeder, group)
            except BaseExceptionGroup as errors:
                error = first_of(errors)
                raise error from error.__cause__
            finally:
                self._parsed.counters.end()
        return self.statistics()

    def stop(self) -> None:
        """Begin no more pages; `run` returns when those that are under way are done."""
        if self._feeder is not None:
            self._feeder.stop()

    @property
    def failures(self) -> deque[Failure]:
        """The last thousand failures of the present run, or the last one; ``on_failure`` gets all."""
        return self._parsed.counters.failures

    def statistics(self) -> Reparsed:
        """Return the figures of this moment."""
        parsed = self._parsed
        return Reparsed(
            total=max(self._total, parsed.pages),
            pages=parsed.pages,
            items=parsed.counters.items,
            links=parsed.links,
            new_links=parsed.found if self._links_sink is not None else None,
            failed=parsed.states[State.FAILED],
            quarantined=parsed.states[State.QUARANTINED],
            not_kept=self._not_saved,
            bytes=parsed.bytes,
            seconds=parsed.counters.seconds,
            stopped=self._feeder is not None and self._feeder.is_stopping,
            errors=dict(parsed.counters.errors),
            workers=self._stage.statistics().workers,
        )

    def _look(self) -> None:
        """Read the counts and the URLs of the folder; in a thread, because a large one takes seconds."""
        self._total, self._not_saved = self._saved.count(), self._saved.count_without()
        in_use = self._saved.outputs() & {
            sink.name for sink in self._options.sinks if isinstance(sink, CheckpointedSink)
        }
        if in_use:
            remedy = "name another file, or end the crawl first"
            raise ConfigurationError(
                f"the crawl of this folder is not over, and goes on to write to {in_use}: {remedy}"
            )
        if self._links_sink is None:
            return
        seen = Seen()
        self._saved.fill(seen.digests)
        boundary = self._options.scope.around(self._saved.seeds())
        self._new_links = NewLinks(seen, boundary, self._options.scope.rewriting)

    async def _open_sinks(self, resources: AsyncExitStack) -> None:
        sinks = [*self._options.sinks, *([self._links_sink] if self._links_sink else [])]
        for sink in sinks:
            resources.push_async_callback(sink.close)
            await sink.open()
        for sink in sinks:  # when all are open, so that none is emptied in vain
            if isinstance(sink, CheckpointedSink):
                await sink.restore(None)

    async def _run(self, feeder: Feeder, group: asyncio.TaskGroup) -> None:
        encoders = tuple(map(encoder_of, self._options.sinks))
        token = product_token(self._options.fetch.user_agent)
        link_directives = LinkDirectives(token, self._options.politeness.robots)
        serving = group.create_task(self._stage.run(encoders, feeder.take, link_directives), name="CPU stage")
        await feeder.run()
        serving.cancel()


async def reparse(folder: str | os.PathLike[str], parser: Parser, **options: Any) -> Reparsed:
    """Run ``parser`` over the saved pages of the state ``folder``; return the figures of the run.

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


def _check(parser: Parser) -> None:
    if without_async(parser) is None:
        remedy = "an async def parser needs a crawler that runs: make it a plain function"
        raise ConfigurationError(f"{parser!r} cannot be run over saved pages; {remedy}")
