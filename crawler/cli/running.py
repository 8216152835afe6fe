"""A crawl as a program: signals, messages, display, summary, exit code."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import replace
from functools import partial
from typing import Any

from crawler.cli.asking import ask
from crawler.cli.contact import introduced, stranger_of
from crawler.cli.crawl_definition import CrawlDefinition
from crawler.cli.exits import Exit, exit_of_crawl
from crawler.cli.failures_file import FailureList
from crawler.cli.identity import warn_of_visible_secrets, with_identity
from crawler.cli.interrupts import Interrupts
from crawler.cli.options import CrawlOptions
from crawler.cli.origins import urls_of
from crawler.cli.output import Output, output_for
from crawler.cli.prints import prints_logged
from crawler.cli.remedies import remedies_for
from crawler.cli.resuming import Resuming
from crawler.cli.screen import Screen
from crawler.crawl.summary import Summary
from crawler.crawler import Crawler, loop_factory
from crawler.errors import ConfigurationError, ParseError, SinkError, WorkerLostError
from crawler.models import Failure, Request, State
from crawler.observe.figures import count
from crawler.observe.labelled_lines import labelled
from crawler.observe.quarantined import in_one_line
from crawler.observe.report import report
from crawler.policy.fetch import USER_AGENT, Fetch
from crawler.url import resolve, without_userinfo

_log = logging.getLogger("crawler")


def run_crawl(
    define: Callable[[], CrawlDefinition],
    options: CrawlOptions,
    named: Sequence[str | Request] = (),
    arguments: Sequence[str] = (),
) -> int:
    """Run the crawl that ``define`` returns; return the exit code.

    Args:
        define: Returns the definition of the crawl. It is called in a running event loop, which keeps a user's file
            from starting a crawl when it is imported.
        options: The options of the command line, which change the definition.
        named: The seeds on the command line.
        arguments: The whole command line, shown to resume the crawl with.

    Raises:
        CrawlerError: See `exit_of_error`.
    """
    options.output.check()
    options.state.check()
    screen = Screen(quiet=options.output.quiet, verbose=options.output.verbose)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        definition = runner.run(_defined(define))
        screen.log_to_stderr()
        # Outside the event loop, which would take Ctrl-C for itself: it must be able to end a question to the user.
        definition = replace(definition, options=options.applied_to(definition.options))
        definition = _with(definition, fetch=_introduced(definition, options))
        warn_of_visible_secrets(urls_of(named), options.identity.header or (), options.network.proxy)
        resuming = Resuming(definition.options.state, arguments, options.state.grace)
        return runner.run(_run(definition, options, screen, resuming))


async def _defined(define: Callable[[], CrawlDefinition]) -> CrawlDefinition:
    with redirect_stdout(sys.stderr):  # for the prints of the file when it is imported
        return define()


def _introduced(definition: CrawlDefinition, options: CrawlOptions) -> Fetch:
    """Return the fetch options of ``definition``, with the identity of the user."""
    fetch = with_identity(definition.options.fetch, options.identity, definition.seeds)
    if host := stranger_of(definition):
        return introduced(fetch, host, os.environ, ask)
    if definition.options.scope.within == "any" and fetch.user_agent == USER_AGENT:
        _log.warning("links may lead to strangers, who will want to know who you are: --contact me@example.org")
    return fetch


def _with(definition: CrawlDefinition, **options: Any) -> CrawlDefinition:
    return replace(definition, options=replace(definition.options, **options))


async def _run(definition: CrawlDefinition, options: CrawlOptions, screen: Screen, resuming: Resuming) -> int:
    output = output_for(options.output, definition.options.sinks, screen)
    if output.is_stdout:
        resuming.warn_of_standard_output()
    failed = FailureList(options.output.failures) if options.output.failures else None
    sinks = (*output.sinks, failed) if failed else output.sinks
    definition = _with(definition, sinks=sinks, on_failure=partial(note_failure, definition, failed))
    crawler = Crawler(definition.options.parser, **definition.options.keywords())
    with Interrupts() as interrupts, prints_logged(wanted=output.is_stdout or options.output.json):
        try:
            summary = await _crawl(crawler, definition, interrupts, screen, resuming)
        except asyncio.CancelledError:
            if not interrupts.ended:
                raise
            resuming.tell_of_sudden_end()
            return Exit.KILLED
        except SinkError as error:
            if output.is_stdout and isinstance(error.__cause__, BrokenPipeError):
                return Exit.DONE  # the reader, such as head, has what it wanted
            raise
    if not options.output.quiet:
        _report(summary, crawler, definition, output, failed, screen)
        for text in resuming.rows(summary, screen.width):
            screen.write(text)
    if options.output.json:
        sys.stdout.write(json.dumps(summary.as_dict()) + "\n")
        sys.stdout.flush()
    return exit_of_crawl(summary)


async def _crawl(
    crawler: Crawler, definition: CrawlDefinition, interrupts: Interrupts, screen: Screen, resuming: Resuming
) -> Summary:
    async with AsyncExitStack() as resources:
        await _open(crawler, resources)
        interrupts.drain = lambda: _drain(crawler, resuming)
        more = len(definition.seeds) - 1
        name = without_userinfo(resolve("", urls_of(definition.seeds)[0])) + (f" and {more} more" if more else "")
        _log.info("crawling %s%s", name, resuming.earlier_progress)
        with screen.display(crawler.statistics, name):
            return await crawler.run(*definition.seeds, *(() if definition.more is None else (definition.more,)))


async def _open(crawler: Crawler, resources: AsyncExitStack) -> None:
    try:
        await resources.enter_async_context(crawler)
    except (ParseError, WorkerLostError) as error:  # nothing has been fetched yet: it is the configuration's fault
        raise ConfigurationError(f"worker processes cannot run the parser: {error}") from error


def note_failure(definition: CrawlDefinition, failed: FailureList | None, failure: Failure) -> None:
    """Log a failure, and write it to the ``--failures`` file if there is one."""
    if failure.state is State.QUARANTINED:
        _log.warning("%s", in_one_line(failure, definition.replay_parser))
    _log.debug("%s%s", failure, f"\n{failure.traceback}" if failure.traceback else "")
    if failed is not None:
        failed.note(failure)


def _drain(crawler: Crawler, resuming: Resuming) -> None:
    crawler.stop(resuming.grace)
    resuming.tell_of_draining(crawler.statistics().ledger)


def _report(
    summary: Summary,
    crawler: Crawler,
    definition: CrawlDefinition,
    output: Output,
    failed: FailureList | None,
    screen: Screen,
) -> None:
    screen.write(report(summary, crawler.failures, output.name, screen.width, definition.replay_parser))
    for place, remedy in enumerate(remedies_for(crawler.failures)):
        screen.write(labelled("" if place else "remedies", remedy, screen.width))
    if failed is not None:
        screen.write(labelled("failures", f"{count(failed.count)} → {failed.path}", screen.width))
