"""The format and the bounds that both kinds of store share, and the errors for stores that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from crawler.errors import CacheError
from crawler.http.stored import Stored

FORMAT = "crawler HTTP cache"
VERSION = 1
"""The version of the files; raised with each change that older versions would misread."""

MOST_VARIANTS = 8
"""Answers stored for one request, for different values of the header fields in ``Vary``; arbitrary."""

TOUCH_SECONDS = 3600
"""Seconds between two records of the use of an entry; arbitrary."""

EVICTED_TO = 0.9
"""The share of the largest size that remains after an eviction; arbitrary."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Stored)


def refused(path: Path, what: str) -> CacheError:
    """Return the error for a file or folder that cannot be used as a cache, because it is ``what``."""
    return CacheError(f"the cache {str(path)!r} is {what}; it is left as it is: name another path, or delete this one")


def nothing_to_replay(path: Path) -> CacheError:
    """Return the error for a replay of a cache that does not exist."""
    return CacheError(f"there is no cache {str(path)!r} to replay; make one with mode='forever'")


def pack(stored: Stored) -> bytes:
    """Return ``stored`` as JSON."""
    return _ENCODER.encode(_mapped(stored, _as_text))


def unpack(data: bytes) -> Stored | None:
    """Return the answer that `pack` has packed into ``data``; ``None`` if it is damaged."""
    try:
        return _mapped(_DECODER.decode(data), _as_it_came)
    except (ValueError, RecursionError):  # errors of msgspec and of decoding are ValueErrors
        return None


def _mapped(stored: Stored, change: Callable[[str], str]) -> Stored:
    """Return ``stored`` with ``change`` applied to the texts that may have undecodable bytes."""
    texts = (stored.url, stored.message or "", *(part for field in stored.fields for part in field))
    if all(text.isascii() for text in texts):
        return stored
    return replace(
        stored,
        url=change(stored.url),
        fields=tuple((change(name), change(value)) for name, value in stored.fields),
        message=None if stored.message is None else change(stored.message),
    )


def _as_text(text: str) -> str:
    """Return the original bytes of ``text``, as Latin-1: JSON cannot hold surrogates for undecodable bytes."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("latin-1")


def _as_it_came(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape")
