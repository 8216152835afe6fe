"""The file of a cookie jar: read before a crawl, written after it."""

from __future__ import annotations

import asyncio
import math
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from crawler.errors import ConfigurationError, CrawlerError
from crawler.http.cookie import Cookie
from crawler.http.cookie_jar import CookieJar
from crawler.http.suffixes import is_public_suffix
from crawler.policy.access import Cookies

_FORMAT = "crawler cookies"
_VERSION = 1
_LARGEST = 64 * 2**20  # bytes; 3,000 cookies of the largest size, fully escaped, are less


class _Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A cookie in the file: see `Cookie`. Without ``expires`` it lasts until the server forgets it."""

    place: str
    path: str
    name: str
    value: str
    secure: bool = False
    expires: float | None = None


class _Head(msgspec.Struct):
    """The fields that all versions have."""

    format: str
    version: int


class _File(_Head):
    cookies: list[_Entry]


@asynccontextmanager
async def open_cookie_jar(cookies: Cookies) -> AsyncIterator[CookieJar]:
    """Yield a jar with the cookies in the file of ``cookies``, and write the jar to that file at the end.

    The jar is written however the crawl ends, as its cookies are valid even if the crawl was cut off. Files are read
    and written in threads.

    Raises:
        ConfigurationError: The file cannot be read, is no file of cookies, or is in a folder that cannot be written to.
        CrawlerError: The file cannot be written at the end.
    """
    file = None if cookies.file is None else Path(os.fspath(cookies.file))
    jar = await asyncio.to_thread(_opened, file)
    if file is None:
        yield jar
        return
    try:
        yield jar
    except BaseException as error:
        try:
            await _save(jar, file)
        except CrawlerError as second:
            error.add_note(str(second))
        raise
    await _save(jar, file)


async def _save(jar: CookieJar, file: Path) -> None:
    await asyncio.to_thread(save, jar.cookies(time.time()), file)


def _opened(file: Path | None) -> CookieJar:
    is_public_suffix("example.org")  # loads the list of suffixes here, as that takes 10 ms
    return CookieJar() if file is None else load(file, time.time())


def load(file: Path, now: float) -> CookieJar:
    """Return a jar with the cookies in ``file`` that have not expired at ``now`` (Unix time, seconds).

    The jar is empty if the file does not exist yet.

    Raises:
        ConfigurationError: The file cannot be read, or is no file of cookies; then it is left as it is. Or its folder
            cannot be written to.
    """
    if not os.access(file.resolve().parent, os.W_OK | os.X_OK):
        raise ConfigurationError(f"cookies cannot be stored in {str(file)!r}: no such folder, or not yours to write to")
    jar = CookieJar()
    try:
        entries = _read(file)
    except FileNotFoundError:
        return jar
    except OSError as error:
        raise ConfigurationError(f"cookies cannot be read from {str(file)!r}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        remedy = "delete it, or name another file"
        raise ConfigurationError(f"{str(file)!r} is no file of cookies ({error}); {remedy}") from None
    for number, entry in enumerate(entries):
        expires = math.inf if entry.expires is None else entry.expires
        cookie = Cookie(entry.place, entry.path, entry.name, entry.value, entry.secure, expires)
        if not jar.add(cookie, now):
            reason = "no server could have set it"
            raise ConfigurationError(f"cookie {number} in {str(file)!r} is broken ({reason}); delete it, or the file")
    return jar


def _read(file: Path) -> list[_Entry]:
    """Return the cookies in the file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file of cookies, or of another version.
    """
    at_once = getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for its writer
    with os.fdopen(os.open(file, os.O_RDONLY | at_once), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is no file")
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    head = msgspec.json.decode(data, type=_Head)
    if head.format != _FORMAT:
        raise ValueError("it has another format")
    if head.version != _VERSION:
        raise ValueError(f"it is of version {head.version}, and this program knows {_VERSION}")
    return msgspec.json.decode(data, type=_File).cookies


def save(cookies: Iterable[Cookie], file: Path) -> None:
    """Replace ``file`` by one with these ``cookies``, in one step. Only its owner can read it.

    Raises:
        CrawlerError: It cannot be written.
    """
    entries = [_entry(cookie) for cookie in cookies]
    data = msgspec.json.format(msgspec.json.encode(_File(_FORMAT, _VERSION, entries)))
    try:
        target = file.resolve()  # a link stays a link
        _replace(target, data + b"\n")
    except OSError as error:
        raise CrawlerError(f"cookies cannot be written to {str(file)!r}: {error.strerror or error}") from error


def _entry(cookie: Cookie) -> _Entry:
    expires = cookie.expires if cookie.expires < math.inf else None
    return _Entry(cookie.place, cookie.path, cookie.name, cookie.value, cookie.is_secure, expires)


def _replace(target: Path, data: bytes) -> None:
    """Write a temporary file beside ``target``, and rename it to replace ``target`` in one step."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
