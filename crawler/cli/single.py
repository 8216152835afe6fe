"""``crawler fetch``: fetches one page and shows it, or a part of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from rich.text import Text

from crawler.cli.answer import Answer, answer_to
from crawler.cli.exits import Exit
from crawler.cli.identity import warn_of_visible_secrets, with_identity
from crawler.cli.options import PageOptions
from crawler.cli.options.output import PageOutput
from crawler.cli.remedies import remedy_for
from crawler.cli.screen import Screen
from crawler.crawler import loop_factory
from crawler.document.page import Page
from crawler.errors import ConfigurationError, FetchError
from crawler.models import Request
from crawler.observe.figures import duration, size
from crawler.observe.plain import plain
from crawler.policy.fetch import Fetch
from crawler.policy.retry import Retry
from crawler.url import resolve

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BLOCKS = """address, article, aside, blockquote, br, dd, div, dl, dt, figcaption, footer, h1, h2, h3, h4, h5, h6,
header, hr, li, main, nav, ol, p, pre, section, table, tr, ul"""
_UNSEEN = "head, script, style, template, noscript"
_BREAK = "\x1e"  # ASCII's record separator, which no page has in its text


def run_fetch(url: str, options: PageOptions) -> int:
    """Fetch the page at ``url``, follow its redirects, and show the part that ``options`` name; return the exit code.

    Raises:
        InvalidURLError: ``url`` is no http(s) URL.
        ConfigurationError: An option is wrong, or the output cannot be written.
        FetchError: The page could not be fetched.
    """
    output = options.output
    output.check()
    screen = Screen(quiet=output.quiet, verbose=output.verbose)
    screen.log_to_stderr()
    request = Request(resolve("", url), method="HEAD" if output.headers_only else "GET")
    fetch = with_identity(options.applied_to(Fetch()), options.identity, [request])
    warn_of_visible_secrets([url], options.identity.header or (), options.network.proxy)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        answer = runner.run(answer_to(request, fetch, options.fetching.retry(Retry())))
    on_terminal = output.path in (None, "-") and sys.stdout.isatty()
    _introduce(answer, output, screen, with_headers=output.verbose or (on_terminal and not output.shows_part))
    if answer.error is not None:
        if output.headers_only and answer.page.status:
            _write(_header_lines(answer.page), output.path)
        raise _with_remedy(answer)
    shown = _shown(answer.page, output)
    if on_terminal:
        shown = _for_terminal(answer.page, shown, output).encode()
    _write(shown, output.path)
    return Exit.DONE


def _with_remedy(answer: Answer) -> FetchError:
    """Return the error of ``answer`` with the URL, the number of attempts and the remedy, in one line."""
    error, request = answer.error, answer.page.request
    attempts = f" after {request.attempt + 1} attempts" if request.attempt else ""
    remedy = f"; {text}" if (text := remedy_for(type(error).__name__, str(error))) else ""
    return FetchError(f"failed {request.url}{attempts}: {type(error).__name__}: {error}{remedy}")


def _introduce(answer: Answer, output: PageOutput, screen: Screen, *, with_headers: bool) -> None:
    """Describe the answer on standard error; standard output is for the page itself."""
    page = answer.page
    if output.quiet or output.headers_only or not page.status:
        return
    came_from = f", redirected from {page.request.hops[-1][1]}" if page.request.hops else ""
    came_how = f", {answer.source}" if answer.source else ""
    facts = f"{size(len(page.body))} in {duration(page.seconds)}{came_how}{came_from}"
    if answer.error is None:
        screen.write(Text.assemble((_status(page), "bold green"), " ", plain(f"{page.url} ({facts})")))
    elif with_headers:  # else the error says it all
        screen.write(Text.assemble((_status(page), "bold red"), " ", plain(page.url)))
    if with_headers:
        screen.write(
            Text("\n").join(Text.assemble((f"{name}: ", "cyan"), plain(value)) for name, value in page.headers)
        )
        screen.write(Text())


def _shown(page: Page, output: PageOutput) -> bytes:
    if output.headers_only:
        return _header_lines(page)
    if output.links:
        return _lines(request.url for request in page.links())
    if output.text:
        return _lines(text_of(page))
    return page.body


def _header_lines(page: Page) -> bytes:
    return _lines([_status(page), *(f"{name}: {value}" for name, value in page.headers)])


def _status(page: Page) -> str:
    return f"{page.status} {_PHRASES.get(page.status, '')}".rstrip()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def text_of(page: Page) -> Iterator[str]:
    """Yield the lines of a page as a person would read them: without markup, with white space collapsed."""
    if not page.is_html:
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


def _for_terminal(page: Page, shown: bytes, output: PageOutput) -> str:
    if output.shows_part:
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
