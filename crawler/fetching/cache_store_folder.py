"""A cache in a folder: for each request a file of JSON that says what was answered, and beside it the bodies.

cache.json                                     what kind of folder this is
3f/3f0a….meta.json                             the answers to one request, mostly one
3f/3f0a….91c2….html                            a body, as it is, named by its digest
unfinished/…                                   what is being written, or was when a crawl was killed
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
    FORMAT,
    KEPT_SHARE,
    MOST_VARIANTS,
    TOUCH_SECONDS,
    VERSION,
    nothing_to_replay,
    pack,
    refused,
    unpack,
)
from crawler.http.cache_control import value_of
from crawler.http.stored import Stored, digest_of
from crawler.policy.caching import Cache

_HEAD = "cache.json"
_UNFINISHED = "unfinished"
_META = ".meta.json"
_ABANDONED_SECONDS = 3600.0  # after which an unfinished file belongs to nobody; arbitrary
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
    """The folder, used by one thread alone. Several crawls may have it open at once.

    Files are written aside and then renamed, so that each is whole at any moment. A file of JSON names its bodies by
    their digests, so that it never shows another one's body; of two crawls that store the same at once, one wins.
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
            unfinished.mkdir(parents=True, exist_ok=True)
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
        """Delete what killed crawls have left unfinished."""
        (self._path / _UNFINISHED).mkdir(exist_ok=True)
        for file in (self._path / _UNFINISHED).iterdir():
            with suppress(OSError):  # another crawl finished it, or deletes it too
                if self._clock() - file.stat().st_mtime > _ABANDONED_SECONDS:
                    file.unlink()

    def batch(self, *, writes: bool) -> AbstractContextManager[None]:
        """Do what is done inside one after the other: each file is whole by itself."""
        return self._with_room(self._max_bytes) if writes and self._max_bytes is not None else nullcontext()

    @contextmanager
    def _with_room(self, max_bytes: int) -> Iterator[None]:
        yield
        if self._size > max_bytes:
            self._make_room(max_bytes)

    def find(self, key: bytes) -> list[Stored]:
        """Return all that is stored under ``key``."""
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
        """Return the body of ``stored``; ``None`` where it is damaged or gone."""
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
        """Store an answer, in the place of one that depends on the same."""
        if stored.size:
            self._write(self._body_file(key, stored), body)
        self.refresh(key, stored)

    def refresh(self, key: bytes, stored: Stored) -> None:
        """Store an answer whose body is stored already."""
        before = self.find(key)
        others = [other for other in before if other.selected_by != stored.selected_by]
        others.sort(key=lambda other: other.answered, reverse=True)
        kept = [stored, *others[: MOST_VARIANTS - 1]]
        text = b"[" + b",".join(pack(one) for one in kept) + b"]"
        file = self._meta_file(key)
        self._write(file, msgspec.json.format(text, indent=1))
        if self._max_bytes is not None:
            self._touch(file, 0.0)
        self._drop_bodies(key, before, kept)

    def forget(self, key: bytes) -> None:
        """Delete all that is stored under ``key``."""
        before = self.find(key)
        self._meta_file(key).unlink(missing_ok=True)
        self._drop_bodies(key, before, [])

    def finish(self) -> None:
        """Begin the next generation, as a crawl has come to its end."""
        self.generation += 1
        self._write_head(_Head(FORMAT, VERSION, self.generation))

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _drop_bodies(self, key: bytes, before: list[Stored], kept: list[Stored]) -> None:
        files = {self._body_file(key, one) for one in before} - {self._body_file(key, one) for one in kept}
        for file in files:
            file.unlink(missing_ok=True)

    def _meta_file(self, key: bytes) -> Path:
        name = key.hex()
        return self._path / name[:2] / f"{name}{_META}"

    def _body_file(self, key: bytes, stored: Stored) -> Path:
        kind = value_of(stored.fields, "content-type").partition(";")[0].strip().lower()
        # Only hexadecimal digits of what a file says is the digest: it becomes part of a path.
        digest = "".join(character for character in stored.digest if character in "0123456789abcdef")
        return self._meta_file(key).with_name(f"{key.hex()}.{digest}{_SUFFIXES.get(kind, '.bin')}")

    def _write_head(self, head: _Head) -> None:
        self._write(self._path / _HEAD, msgspec.json.format(msgspec.json.encode(head), indent=1))

    def _write(self, path: Path, data: bytes) -> None:
        unfinished = self._path / _UNFINISHED / secrets.token_hex(8)
        try:
            unfinished.write_bytes(data)
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
        """Note that an entry is used, where that was noted more than ``after`` seconds ago."""
        now = self._clock()
        with suppress(OSError):  # another crawl has deleted it
            if abs(now - file.stat().st_mtime) >= after:
                os.utime(file, (now, now))

    def _make_room(self, max_bytes: int) -> None:
        """Delete the least recently used entries; bodies go with their file of JSON."""
        oldest_first = sorted(self._path.glob(f"??/*{_META}"), key=_used)
        self._size = self._measure()
        for file in oldest_first:
            if self._size <= max_bytes * KEPT_SHARE:
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
