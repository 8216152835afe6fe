"""WARC: archives of the pages themselves, by ISO 28500:2017 (WARC 1.1)."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from crawler.document.page import Page
from crawler.errors import ConfigurationError
from crawler.sinks.append import AppendFile, Mark
from crawler.sinks.token import decode_token, known_as


def encode_record(page: Page, *, compressed: bool) -> bytes:
    """Return a response record of ``page``, as a gzip member if ``compressed``."""
    from crawler.sinks.warc_record import response_record  # noqa: PLC0415  # warcio may not be installed

    return response_record(page, compressed=compressed)


class _Token(Mark, frozen=True, tag="warc"):
    """The position to which the file is cut back."""


class Warc:
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
        is_compressed = isinstance(file, int) or os.fspath(file).endswith(".gz")
        self.encode_page = partial(encode_record, compressed=is_compressed)
        self._is_compressed = is_compressed
        self._file = AppendFile(file)
        self._info = b""
        self._has_begun = False

    def __repr__(self) -> str:
        return f"<Warc {self._file.name!r}>"

    @property
    def name(self) -> str:
        """By what a state knows it."""
        return known_as(self, self._file.name)

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
        await self._file.open()

    async def write(self, items: list[Any]) -> None:
        """Write records; they have left the process when this returns.

        Raises:
            SinkError: The disk is full, or fails.
        """
        if not self._has_begun:
            self._has_begun = True
            items = [self._info, *items]
        await self._file.append(items)

    async def checkpoint(self) -> bytes | None:
        """Return a token for the file as it is now; ``None`` for what cannot be cut back.

        Raises:
            SinkError: Something else writes to the file.
        """
        mark = await self._file.mark()
        return None if mark is None else msgspec.json.encode(_Token(mark.length, mark.tail))

    async def restore(self, token: bytes | None) -> None:
        """Cut the file back to what it was when ``token`` was made, or empty it.

        Raises:
            ConfigurationError: The file has lost a part of what it had then, or is another. Nothing is touched.
            SinkError: It cannot be cut.
        """
        mark = None if token is None else decode_token(token, _Token, repr(self))
        await self._file.restore(mark)
        if self._file.can_be_cut:
            self._has_begun = mark is not None and mark.length > 0

    async def sync(self) -> None:
        """Have what is written survive a power cut.

        Raises:
            SinkError: The disk fails.
        """
        await self._file.sync()

    async def close(self) -> None:
        """Close the file, when what is being written is written."""
        await self._file.close()

    def _info_record(self) -> bytes:
        from crawler.sinks.warc_record import info_record  # noqa: PLC0415  # warcio may not be installed

        name = "" if isinstance(self._file.name, int) else Path(self._file.name).name
        return info_record(name, compressed=self._is_compressed)
