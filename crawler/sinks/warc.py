"""WARC: archives of the pages themselves, by ISO 28500:2017 (WARC 1.1)."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

from crawler.document.page import Page
from crawler.errors import ConfigurationError
from crawler.sinks.append import Mark
from crawler.sinks.append_sink import AppendSink


def encode_record(page: Page, *, compressed: bool) -> bytes:
    """Return a response record of ``page``, as a gzip member if ``compressed``."""
    from crawler.sinks.warc_record import response_record  # noqa: PLC0415  # warcio may not be installed

    return response_record(page, compressed=compressed)


class _Token(Mark, frozen=True, tag="warc"):
    """The position to which the file is cut back."""


class Warc(AppendSink[_Token]):
    """Archives each page that was parsed as a record of a WARC file; a new crawl overwrites an existing file.

    Records are made in the workers, whatever the parser yields, but not for pages that fail. Bodies are stored decoded,
    with a Content-Length to match; the original fields about codings are stored with names that begin with
    ``x-archive-orig-``. The date of a record is the time of its creation, moments after the page has arrived. Its id is
    computed from the request and the body, so that the same page has the same id. With a state folder each page is in
    the file exactly once, unless the file is a pipe, a terminal or a descriptor.

    It needs warcio: ``pip install 'crawler[warc]'``.

    Attributes:
        encode_page: The function that makes the record of a page.
    """

    encode = None

    def __init__(self, file: str | os.PathLike[str] | int) -> None:
        """Create a sink.

        Args:
            file: A path, or an open file descriptor, which stays open and is never emptied. Each record is a gzip
                member of its own, as tools expect, unless it is a path that does not end with ``.gz``.
        """
        super().__init__(file, _Token)
        is_compressed = isinstance(file, int) or os.fspath(file).endswith(".gz")
        self.encode_page = partial(encode_record, compressed=is_compressed)
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
        """Write records; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails.
        """
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

    def _info_record(self) -> bytes:
        from crawler.sinks.warc_record import info_record  # noqa: PLC0415  # warcio may not be installed

        name = "" if isinstance(self._file.name, int) else Path(self._file.name).name
        return info_record(name, compressed=self._is_compressed)
