"""A cache in a folder: for each request a JSON file with its answers, and beside it their bodies.

cache.json                                     the format and version of the folder
3f/3f0a….meta.json                             the answers to one request, mostly one
3f/3f0a….91c2….html                            a body, unchanged, named by its digest
unfinished/…                                   files that are being written, or were when a crawl was killed
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import msgspec

from crawler.errors import CacheError
from crawler.fetching.cache_store_format import (
    EVICTED_TO,
    FORMAT,
    MOST_VARIANTS,
    TOUCH_SECONDS,
    VERSION,
    nothing_to_replay,
    pack,
    refused,
    unpack,
)
from crawler.http.cache_control import value_of
from crawler.http.mime import content_type_of
from crawler.http.stored import Stored, digest_of
from crawler.policy.caching import Cache
from crawler.runtime.private import make_private_folder, write_private

_HEAD = "cache.json"
_UNFINISHED = "unfinished"
_META = ".meta.json"
_ABANDONED_SECONDS = 3600.0  # after which an unfinished file is deleted; arbitrary
_SUFFIXES = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/xhtml+xml": ".xhtml",
    "application/xml": ".xml",
    "text/css": ".css",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
}


class _Head(msgspec.Struct):
    format: str
    version: int
    generation: int


class FolderBackend:
    """A cache in a folder, used by a single thread. Several crawls may have the folder open at once.

    Files are written under another name and then renamed, so that each is complete at any moment. A JSON file names its
    bodies by their digests, so that it never gets the body of another answer. If two crawls store an answer to the same
    request at once, one of them wins.
    """

    def __init__(self, path: Path, options: Cache, clock: Callable[[], float]) -> None:
        """Open the folder ``path``.

        Raises:
            CacheError: It is another kind of folder, of another version, or damaged; or there is none to replay.
        """
        self._path = path
        self._max_bytes = options.max_bytes
        self._is_replay = options.mode == "replay"
        self._clock = clock
        self._size = 0
        try:
            self.generation = self._open()
        except OSError as error:
            raise CacheError(f"the cache {str(path)!r} cannot be opened: {error.strerror or error}") from error

    def __repr__(self) -> str:
        return f"<FolderBackend {str(self._path)!r}>"

    def _open(self) -> int:
        unfinished = self._path / _UNFINISHED
        if not self._is_replay and (
            not self._path.exists() or all(file == unfinished for file in self._path.iterdir())
        ):
            make_private_folder(self._path)
            unfinished.mkdir(exist_ok=True)
            self._write_head(_Head(FORMAT, VERSION, 1))
        try:
            head = msgspec.json.decode((self._path / _HEAD).read_bytes(), type=_Head)
        except FileNotFoundError as error:
            if self._path.exists():
                raise refused(self._path, f"no cache (it has no {_HEAD})") from error
            raise nothing_to_replay(self._path) from error
        except (ValueError, RecursionError) as error:
            raise refused(self._path, f"damaged ({_HEAD}: {error})") from error
        if head.format != FORMAT:
            raise refused(self._path, "another program's")
        if head.version != VERSION:
            raise refused(self._path, f"of version {head.version}, and this is version {VERSION}")
        if not self._is_replay:
            self._clean()
            if self._max_bytes is not None:
                self._size = self._measure()
        return head.generation

    def _clean(self) -> None:
        """Delete unfinished files of crawls that were killed."""
        (self._path / _UNFINISHED).mkdir(exist_ok=True)
        for file in (self._path / _UNFINISHED).iterdir():
            with suppress(OSError):  # another crawl finished it, or deletes it too
                if self._clock() - file.stat().st_mtime > _ABANDONED_SECONDS:
                    file.unlink()

    def batch(self, *, writes: bool) -> AbstractContextManager[None]:
        """Evict old entries after the calls inside. They are not atomic together, but each file is."""
        return self._evicting(self._max_bytes) if writes and self._max_bytes is not None else nullcontext()

    @contextmanager
    def _evicting(self, max_bytes: int) -> Iterator[None]:
        yield
        if self._size > max_bytes:
            self._evict(max_bytes)

    def find(self, key: bytes) -> list[Stored]:
        """Return all answers stored under ``key``."""
        try:
            data = self._meta_file(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return []
        try:
            raw = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (ValueError, RecursionError):  # damaged
            return []
        return [stored for one in raw if (stored := unpack(bytes(one))) is not None]

    def read(self, key: bytes, stored: Stored) -> bytes | None:
        """Return the body of ``stored``; ``None`` if it is damaged or missing."""
        if not stored.size:
            return b""
        try:
            with self._body_file(key, stored).open("rb") as file:
                body = file.read(stored.size + 1)
        except FileNotFoundError:
            return None
        if len(body) != stored.size or digest_of(body) != stored.digest:
            return None
        if self._max_bytes is not None and not self._is_replay:
            self._touch(self._meta_file(key), TOUCH_SECONDS)
        return body

    def keep(self, key: bytes, stored: Stored, body: bytes) -> None:
        """Store an answer. It replaces the one for the same values of the header fields in ``Vary``."""
        if stored.size:
            self._write(self._body_file(key, stored), body)
        self.refresh(key, stored)

    def refresh(self, key: bytes, stored: Stored) -> None:
        """Store an answer whose body is already stored."""
        before = self.find(key)
        others = [other for other in before if other.selected_by != stored.selected_by]
        others.sort(key=lambda other: other.answered, reverse=True)
        after = [stored, *others[: MOST_VARIANTS - 1]]
        text = b"[" + b",".join(pack(one) for one in after) + b"]"
        file = self._meta_file(key)
        self._write(file, msgspec.json.format(text, indent=1))
        if self._max_bytes is not None:
            self._touch(file, 0.0)
        self._drop_bodies(key, before, after)

    def forget(self, key: bytes) -> None:
        """Delete all answers stored under ``key``."""
        before = self.find(key)
        self._meta_file(key).unlink(missing_ok=True)
        self._drop_bodies(key, before, [])

    def finish(self) -> None:
        """Begin the next generation, after a complete crawl."""
        self.generation += 1
        self._write_head(_Head(FORMAT, VERSION, self.generation))

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _drop_bodies(self, key: bytes, before: list[Stored], after: list[Stored]) -> None:
        files = {self._body_file(key, one) for one in before} - {self._body_file(key, one) for one in after}
        for file in files:
            file.unlink(missing_ok=True)

    def _meta_file(self, key: bytes) -> Path:
        name = key.hex()
        return self._path / name[:2] / f"{name}{_META}"

    def _body_file(self, key: bytes, stored: Stored) -> Path:
        kind = content_type_of(value_of(stored.fields, "content-type")).essence
        # The digest comes from a file and becomes part of a path: only hexadecimal digits are allowed.
        digest = "".join(character for character in stored.digest if character in "0123456789abcdef")
        return self._meta_file(key).with_name(f"{key.hex()}.{digest}{_SUFFIXES.get(kind, '.bin')}")

    def _write_head(self, head: _Head) -> None:
        self._write(self._path / _HEAD, msgspec.json.format(msgspec.json.encode(head), indent=1))

    def _write(self, path: Path, data: bytes) -> None:
        unfinished = self._path / _UNFINISHED / secrets.token_hex(8)
        try:
            write_private(unfinished, data)
            try:
                unfinished.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(exist_ok=True)
                unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        self._size += len(data)

    def _touch(self, file: Path, after: float) -> None:
        """Record the use of an entry, if its last record is more than ``after`` seconds old."""
        now = self._clock()
        with suppress(OSError):  # another crawl has deleted it
            if abs(now - file.stat().st_mtime) >= after:
                os.utime(file, (now, now))

    def _evict(self, max_bytes: int) -> None:
        """Delete the least recently used entries, with their bodies."""
        oldest_first = sorted(self._path.glob(f"??/*{_META}"), key=_used)
        self._size = self._measure()
        for file in oldest_first:
            if self._size <= max_bytes * EVICTED_TO:
                return
            for part in file.parent.glob(f"{file.name.removesuffix(_META)}.*"):
                self._size -= _size(part)
                part.unlink(missing_ok=True)

    def _measure(self) -> int:
        return sum(_size(file) for file in self._path.glob("??/*"))


def _used(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another crawl has deleted it
        return 0.0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
