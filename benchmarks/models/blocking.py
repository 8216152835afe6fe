"""HTTP for rows that block: urllib3, one pool of connections a process, which all its threads share.

urllib3 and not requests, which is built on it, and so cannot be faster; and not the bare
`http.client`, for which everybody would have to write the pool.
"""

from __future__ import annotations

import zlib
from functools import cache

import urllib3

from benchmarks.models.pages import Visit, examine

_CONNECTIONS = 1024  # more than any row has threads, so that none is closed while it is wanted


@cache
def connections() -> urllib3.PoolManager:
    """Return the connections of this process."""
    return urllib3.PoolManager(maxsize=_CONNECTIONS)


def get(url: str) -> bytes:
    """Return the body at ``url``."""
    return connections().request("GET", url).data


def visit(url: str) -> Visit:
    """Fetch a page and do its work."""
    return examine(url, get(url))


def fetch(url: str) -> int:
    """Fetch a page, and return the checksum of its body."""
    return zlib.crc32(get(url))


def fetch_once(url: str) -> int:
    """Fetch a page over a connection that serves no other."""
    return zlib.crc32(connections().request("GET", url, headers={"Connection": "close"}).data)
