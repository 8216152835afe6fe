"""The options of the HTTP cache."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from pathlib import PurePath
from typing import Literal, get_args

from crawler.errors import ConfigurationError
from crawler.policy.checks import whole

CacheMode = Literal["standard", "forever", "changed", "replay"]
"""See `Cache.mode`."""

_SQLITE_SUFFIXES = frozenset({".sqlite", ".sqlite3", ".db"})


@dataclass(frozen=True, slots=True)
class Cache:
    """An HTTP cache on disk. It is private: it may store answers that are for you alone, so nobody else should read it.

    Attributes:
        path: A folder, or a file that ends in ``.sqlite``, ``.sqlite3`` or ``.db``; it is created if necessary. A file
            is faster and compressed; a folder can be read without any tool.
        mode: The purpose of the cache.

            ``"standard"`` obeys RFC 9111: fresh answers are served without asking, stale ones are validated, and
            answers that the server forbids to store are not stored.

            ``"forever"`` is for the development of a parser. It ignores freshness and all that servers say about
            caching: stored answers are served, all others are fetched and stored, until you delete the cache.

            ``"changed"`` requests everything, with validators if there are any, and tells which pages have changed
            since the last crawl in this mode that ran to its end. It also stores everything.

            ``"replay"`` never asks a server. A missing answer is a `NotCachedError`.
        max_bytes: Bytes of bodies on the disk at most; beyond that the least recently used entries are evicted.
            ``None`` evicts nothing, which a replay may need.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    mode: CacheMode = "standard"
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if not _is_path(self.path):
            raise ConfigurationError.of("path", self.path, "a folder, or a file that ends in .sqlite or .db")
        if self.mode not in get_args(CacheMode):
            raise ConfigurationError.of("mode", self.mode, f"one of {', '.join(map(repr, get_args(CacheMode)))}")
        whole("max_bytes", self.max_bytes, 1, unit="bytes", optional=True)

    @property
    def is_file(self) -> bool:
        """Whether ``path`` is an SQLite file rather than a folder."""
        return PurePath(self.path).suffix.lower() in _SQLITE_SUFFIXES


def _is_path(value: object) -> bool:
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return isinstance(path, str) and path != "" and "\0" not in path
