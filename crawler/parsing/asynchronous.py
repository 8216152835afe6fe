"""Parsers that are ``async def``: they run on the event loop, and may wait."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import ParseError, QuarantineError, SinkError
from crawler.models import PageRetry
from crawler.parsing.router import Parser
from crawler.parsing.worker import (
    DEFAULT_LINK_DIRECTIVES,
    Encoders,
    LinkDirectives,
    OfPage,
    Parsed,
    Plan,
    collect,
    explain,
    iterate,
)


async def parse_async(
    parser: Parser,
    page: Page,
    crawler: object,
    encoders: Encoders,
    link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES,
) -> Parsed:
    """Return the result of an ``async def`` parser for ``page``; an exception of the parser is in the result.

    Args:
        parser: A coroutine function or asynchronous generator function of a page and, if it has a second positional
            parameter, of the crawler.
        page: The page.
        crawler: The second argument, on which the parser may ``await crawler.compute(function, *args)``.
        encoders: The encoders of the sinks.
        link_directives: How the page treats the link directives of its site.
    """
    started = time.perf_counter()
    plan = Plan(parser, encoders, link_directives, remote=False)
    link_directives.apply_to(page)
    try:
        results = await _results(parser, page, crawler)
        if any(isinstance(encoder, OfPage) for encoder in encoders):  # compressing a page takes its time
            parsed = await asyncio.to_thread(collect, plan, page, results)
        else:
            parsed = collect(plan, page, results)
    except (ParseError, QuarantineError, SinkError) as error:
        parsed = Parsed(error=error)
    except (Exception, SystemExit) as error:  # any error of a parser fails its page, and only that
        parsed = Parsed(error=explain(error))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The task was not cancelled: the parser awaited something that was, or raised this itself.
        parsed = Parsed(error=explain(error))
    return replace(parsed, seconds=time.perf_counter() - started)


async def _results(parser: Parser, page: Page, crawler: object) -> list[Any]:
    result = parser(page, crawler) if _takes_crawler(parser) else parser(page)
    if isinstance(result, AsyncIterator):
        return await _collected(result)
    return list(iterate(await result))


async def _collected(results: AsyncIterator[Any]) -> list[Any]:
    values: list[Any] = []
    async for value in results:
        values.append(value)
        if isinstance(value, PageRetry):  # nothing else counts
            break
    if isinstance(results, AsyncGenerator):
        await results.aclose()
    return values


def _takes_crawler(parser: Parser) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [parameter for parameter in inspect.signature(parser).parameters.values() if parameter.kind in kinds]
    # A second parameter with a default may mean anything: it is the crawler only if it is named so.
    return len(positional) > 1 and (positional[1].default is positional[1].empty or positional[1].name == "crawler")
