"""``crawler reparse``: a changed parser runs over the pages that a crawl has saved."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import replace
from functools import partial

from crawler.cli.crawl_definition import CrawlDefinition
from crawler.cli.exits import Exit
from crawler.cli.failures_file import FailureList
from crawler.cli.interrupts import Interrupts
from crawler.cli.loading import load_definition
from crawler.cli.options.reparsing import ReparseOptions
from crawler.cli.output import Output, output_for
from crawler.cli.prints import prints_logged
from crawler.cli.running import note_failure
from crawler.cli.screen import Screen
from crawler.crawl.configuration import Configuration
from crawler.crawler import loop_factory
from crawler.errors import ConfigurationError, ParseError, SinkError, StateError, WorkerLostError
from crawler.observe.figures import count
from crawler.observe.labelled_lines import labelled
from crawler.observe.reparsing import report
from crawler.reparse.reparsed import Reparsed
from crawler.reparse.reparser import Reparser
from crawler.sinks.jsonl import JsonLines

_log = logging.getLogger("crawler")


def run_reparse(folder: str, target: str, options: ReparseOptions) -> int:
    """Run the parser of ``target`` over the pages saved in ``folder``; return the exit code.

    Raises:
        CrawlerError: See `exit_of_error`.
    """
    options.output.check()
    screen = Screen(quiet=options.output.quiet, verbose=options.output.verbose)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        definition = runner.run(_load(target))
        screen.log_to_stderr()
        cpu = options.parsing.applied_to(definition.options.cpu)
        definition = replace(definition, options=replace(definition.options, cpu=cpu))
        return runner.run(_run(folder, definition, options, screen))


async def _load(target: str) -> CrawlDefinition:
    """Return the definition in a file. The running event loop keeps the file from starting a crawl when imported."""
    with redirect_stdout(sys.stderr):
        return load_definition(target, (), needs_seeds=False)


async def _run(folder: str, definition: CrawlDefinition, options: ReparseOptions, screen: Screen) -> int:
    output = output_for(options.output, definition.options.sinks, screen)
    failed = FailureList(options.output.failures) if options.output.failures else None
    note = partial(note_failure, definition, failed)
    sinks = (*output.sinks, failed) if failed else output.sinks
    reparser = _reparser(folder, replace(definition.options, sinks=sinks, on_failure=note), options)
    with Interrupts() as interrupts, prints_logged(wanted=output.is_stdout or options.output.json):
        try:
            reparsed = await _reparse(reparser, interrupts, screen, folder)
        except asyncio.CancelledError:
            if not interrupts.ended:
                raise
            _log.warning("stopped at once")
            return Exit.KILLED
        except SinkError as error:
            if output.is_stdout and isinstance(error.__cause__, BrokenPipeError):
                return Exit.DONE  # the reader, such as head, has what it wanted
            raise
    if not options.output.quiet:
        _report(reparsed, reparser, definition, output, options, failed, screen)
    if options.output.json:
        sys.stdout.write(json.dumps(reparsed.as_dict()) + "\n")
        sys.stdout.flush()
    return Exit.DONE if reparsed.pages or reparsed.stopped else _nothing(options)


def _reparser(folder: str, crawl: Configuration, options: ReparseOptions) -> Reparser:
    new_links = options.output.new_links
    return Reparser(
        folder,
        crawl.parser,
        scope=crawl.scope,
        politeness=crawl.politeness,
        fetch=crawl.fetch,
        cpu=crawl.cpu,
        sinks=crawl.sinks,
        labels=options.labels or (),
        new_links=JsonLines(new_links) if new_links else None,
        on_failure=crawl.on_failure,
    )


async def _reparse(reparser: Reparser, interrupts: Interrupts, screen: Screen, folder: str) -> Reparsed:
    async with AsyncExitStack() as resources:
        try:
            await resources.enter_async_context(reparser)
        except (ParseError, WorkerLostError) as error:
            raise ConfigurationError(f"worker processes cannot run the parser: {error}") from error
        except StateError as error:
            raise ConfigurationError(str(error)) from error
        interrupts.drain = partial(_drain, reparser)
        _log.info("parsing %s pages of %s again", count(reparser.statistics().total), folder)
        with screen.reparse_display(reparser.statistics):
            return await reparser.run()


def _drain(reparser: Reparser) -> None:
    reparser.stop()
    _log.info("stopping when the pages in the workers are finished; Ctrl-C again stops at once")


def _report(
    reparsed: Reparsed,
    reparser: Reparser,
    definition: CrawlDefinition,
    output: Output,
    options: ReparseOptions,
    failed: FailureList | None,
    screen: Screen,
) -> None:
    links = options.output.new_links or ""
    screen.write(report(reparsed, tuple(reparser.failures), output.name, links, screen.width, definition.replay_parser))
    if failed is not None:
        screen.write(labelled("failures", f"{count(failed.count)} → {failed.path}", screen.width))


def _nothing(options: ReparseOptions) -> Exit:
    wanted = f" of a request with the label {' or '.join(map(repr, options.labels))}" if options.labels else ""
    _log.warning("there is no page%s", wanted)
    return Exit.NOTHING
