"""The records of WARC files, as bytes. The only module that imports warcio."""

from __future__ import annotations

import time
import uuid
from base64 import b32encode
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha1
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import Any

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.document.page import Page

_VERSION = "WARC/1.1"
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class _Header(StatusAndHeaders):  # type: ignore[misc]  # warcio is untyped
    """A header as received or sent, byte for byte; warcio would quote all beyond ASCII."""

    def compute_headers_buffer(self, header_filter: Any = None) -> None:
        """Set the bytes that are written."""
        del header_filter
        lines = [f"{self.protocol} {self.statusline}", *(f"{name}: {value}" for name, value in self.headers), "", ""]
        # The client decodes bytes that are not UTF-8 into lone surrogates.
        self.headers_buff = "\r\n".join(lines).encode("utf-8", "surrogateescape")


def exchange_records(page: Page, *, compressed: bool) -> bytes:
    """Return a response record of ``page``, and behind it one of its request, where that is known to have been sent."""
    at = page.transfer.at if page.transfer else time.time()
    of_both = {"WARC-Date": datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}
    response_id = {"WARC-Record-ID": _new_id()}
    header = _Header(_status_line(page.status), list(_fields_of(page)), protocol="HTTP/1.1")
    cut = {"WARC-Truncated": "unspecified"} if page.transfer and page.transfer.is_cut else {}
    records = _record(page, "response", header, page.body, {**of_both, **response_id, **cut}, compressed=compressed)
    if page.transfer is None and page.request.method == "GET":
        return records
    request = page.request
    header = _Header(f"{_target_of(page.url)} HTTP/1.1", list(_sent_with(page)), protocol=request.method)
    fields = {**of_both, "WARC-Record-ID": _new_id(), "WARC-Concurrent-To": response_id["WARC-Record-ID"]}
    return records + _record(page, "request", header, request.body or b"", fields, compressed=compressed)


def info_record(name: str, *, compressed: bool) -> bytes:
    """Return the first record of a file of that ``name``."""
    software = f"crawler/{_own_version()} https://pypi.org/project/warcio/{version('warcio')}"
    standard = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
    fields = {"software": software, "format": "WARC File Format 1.1", "conformsTo": standard}
    return _written(lambda writer: writer.create_warcinfo_record(name, fields), compressed=compressed)


def _record(page: Page, kind: str, header: _Header, body: bytes, fields: dict[str, str], *, compressed: bool) -> bytes:
    digest = "sha1:" + b32encode(sha1(body, usedforsecurity=False).digest()).decode()  # as in all archives

    def fill(writer: Any) -> ArcWarcRecord:
        return writer.create_warc_record(
            page.url,
            kind,
            payload=BytesIO(body),
            length=len(body),
            http_headers=header,
            warc_headers_dict={**fields, "WARC-Payload-Digest": digest},
        )

    return _written(fill, compressed=compressed)


def _new_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def _target_of(url: str) -> str:
    """Return the path and query of ``url``, as they are sent."""
    return "/" + url.split("/", 3)[3]


def _sent_with(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the header fields of the request; where they are not known, those that it asked for."""
    fields = page.transfer.fields if page.transfer else page.request.headers
    for name, value in fields:
        yield _line(name), _line(value)


def _written(fill: Any, *, compressed: bool) -> bytes:
    written = BytesIO()
    writer = WARCWriter(written, gzip=compressed, warc_version=_VERSION)
    writer.write_record(fill(writer))
    return written.getvalue()


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # a status of the site's own
        return f"{status} "


def _fields_of(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the header fields of the page, changed to fit its decoded, complete body."""
    length = str(len(page.body))
    if page.request.method == "HEAD":  # its length is that of a body that was not sent
        length = page.header("content-length")
    for name, value in page.headers:
        prefix = "x-archive-orig-" if name in _OF_THE_TRANSFER else ""
        yield prefix + _line(name), _line(value)
    if length:
        yield "content-length", _line(length)


def _line(text: str) -> str:
    """Return ``text`` without line breaks, which no received field has."""
    return text.replace("\r", " ").replace("\n", " ")


def _own_version() -> str:
    try:
        return version("crawler")
    except PackageNotFoundError:  # run from the source folder
        return "0"
