"""``crawler replay``: parses a page in quarantine again, in the foreground, where a user can watch."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import pdb  # noqa: T100  # it is what --pdb asks for
import pickle
import re
import shlex
import signal
import sys
import time
import traceback
from bdb import BdbQuit
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from crawler.cli.exits import Exit
from crawler.cli.loading import load_parser
from crawler.cli.options import ReplayOptions
from crawler.cli.screen import Screen
from crawler.errors import ConfigurationError, CrawlerError, ResultError
from crawler.models import Request
from crawler.observe.figures import duration, plural, size
from crawler.observe.labelled_lines import labelled
from crawler.parsing.quarantine import Quarantined, load
from crawler.parsing.router import Parser, is_async, parser_for
from crawler.parsing.worker import iterate
from crawler.policy.caching import Cache
from crawler.sinks.jsonl import encode_line

if sys.platform != "win32":
    import resource

_STDERR = 2  # its file descriptor, by POSIX
_OURS = (__name__, iterate.__module__, "bdb")  # modules between the command and the parser, of no interest to a user

_OWN_THREAD = re.compile(r"Thread 0x.*\n(?:  File .*\n)*?  File .* in _watch_parent\n(?:  File .*\n)*\n?")
_OWN_FRAMES = re.compile(
    r'  File ("<string>", line 1|".*(multiprocessing|concurrent.futures|crawler.parsing).*", line \d+) in .*\n'
)


def run_replay(file: str, options: ReplayOptions) -> int:
    """Parse the page in the quarantine file ``file``; return the exit code.

    Raises:
        ConfigurationError: The file is not from quarantine, or its parser is not found.
        ParseError: The parser is a router, and has no parser for the page's label.
    """
    faulthandler.enable(file=_STDERR)  # prints the traceback if the page crashes the interpreter
    if hasattr(signal, "SIGQUIT"):  # not on Windows
        faulthandler.register(signal.SIGQUIT, file=_STDERR, chain=True)
    _check_is_no_cache(file)
    quarantined, screen = load(file), Screen()
    parser = asyncio.run(_load(quarantined, options))
    _limit_memory(options.memory_bytes)
    _introduce(quarantined, screen)
    # In a file or a pipe, the parser's prints must not mix with the items.
    prints = nullcontext() if sys.stdout.isatty() else redirect_stdout(sys.stderr)
    replay = Replay(quarantined, screen, sys.stdout)
    with prints:
        return replay.debug(parser) if options.pdb else replay.run(parser)


def _check_is_no_cache(file: str) -> None:
    """Check that ``file`` is no HTTP cache, which ``--cache-mode replay`` is for.

    Raises:
        ConfigurationError: It looks like one.
    """
    if Path(file).is_dir() or (Path(file).exists() and Cache(file).is_file):
        remedy = f"to crawl without a network: crawler site URL… --cache {shlex.quote(file)} --cache-mode replay"
        raise ConfigurationError(f"{file!r} is a cache, or a folder, and no page in quarantine; {remedy}")


async def _load(quarantined: Quarantined, options: ReplayOptions) -> Parser:
    """Return the parser. The running event loop keeps its file from starting a crawl when it is imported."""
    with redirect_stdout(sys.stderr):
        parser = parser_for(load_parser(quarantined.parser, options.parser), quarantined.request.label)
    if is_async(parser):
        raise ConfigurationError(f"{parser!r} is async def: such parsers do not run in workers, and need a crawler")
    return parser


def _limit_memory(limit: int | None) -> None:
    """Give this process no more memory than a worker has, so that a page cannot use up the memory of the machine."""
    if limit is not None and sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _introduce(quarantined: Quarantined, screen: Screen) -> None:
    request = quarantined.request
    label = f", label {request.label!r}" if request.label else ""
    facts = f"status {quarantined.status}, {size(len(quarantined.body))}, depth {request.depth}{label}"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(quarantined.time))
    screen.write(labelled("quarantined", f"{quarantined.url} ({facts})", screen.width))
    screen.write(labelled("on", f"{when}, parsed by {quarantined.parser}", screen.width))
    screen.write(labelled("because", f"{quarantined.error}: {quarantined.reason}", screen.width))
    screen.print_lines(_relevant(quarantined.traceback))
    screen.write(labelled("replay", f"in this process, {os.getpid()}", screen.width))


def _relevant(dump: str) -> str:
    """Return a worker's traceback by faulthandler, without the threads and frames of the worker itself."""
    text = _OWN_FRAMES.sub("", _OWN_THREAD.sub("", dump))
    return f"{text.rstrip()}\n" if text else ""


class Replay:
    """One page, parsed in this thread; each item and request is shown as soon as the parser yields it."""

    def __init__(self, quarantined: Quarantined, screen: Screen, items: TextIO) -> None:
        """Create a replay of a page that writes items to ``items`` and everything else to ``screen``."""
        self._page = quarantined.page
        self._must_pickle = quarantined.error == ResultError.__name__
        self._screen = screen
        self._output = items
        self._items = self._requests = 0
        self._finished = False

    def __repr__(self) -> str:
        return f"<Replay of {self._page!r}>"

    def run(self, parser: Parser) -> Exit:
        """Parse the page; return the exit code."""
        try:
            self._parse(parser)
        except KeyboardInterrupt as error:
            self._tell("stopped", error)
            return Exit.KILLED
        except BdbQuit:  # from a debugger that the parser itself has started
            return Exit.BROKEN
        except BaseException as error:  # a parser may raise anything, and exit too
            self._tell("raised", error)
            return Exit.BROKEN
        return Exit.DONE

    def debug(self, parser: Parser) -> Exit:
        """Parse the page under pdb, which stops at the parser's first line, and again where it raises."""
        try:
            pdb.Pdb(skip=[*_OURS, "contextlib"]).runcall(self._parse, parser)
        except BaseException as error:
            self._tell("raised", error)
            pdb.post_mortem(_without_ours(error))
            return Exit.BROKEN
        return Exit.DONE if self._finished else Exit.BROKEN

    def _parse(self, parser: Parser) -> None:
        started = time.perf_counter()
        returned = parser(self._page)
        with _untraced():
            results = iterate(returned)
        for result in results:
            with _untraced():
                self._show(result)
        self._finished = True
        with _untraced():
            made = f"{plural(self._items, 'item')} and {plural(self._requests, 'request')}"
            self._screen.write(labelled("done", f"{made} in {duration(time.perf_counter() - started)}"))

    def _show(self, result: Any) -> None:
        if self._must_pickle:
            _check_pickles(result.metadata if isinstance(result, Request) else result)
        if isinstance(result, Request):
            self._requests += 1
            self._screen.print_lines(f"{_request_line(self._page.normalise(result))}\n")
            return
        self._items += 1
        try:
            line = encode_line(result).decode()
        except Exception:  # for a stream or a function of the user's, items need not be JSON
            self._screen.print_lines(f"item {result!r}\n")
        else:
            self._write(line)

    def _write(self, line: str) -> None:
        try:
            self._output.write(line)
            self._output.flush()
        except BrokenPipeError:  # the reader, such as head, has what it wanted
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._output.fileno())

    def _tell(self, label: str, error: BaseException) -> None:
        """Show where an exception comes from, beginning in the user's code."""
        if isinstance(error, CrawlerError) and _is_ours(error):
            self._screen.write(labelled(label, str(error), self._screen.width))
            return
        lines = traceback.format_exception(type(error), error, _without_ours(error))
        self._screen.write(labelled(label, "", self._screen.width))
        self._screen.print_lines("".join(lines))


@contextmanager
def _untraced() -> Iterator[None]:
    """Keep a debugger out of the block, so that stepping through a parser does not lead into this module."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


def _check_pickles(value: Any) -> None:
    """Check that a value from a parser could leave a worker process.

    Raises:
        ResultError: It cannot be pickled, or its pickle cannot be loaded.
    """
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301  # our own bytes
    except Exception as error:  # a user's type may raise anything
        text = f"this cannot leave a worker: {value!r}: {type(error).__name__}: {error}"
        raise ResultError(text) from error


def _request_line(request: Request) -> str:
    """Return a request as ``→ POST https://… label='detail'``, without the fields that have their defaults."""
    method = "" if request.method == "GET" else f"{request.method} "
    shown = ("label", "priority", "metadata", "headers", "body")
    parts = [f" {name}={value!r}" for name in shown if (value := getattr(request, name))]
    return f"→ {method}{request.url}{''.join(parts)}"


def _is_ours(error: BaseException) -> bool:
    """Tell whether an error was raised by this package, and not in the parser's code."""
    frames = _frames(error.__traceback__)
    return all(frame.tb_frame.f_globals.get("__name__", "").startswith(("crawler.", "bdb")) for frame in frames)


def _without_ours(error: BaseException) -> TracebackType | None:
    """Return the traceback from the first frame of the user's code on; all of it if there is no such frame."""
    for frame in _frames(error.__traceback__):
        if frame.tb_frame.f_globals.get("__name__") not in _OURS:
            return frame
    return error.__traceback__


def _frames(frame: TracebackType | None) -> Iterator[TracebackType]:
    while frame is not None:
        yield frame
        frame = frame.tb_next
