"""The contract of a sink."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class Sink(Protocol):
    """A place where items go. `open` is called before the first fetch, `close` after the last write.

    A crawl that is killed and goes on writes some items again: they arrive at least once. `CheckpointedSink` is for
    exactly once.

    A sink may have two more attributes, both optional. ``encode_page``, a function at the top level of a module from a
    `Page` to bytes: it runs in the workers once a page, also for one without items, and `write` gets what it returns in
    place of items. ``wants_keys = True``: `write` gets the items as `Keyed`.
    """

    @property
    def encode(self) -> Callable[[Any], bytes] | None:
        """A function at the top level of a module from an item to the bytes that are written; it runs in the workers.

        ``None`` where `write` wants the items themselves.
        """

    async def open(self) -> None:
        """Make ready to write.

        Raises:
            ConfigurationError: It is plain already that nothing can be written.
        """

    async def write(self, items: list[Any]) -> None:
        """Write ``items``, encoded where `encode` is given; they are safe when this returns.

        It may be called again before it has returned.

        Raises:
            SinkError: They could not be written. Ends the crawl.
        """

    async def close(self) -> None:
        """Give up what `open` took."""


@runtime_checkable
class CheckpointedSink(Sink, Protocol):
    """A sink whose output can be cut back, so that a crawl with a state folder writes each item exactly once.

    The crawl calls `open`; then `restore`, before the first write; then again and again `write`, `checkpoint` and,
    where power cuts count, `sync`; then it commits the token together with the pages that the items are of. After a
    kill, or a write that failed, it calls `restore` with the token committed last, and writes what came after it again.
    None of the three is called while a `write` is under way. `open` leaves the output as it is: it is for `restore` to
    decide what becomes of it.
    """

    @property
    def name(self) -> str:
        """By what a state knows it: its kind and its file, so that it is found again when the crawl goes on."""

    async def checkpoint(self) -> bytes | None:
        """Return a token for the output with all that `write` has returned for: JSON, small.

        ``None`` where it cannot be cut back: a pipe, a terminal.

        Raises:
            SinkError: The output is not as this sink has left it.
        """

    async def restore(self, token: bytes | None) -> None:
        """Cut the output back to what it was when ``token`` was made; to nothing for ``None``, which a new crawl gives.

        Raises:
            ConfigurationError: The output is not one that the token was made for, or has lost a part of what it had
                then. Nothing is touched.
            SinkError: It cannot be cut.
        """

    async def sync(self) -> None:
        """Have what is written survive a power cut when this returns.

        Raises:
            SinkError: The disk fails.
        """


class Keyed(NamedTuple):
    """An item with its idempotency key: the same item of the same page has the same key, however often it comes."""

    key: str
    item: Any


def key_of(fingerprint: str, place: int) -> str:
    """Return the idempotency key, 32 hexadecimal digits, of an item.

    Args:
        fingerprint: `Request.fingerprint` of the page that the item is of.
        place: How many items the parser yielded for that page before this one.
    """
    identity = f"{place} {fingerprint}".encode("utf-8", "surrogatepass")
    return blake2b(identity, digest_size=16).hexdigest()


def keyed(sink: Sink, fingerprint: str, items: list[Any]) -> list[Any]:
    """Return the ``items`` of a page as ``sink`` wants them: with their keys, where it asks for these."""
    if not items or not getattr(sink, "wants_keys", False):
        return items
    return [Keyed(key_of(fingerprint, place), item) for place, item in enumerate(items)]
