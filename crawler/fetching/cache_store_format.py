"""What both kinds of store have in common on the disk: answers as text, bounds, and what is said of a foreign one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from crawler.errors import CacheError
from crawler.http.stored import Stored

FORMAT = "crawler HTTP cache"
VERSION = 1
"""Of the files; raised with each change that older versions would misread."""

MOST_VARIANTS = 8
"""Answers kept for one request, which differ in what ``Vary`` names; arbitrary."""

TOUCH_SECONDS = 3600
"""Between two notes that an entry was used; arbitrary."""

KEPT_SHARE = 0.9
"""Of the largest size, what remains when entries made room; arbitrary."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Stored)


def refused(path: Path, what: str) -> CacheError:
    """Return the error for a file or folder that is not a cache of ours, but ``what`` says."""
    return CacheError(f"the cache {str(path)!r} is {what}; it is left as it is: name another path, or delete this one")


def nothing_to_replay(path: Path) -> CacheError:
    """Return the error for a replay of what is not there."""
    return CacheError(f"there is no cache {str(path)!r} to replay; make one with mode='forever'")


def pack(stored: Stored) -> bytes:
    """Return ``stored`` as JSON."""
    return _ENCODER.encode(_mapped(stored, _as_text))


def unpack(data: bytes) -> Stored | None:
    """Return what `pack` has made ``data`` of; ``None`` where it is damaged."""
    try:
        return _mapped(_DECODER.decode(data), _as_it_came)
    except (ValueError, RecursionError):  # msgspec's error is one of the former, and that of bytes that are no text
        return None


def _mapped(stored: Stored, change: Callable[[str], str]) -> Stored:
    """Return ``stored`` with the texts changed that may be of odd bytes."""
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
    """Return a text that came as bytes, as these bytes in Latin-1: JSON cannot hold what stands for odd ones."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("latin-1")


def _as_it_came(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape")
