"""The quarantine: files of pages that could not be parsed without harm, for ``crawler replay``."""

from __future__ import annotations

import os
import time
from hashlib import blake2b
from pathlib import Path

import msgspec

from crawler.document.page import Page
from crawler.errors import ConfigurationError, QuarantineError
from crawler.models import Request
from crawler.runtime.private import make_private_folder, write_private
from crawler.runtime.unicode_text import writable


class Quarantined(msgspec.Struct, frozen=True):
    """The file of a page in quarantine. It is JSON, so that a person can read the reason without any tool.

    Attributes:
        url: Its URL.
        error: The type of error.
        reason: What happened.
        traceback: The traceback of the worker.
        parser: The module and the name of the parser.
        time: When it was written, in seconds since 1970.
        status: The HTTP status.
        headers: The response's header fields.
        seconds: Seconds that the fetch took.
        request: The request, without its metadata if that is not plain data.
        body: The body, in base64.
    """

    url: str
    error: str
    reason: str
    traceback: str
    parser: str
    time: float
    status: int
    headers: list[tuple[str, str]]
    seconds: float
    request: Request
    body: bytes

    @property
    def page(self) -> Page:
        """The page, ready to be parsed again."""
        return Page(
            self.url,
            self.body,
            status=self.status,
            headers=self.headers,
            request=self.request,
            seconds=self.seconds,
        )


def save(folder: str | os.PathLike[str], page: Page, error: QuarantineError, parser: str) -> Path:
    """Write ``page`` to a file in ``folder``, which is made if need be; return its path.

    The name of the file is a digest of the request, so that a page that is harmful twice has one file.

    Raises:
        OSError: The file cannot be written.
    """
    quarantined = Quarantined(
        url=writable(page.url),
        error=type(error).__name__,
        reason=writable(str(error)),
        traceback=writable(error.traceback),
        parser=parser,
        time=time.time(),
        status=page.status,
        headers=[(writable(name), writable(value)) for name, value in page.headers],
        seconds=page.seconds,
        request=_plain(page.request),
        body=page.body,
    )
    name = blake2b(page.request.fingerprint.encode(), digest_size=8).hexdigest()
    path = Path(folder) / f"{name}.json"
    make_private_folder(path.parent)
    write_private(path, msgspec.json.format(msgspec.json.encode(quarantined), indent=1))
    return path


def load(path: str | os.PathLike[str]) -> Quarantined:
    """Return the page that `save` has written to ``path``.

    Raises:
        ConfigurationError: There is no such file, or it is another kind of file.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Quarantined)
    except OSError as error:
        raise ConfigurationError(f"{os.fspath(path)!r} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{os.fspath(path)!r} is no page in quarantine: {error}") from error


def _plain(request: Request) -> Request:
    """Return ``request``, whose metadata is replaced by its text if JSON cannot hold it."""
    try:
        msgspec.json.encode(request)
    except (TypeError, ValueError, ArithmeticError, RecursionError):
        return msgspec.structs.replace(request, metadata={"not kept": writable(_repr(request.metadata))})
    return request


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a user's type may raise anything
        return f"{type(value).__name__} ({type(error).__name__})"
