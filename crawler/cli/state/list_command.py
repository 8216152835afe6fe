"""``crawler list`` and ``crawler export``: the URLs of a crawl, one a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec

from crawler.cli.state.times import iso
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.models import State
from crawler.observe.plain import plain
from crawler.state.listing import Listed, Selection, listed
from crawler.state.reading import Reading
from crawler.url import host_of, resolve

ALL = "all"
STATES = tuple(state.value for state in State if state is not State.IN_FLIGHT)
"""The states of URLs on the disk, where a URL in flight is still pending."""


class _Line(msgspec.Struct, omit_defaults=True):
    """A line of an export: one URL."""

    url: str
    state: str
    depth: int
    parent: str = ""
    method: str = ""
    status: int = 0
    ended_at: str = ""
    attempts: int = 0
    error: str = ""
    message: str = ""
    reason: str = ""
    traceback: str = ""
    saved: str = ""


def states_of(name: str) -> tuple[State, ...]:
    """Return the state called ``name``; for ``all``, an empty tuple, which selects every state.

    Raises:
        ConfigurationError: It is no state.
    """
    if name == ALL:
        return ()
    if name not in STATES:
        raise ConfigurationError(f"--state {name}: expected one of {', '.join((*STATES, ALL))}")
    return (State(name),)


def host_from(text: str) -> str:
    """Return the host in ``text``, normalised as in URLs.

    Raises:
        ConfigurationError: It is no host.
    """
    try:
        url = resolve("", text if "://" in text else f"http://{text}/")
    except InvalidURLError as error:
        raise ConfigurationError(f"--host {text}: expected a host, such as www.example.org") from error
    return host_of(url)


def list_urls(folder: str, selection: Selection, *, limit: int | None, as_json: bool) -> None:
    """Write a line for each URL of a ``selection``, at most ``limit`` lines.

    Raises:
        StateError: There is no crawl in ``folder``, or its record is damaged.
    """
    line_of: Callable[[Listed], str] = _json if as_json else _tabbed
    with closing(Reading(Path(folder))) as reading:
        for each in islice(listed(reading, selection), limit):
            sys.stdout.write(f"{line_of(each)}\n")


def export(folder: str, path: str | None, selection: Selection) -> int:
    """Write everything known about each URL of a ``selection`` as JSON Lines, from one snapshot; return the number.

    Raises:
        StateError: There is no crawl in ``folder``, or its record is damaged.
        ConfigurationError: The file cannot be written.
    """
    with closing(Reading(Path(folder))) as reading, ExitStack() as resources:
        resources.enter_context(reading.moment())
        lines = (f"{_json(each)}\n" for each in listed(reading, selection))
        if path in (None, "-"):
            return _written(sys.stdout, lines)
        try:
            with Path(str(path)).open("w", encoding="utf-8") as file:
                return _written(file, lines)
        except OSError as error:
            raise ConfigurationError(f"output {path!r} cannot be written: {error.strerror or error}") from error


def _written(file: IO[str], lines: Iterator[str]) -> int:
    number = 0
    for line in lines:
        file.write(line)
        number += 1
    return number


def _tabbed(each: Listed) -> str:
    """Return state, URL and reason, separated by tabs."""
    known = each.known
    why = f"{each.error}: {each.message}" if each.error else known.reason or (known.status and str(known.status)) or ""
    return "\t".join([known.state, known.url, plain(" ".join(why.split()))]).rstrip("\t")


def _json(each: Listed) -> str:
    known, is_over = each.known, each.known.ended_at is not None
    line = _Line(
        known.url,
        known.state,
        known.depth,
        each.parent,
        "" if known.more.method == "GET" else known.more.method,
        known.status or 0,
        "" if known.ended_at is None else iso(known.ended_at),
        (each.attempts or known.attempt + 1) if is_over and known.reason is None else 0,
        each.error,
        each.message,
        known.reason or "",
        each.traceback,
        each.saved,
    )
    return msgspec.json.encode(line).decode()
