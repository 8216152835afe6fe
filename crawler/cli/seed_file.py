"""Files of seeds, one URL a line, read as the crawl needs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from crawler.errors import ConfigurationError
from crawler.models import Request


class Named(NamedTuple):
    """The seeds of a command: those known from the beginning, and an iterator of more.

    The first seed of the iterator is known from the beginning, too: a crawl is named after it, and it shows whether the
    crawl needs a contact.
    """

    known: list[str | Request]
    more: Iterator[str | Request] | None = None


def named(known: list[str | Request], file: str | None) -> Named:
    """Return the seeds ``known`` and those in ``file``; ``-`` is standard input.

    Raises:
        ConfigurationError: ``file`` cannot be read, or has no URL.
    """
    if file is None:
        return Named(known)
    urls = _lines(file)
    try:
        first = next(urls, None)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"the seeds cannot be read from {file!r}: {error}") from error
    if first is None:
        raise ConfigurationError(f"nothing to crawl: {file!r} has no URL; it should have one in each line")
    return Named([*known, first], urls)


def split(seeds: Iterator[str | Request]) -> Named:
    """Return the seeds of an iterator, which is read as the crawl needs them."""
    first = next(seeds, None)
    return Named([]) if first is None else Named([first], seeds)


def _lines(file: str) -> Iterator[str | Request]:
    """Yield the lines that are neither empty nor a comment."""
    with sys.stdin if file == "-" else open(file, encoding="utf-8") as lines:  # noqa: PTH123  # a path, or a stream
        for line in lines:
            text = line.strip()
            if text and not text.startswith("#"):
                yield text
