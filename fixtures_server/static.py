"""A folder on disk as a site."""

import asyncio
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from .answers import Answer, error
from .lru import LruBytes

_WHOLE_BYTES = 2**20  # larger files are streamed from disk and not cached


@dataclass(frozen=True, slots=True)
class _Cached:
    answer: Answer
    file: Path
    stamp: tuple[int, int]


class StaticSite:
    """Serves the files below `root`, whatever the host: `index.html` for a folder, and nothing outside of it.

    A symbolic link works as long as it ends inside. A file that changes on disk is read again.
    Raises `NotADirectoryError` when `root` is not a folder.
    """

    def __init__(self, root: Path, *, cache_bytes: int) -> None:
        if not root.is_dir():
            raise NotADirectoryError(f"{root} is not a folder")
        self._root = root.resolve()
        self._files: LruBytes[str, _Cached] = LruBytes(cache_bytes)

    async def answer(self, host: str, path: str) -> Answer:  # noqa: ARG002 - one site, whatever its name
        """Answer with the file at this path: 404 where there is none, 301 to the folder's name with a slash."""
        path = path.partition("?")[0]
        cached = self._files.get(path)
        if cached is not None and _stamp(cached.file) == cached.stamp:
            return cached.answer
        found = await asyncio.to_thread(self._find, path)
        if isinstance(found, _Cached):
            self._files.put(path, found, len(found.answer.body))
            return found.answer
        return found

    def fronts(self, address: str, port: int) -> tuple[str, ...]:
        """Give the URL of the folder itself."""
        return (f"http://{f'[{address}]' if ':' in address else address}:{port}/",)

    def _find(self, path: str) -> "_Cached | Answer":
        try:
            target = self._resolve(path)
            if target is None:
                return error(404, "there is no such file")
            if target.is_dir():
                if not path.endswith("/"):
                    # Only the last segment, so that no path can be made to look like another host's.
                    return Answer(301, headers={"Location": f"./{path.rpartition('/')[2]}/"})
                target = self._resolve(f"{path}index.html")
            elif path.endswith("/"):
                target = None
            return error(404, "there is no such file") if target is None else _read(target)
        except (OSError, ValueError):  # a name too long, a folder without permission, a null byte
            return error(404, "there is no such file")

    def _resolve(self, path: str) -> Path | None:
        """Find the file of a URL's path, without following anything out of the root."""
        name = os.fsdecode(unquote_to_bytes(path))
        if not name.startswith("/") or ".." in name.split("/"):
            return None
        target = (self._root / name.lstrip("/")).resolve(strict=True)
        return target if target.is_relative_to(self._root) else None


def _read(file: Path) -> "_Cached | Answer":
    status = file.stat()
    if status.st_size > _WHOLE_BYTES:
        return Answer(200, file=file, file_bytes=status.st_size)
    kind, encoding = mimetypes.guess_type(file.name)
    if encoding or kind is None:  # an archive stays an archive: with a Content-Encoding, clients would unpack it
        kind = f"application/{encoding}" if encoding == "gzip" else "application/octet-stream"
    elif kind.startswith("text/"):
        kind = f"{kind}; charset=utf-8"
    answer = Answer(200, file.read_bytes(), kind)
    return _Cached(answer, file, (status.st_mtime_ns, status.st_size))


def _stamp(file: Path) -> tuple[int, int] | None:
    """Tell one version of a file from the next; a stat of a local file costs microseconds, a thread more."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
