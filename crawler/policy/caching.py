"""Whether, where and how answers of servers are kept."""

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
    """An HTTP cache on disk. It is a private one: it may keep what is meant for you alone, and is to be yours alone.

    Attributes:
        path: A folder, or a file that ends in ``.sqlite``, ``.sqlite3`` or ``.db``; made if it is not there. A file is
            faster and compressed; a folder can be read without any tool.
        mode: What the cache is for.

            ``"standard"`` obeys RFC 9111: what is fresh is served without asking, what is stale is asked for with its
            validators, and what the server wants not to be kept is not.

            ``"forever"`` is for the development of a parser. It ignores freshness and all that servers say about
            caching: whatever is stored is served, anything else is fetched and stored, until you delete the cache.

            ``"changed"`` asks for everything, with validators where there are any, and tells which pages changed since
            the last crawl of this mode that came to its end. It stores everything, too.

            ``"replay"`` never asks a server. What is not stored is a `NotCachedError`.
        max_bytes: Bytes of bodies, as they lie on the disk, beyond which the least recently used entries make room;
            ``None`` keeps all, which a replay may need.
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
        """Whether ``path`` names an SQLite file, and no folder."""
        return PurePath(self.path).suffix.lower() in _SQLITE_SUFFIXES


def _is_path(value: object) -> bool:
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return isinstance(path, str) and path != "" and "\0" not in path
