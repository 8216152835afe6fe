"""A crawl as a program: signals, messages, display, summary, exit code."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import replace
from functools import partial

from crawler.cli.exits import Exit, exit_of_crawl
from crawler.cli.interrupts import Interrupts
from crawler.cli.job import Job
from crawler.cli.options import CrawlOptions
from crawler.cli.output import Output, output_for
from crawler.cli.prints import prints_logged
from crawler.cli.screen import Screen
from crawler.crawler import Crawler, loop_factory
from crawler.errors import ConfigurationError, ParseError, SinkError, WorkerLostError
from crawler.models import Failure, State
from crawler.observe.quarantined import in_one_line
from crawler.observe.report import report
from crawler.policy.fetch import USER_AGENT
from crawler.summary import Summary
from crawler.url import hostname_of, is_loopback, resolve

_log = logging.getLogger("crawler")


def run_job(make_job: Callable[[], Job], options: CrawlOptions) -> int:
    """Run the crawl that ``make_job`` returns; return the exit code.

    The job is made in a running event loop, where a file that would crawl when it is imported cannot do so.

    Raises:
        CrawlerError: See `exit_of_error`.
    """
    options.check()
    screen = Screen(quiet=options.quiet, verbose=options.verbose)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_run(make_job, options, screen))


async def _run(make_job: Callable[[], Job], options: CrawlOptions, screen: Screen) -> int:
    with redirect_stdout(sys.stderr):  # what the file prints when it is imported
        job = options.applied_to(make_job())
    output = output_for(options, job.sinks, screen)
    job = replace(job, sinks=output.sinks)
    screen.log_to_stderr()
    _warn_of_anonymity(job)
    crawler = job.crawler(on_failure=partial(_say_failure, job))
    with Interrupts() as interrupts, prints_logged(wanted=output.is_stdout or options.json):
        try:
            summary = await _crawl(crawler, job, interrupts, screen)
        except asyncio.CancelledError:
            if not interrupts.ended:
                raise
            _log.warning("stopped at once; what was in flight is lost")
            return Exit.KILLED
        except SinkError as error:
            if output.is_stdout and isinstance(error.__cause__, BrokenPipeError):
                return Exit.DONE  # the reader, such as head, has what it wanted
            raise
    _tell(summary, crawler, job, output, options, screen)
    return exit_of_crawl(summary)


async def _crawl(crawler: Crawler, job: Job, interrupts: Interrupts, screen: Screen) -> Summary:
    async with AsyncExitStack() as resources:
        await _open(crawler, resources)
        interrupts.drain = lambda: _drain(crawler)
        first, more = job.seeds[0], len(job.seeds) - 1
        name = (first if isinstance(first, str) else first.url) + (f" and {more} more" if more else "")
        _log.info("crawling %s", name)
        with screen.display(crawler.statistics, name):
            return await crawler.run(job.seeds)


async def _open(crawler: Crawler, resources: AsyncExitStack) -> None:
    try:
        await resources.enter_async_context(crawler)
    except (ParseError, WorkerLostError) as error:  # nothing has been fetched yet: it is the configuration's fault
        raise ConfigurationError(f"worker processes cannot run the parser: {error}") from error


def _say_failure(job: Job, failure: Failure) -> None:
    if failure.state is State.QUARANTINED:
        _log.warning("%s", in_one_line(failure, job.replay_parser))
    _log.debug("%s%s", failure, f"\n{failure.traceback}" if failure.traceback else "")


def _drain(crawler: Crawler) -> None:
    crawler.stop()
    flying = crawler.statistics().ledger.in_flight
    _log.info("stopping when the pages in flight (%d) are finished; Ctrl-C again stops at once", flying)


def _warn_of_anonymity(job: Job) -> None:
    urls = [seed if isinstance(seed, str) else seed.url for seed in job.seeds]
    strangers = [host for url in urls if not is_loopback(host := hostname_of(resolve("", url)))]
    if strangers and job.fetch.user_agent == USER_AGENT:
        text = "the user agent names nobody: tell %s how to reach you, --user-agent 'mybot/1.0 (me@example.org)'"
        _log.warning(text, strangers[0])


def _tell(summary: Summary, crawler: Crawler, job: Job, output: Output, options: CrawlOptions, screen: Screen) -> None:
    if not options.quiet:
        screen.write(report(summary, crawler.failures, output.name, screen.width, job.replay_parser))
    if options.json:
        sys.stdout.write(json.dumps(summary.as_dict()) + "\n")
        sys.stdout.flush()
