"""WARC: archives of the pages themselves, by ISO 28500:2017 (WARC 1.1)."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any, Literal

from crawler.document.page import Page
from crawler.errors import ConfigurationError
from crawler.sinks.append import Mark
from crawler.sinks.append_sink import AppendSink


def encode_exchange(page: Page, *, compressed: bool) -> bytes:
    """Return the records of ``page``, each as a gzip member if ``compressed``."""
    from crawler.sinks.warc_record import exchange_records  # noqa: PLC0415  # warcio may not be installed

    return exchange_records(page, compressed=compressed)


class _Token(Mark, frozen=True, tag="warc"):
    """The position to which the file is cut back."""


class Warc(AppendSink[_Token]):
    """Archives each page that was parsed in a WARC file: its response and its request; a new crawl overwrites the file.

    Records are made in the workers, whatever the parser yields. Bodies are stored decoded, with a Content-Length to
    match; the original fields about codings are stored with names that begin with ``x-archive-orig-``. Requests are
    stored as sent, but for credentials and cookies; a page from a cache was not asked for, and has none. The date of
    both records is the time when the request was sent. With a state folder each page is in the file exactly once,
    unless the file is a pipe, a terminal or a descriptor.

    It needs warcio: ``pip install 'crawler[warc]'``.

    Attributes:
        encode_page: The function that makes the records of a page.
        wants_transfers: Pages are to say what was sent.
        wants_responses: Whether responses that are no pages are archived, too.
    """

    encode = None
    wants_transfers = True

    def __init__(self, file: str | os.PathLike[str] | int, responses: Literal["pages", "all"] = "pages") -> None:
        """Create a sink.

        Args:
            file: A path, or an open file descriptor, which stays open and is never emptied. Each record is a gzip
                member of its own, as tools expect, unless it is a path that does not end with ``.gz``.
            responses: What is archived: ``"pages"`` that were parsed, or ``"all"`` responses to requests of the crawl:
                also redirects, errors (each attempt), and pages whose parser failed or had them fetched again. Of a
                redirect or an error 1 MiB is archived at most. A redirect that a kill interrupted is followed, and
                archived, again.

        Raises:
            ConfigurationError: ``responses`` is neither.
        """
        if responses not in {"pages", "all"}:
            raise ConfigurationError.of("responses", responses, "'pages' or 'all'")
        super().__init__(file, _Token)
        is_compressed = isinstance(file, int) or os.fspath(file).endswith(".gz")
        self.encode_page = partial(encode_exchange, compressed=is_compressed)
        self.wants_responses = responses == "all"
        self._is_compressed = is_compressed
        self._info = b""
        self._has_begun = False

    async def open(self) -> None:
        """Open the file, and leave what it holds.

        Raises:
            ConfigurationError: It cannot be written, another crawl writes to it, or warcio is not installed.
        """
        try:
            self._info = await asyncio.to_thread(self._info_record)
        except ImportError as error:
            raise ConfigurationError(f"{self!r} needs warcio: pip install 'crawler[warc]'") from error
        self._has_begun = False
        await super().open()

    async def write(self, items: list[Any]) -> None:
        """Write records, and those of pages that are not encoded; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails.
        """
        if any(isinstance(item, Page) for item in items):
            items = await asyncio.to_thread(self._encoded, items)
        if not self._has_begun:
            self._has_begun = True
            items = [self._info, *items]
        await super().write(items)

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or empty it.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another. Nothing is touched.
            SinkError: It cannot be cut.
        """
        mark = self._decoded(token)
        await self._file.restore(mark)
        if self._file.can_be_cut:
            self._has_begun = mark is not None and mark.length > 0

    def _encoded(self, items: list[Any]) -> list[bytes]:
        return [self.encode_page(item) if isinstance(item, Page) else item for item in items]

    def _info_record(self) -> bytes:
        from crawler.sinks.warc_record import info_record  # noqa: PLC0415  # warcio may not be installed

        name = "" if isinstance(self._file.name, int) else Path(self._file.name).name
        return info_record(name, compressed=self._is_compressed)
