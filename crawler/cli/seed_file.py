"""Files of seeds, one URL a line, read as the crawl needs them."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.url import with_raw_bytes

_log = logging.getLogger("crawler")


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
    """Yield the lines that are neither empty nor a comment.

    Bytes that are not UTF-8 become percent-encoded bytes of the URL, as in a header field: one line of thousands in
    another encoding is a URL all the same.
    """
    with _opened(file) as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            url = with_raw_bytes(text)
            if url != text:
                _log.warning("%s, line %d: not in UTF-8; its bytes are taken as they are: %s", file, number, url)
            yield url


def _opened(file: str) -> TextIO:
    """Return the lines of ``file``, in UTF-8 or, with a byte order mark, in UTF-16."""
    stream: Any = sys.stdin.buffer if file == "-" else open(file, "rb")  # noqa: PTH123, SIM115  # the caller closes it
    if stream.peek(2)[:2] in {codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE}:
        return io.TextIOWrapper(stream, "utf-16", errors="replace")
    return io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape")
