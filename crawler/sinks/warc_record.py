"""The records of WARC files, as bytes. The only module that imports warcio."""

from __future__ import annotations

import uuid
from base64 import b32encode
from collections.abc import Iterator
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
    """A response's header as received, byte for byte; warcio would quote all beyond ASCII."""

    def compute_headers_buffer(self, header_filter: Any = None) -> None:
        """Set the bytes that are written."""
        del header_filter
        lines = [f"{self.protocol} {self.statusline}", *(f"{name}: {value}" for name, value in self.headers), "", ""]
        # The client decodes bytes that are not UTF-8 into lone surrogates.
        self.headers_buff = "\r\n".join(lines).encode("utf-8", "surrogateescape")


def response_record(page: Page, *, compressed: bool) -> bytes:
    """Return ``page`` as a response record."""
    digest = "sha1:" + b32encode(sha1(page.body, usedforsecurity=False).digest()).decode()  # as in all archives
    same = uuid.uuid5(uuid.NAMESPACE_URL, f"{digest} {page.request.fingerprint}".encode(errors="replace").decode())
    header = _Header(_status_line(page.status), list(_fields_of(page)), protocol="HTTP/1.1")

    def fill(writer: Any) -> ArcWarcRecord:
        return writer.create_warc_record(
            page.url,
            "response",
            payload=BytesIO(page.body),
            length=len(page.body),
            http_headers=header,
            warc_headers_dict={"WARC-Record-ID": f"<urn:uuid:{same}>", "WARC-Payload-Digest": digest},
        )

    return _written(fill, compressed=compressed)


def info_record(name: str, *, compressed: bool) -> bytes:
    """Return the first record of a file of that ``name``."""
    software = f"crawler/{_own_version()} https://pypi.org/project/warcio/{version('warcio')}"
    standard = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
    fields = {"software": software, "format": "WARC File Format 1.1", "conformsTo": standard}
    return _written(lambda writer: writer.create_warcinfo_record(name, fields), compressed=compressed)


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
    for name, value in page.headers:
        prefix = "x-archive-orig-" if name in _OF_THE_TRANSFER else ""
        yield prefix + _line(name), _line(value)
    yield "content-length", str(len(page.body))


def _line(text: str) -> str:
    """Return ``text`` without line breaks, which no received field has."""
    return text.replace("\r", " ").replace("\n", " ")


def _own_version() -> str:
    try:
        return version("crawler")
    except PackageNotFoundError:  # run from the source folder
        return "0"
