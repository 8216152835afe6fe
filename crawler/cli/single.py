"""``crawler fetch``: one page, and what to show of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from rich.text import Text

from crawler.cli.exits import Exit
from crawler.cli.options import PageOptions
from crawler.cli.screen import Screen
from crawler.crawler import Crawler, loop_factory
from crawler.errors import ConfigurationError, FetchError
from crawler.html import is_html
from crawler.models import Request
from crawler.observe.figures import duration, size
from crawler.observe.plain import plain
from crawler.page import Page
from crawler.parsing.cpu import Cpu
from crawler.policy.limits import Limits
from crawler.policy.politeness import Politeness
from crawler.policy.scope import Scope

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BLOCKS = """address, article, aside, blockquote, br, dd, div, dl, dt, figcaption, footer, h1, h2, h3, h4, h5, h6,
header, hr, li, main, nav, ol, p, pre, section, table, tr, ul"""
_UNSEEN = "head, script, style, template, noscript"
_BREAK = "\x1e"  # ASCII's record separator, which no page has in its text


def run_fetch(url: str, options: PageOptions) -> int:
    """Fetch the page at ``url``, redirects followed, and show what ``options`` ask for; return the exit code.

    Raises:
        InvalidURLError: ``url`` is no http(s) URL.
        ConfigurationError: An option is wrong, or the output cannot be written.
        FetchError: There is no page.
    """
    options.check()
    screen = Screen(quiet=options.quiet, verbose=options.verbose)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        page = runner.run(_fetch(url, options))
    on_terminal = options.output in (None, "-") and sys.stdout.isatty()
    _introduce(page, options, screen, with_headers=options.verbose or (on_terminal and not options.shows_part))
    shown = _shown(page, options)
    if on_terminal:
        shown = _for_terminal(page, shown, options).encode()
    _write(shown, options.output)
    return Exit.DONE


async def _fetch(url: str, options: PageOptions) -> Page:
    pages: list[Page] = []
    async with Crawler(
        pages.append,
        scope=Scope("any"),
        limits=Limits(max_pages=1),
        politeness=Politeness(delay=0),
        retry=options.retry(),
        fetch=options.fetch(),
        cpu=Cpu("inline"),
    ) as crawler:
        await crawler.run(Request(url, method="HEAD" if options.headers_only else "GET"))
        if pages:
            return pages[0]
        reason = str(crawler.failures[0]) if crawler.failures else f"{url} redirects in a circle"
        raise FetchError(reason)


def _introduce(page: Page, options: PageOptions, screen: Screen, *, with_headers: bool) -> None:
    """Say on standard error what came; standard output is for what was asked for."""
    if options.quiet or options.headers_only:
        return
    came_from = f", redirected from {page.request.parent}" if page.request.redirects else ""
    facts = f"{page.url} ({size(len(page.body))} in {duration(page.seconds)}{came_from})"
    screen.write(Text.assemble((_status(page), "bold green"), " ", plain(facts)))
    if with_headers:
        screen.write(
            Text("\n").join(Text.assemble((f"{name}: ", "cyan"), plain(value)) for name, value in page.headers)
        )
        screen.write(Text())


def _shown(page: Page, options: PageOptions) -> bytes:
    if options.headers_only:
        return _lines([_status(page), *(f"{name}: {value}" for name, value in page.headers)])
    if options.links:
        return _lines(request.url for request in page.links())
    if options.text:
        return _lines(text_of(page))
    return page.body


def _status(page: Page) -> str:
    return f"{page.status} {_PHRASES.get(page.status, '')}".rstrip()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def text_of(page: Page) -> Iterator[str]:
    """Yield the lines of a page as a person would read them: without markup, white space collapsed."""
    if not is_html(page.content_type):
        yield from page.text.splitlines()
        return
    for node in page.css(_UNSEEN):
        node.decompose()
    for node in page.css(_BLOCKS):
        node.insert_before(_BREAK)
        node.insert_after(_BREAK)
    body = page.tree.body
    for line in (body.text() if body else "").split(_BREAK):
        if text := " ".join(line.split()):
            yield text


def _for_terminal(page: Page, shown: bytes, options: PageOptions) -> str:
    if options.shows_part:
        return plain(shown.decode())
    if b"\0" in shown[:1024]:
        kind = page.content_type or "binary data"
        raise ConfigurationError(f"{kind} is not for a terminal; write it to a file: --output FILE")
    text = plain(page.text)
    return text if text.endswith("\n") else f"{text}\n"


def _write(data: bytes, output: str | None) -> None:
    if output is None or output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"output {output!r} cannot be written: {error.strerror or error}") from error
