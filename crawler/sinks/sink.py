"""The contracts of sinks."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class Sink(Protocol):
    """An output for items. `open` is called before the first fetch, `close` after the last write.

    A crawl that is resumed after a kill writes some items again: they arrive at least once. For exactly once, see
    `CheckpointedSink`.

    A sink may have more attributes, all optional. ``encode_page`` is a function from a `Page` to bytes, at the top
    level of a module. It runs in the workers once a page, even if the page has no items, and `write` receives its
    results instead of items. With ``wants_keys = True``, `write` receives the items as `Keyed`. With
    ``wants_transfers = True``, pages have a `Page.transfer`. With ``wants_responses = True``, `write` also receives, as
    a `Page`, each response that brings no items: redirects, errors, and pages whose parser failed.
    """

    @property
    def encode(self) -> Callable[[Any], bytes] | None:
        """A function from an item to the bytes to write, at the top level of a module; it runs in the workers.

        ``None`` if `write` takes the items themselves.
        """

    async def open(self) -> None:
        """Prepare for writing.

        Raises:
            ConfigurationError: It is already clear that nothing can be written.
        """

    async def write(self, items: list[Any]) -> None:
        """Write ``items``, encoded if there is an `encode`; they are safe when this returns.

        It may be called again before it has returned.

        Raises:
            EncodingError: One of them cannot be held. Nothing is written; the page of the item fails.
            SinkError: They could not be written. This ends the crawl.
        """

    async def close(self) -> None:
        """Release what `open` acquired."""


@runtime_checkable
class CheckpointedSink(Sink, Protocol):
    """A sink whose output can be cut back, so that a crawl with a state folder writes each item exactly once.

    The crawl calls `open`; then `restore`, before the first write; then repeatedly `write`, `checkpoint` and, for
    safety against power cuts, `sync`; then it commits the token together with the pages of the items. After a kill, or
    a failed write, it calls `restore` with the last committed token, and writes again what came after it. None of the
    three is called during a `write`. `open` leaves the output as it is: `restore` decides what becomes of it.
    """

    @property
    def name(self) -> str:
        """The name under which the state stores its tokens: kind and file, the same when the crawl is resumed."""

    async def checkpoint(self) -> bytes | None:
        """Return a token, small and in JSON, for the output with everything for which `write` has returned.

        ``None`` if the output cannot be cut back: a pipe, a terminal.

        Raises:
            SinkError: Something else has changed the output.
        """

    async def restore(self, token: bytes | None) -> None:
        """Cut the output back to its contents when ``token`` was made; empty it for ``None``, as for a new crawl.

        Raises:
            ConfigurationError: The output is not the one of the token, or has lost a part of these contents. Nothing is
                changed.
            SinkError: It cannot be cut.
        """

    async def sync(self) -> None:
        """Make what is written survive a power cut when this returns.

        Raises:
            SinkError: The disk fails.
        """


class Keyed(NamedTuple):
    """An item with its idempotency key: the same item of the same page always has the same key."""

    key: str
    item: Any


def key_of(fingerprint: str, place: int) -> str:
    """Return the idempotency key of an item, 32 hexadecimal digits.

    Args:
        fingerprint: `Request.fingerprint` of the item's page.
        place: The number of items that the parser yielded for that page before this one.
    """
    identity = f"{place} {fingerprint}".encode("utf-8", "surrogatepass")
    return blake2b(identity, digest_size=16).hexdigest()


def keyed(sink: Sink, fingerprint: str, items: list[Any]) -> list[Any]:
    """Return the ``items`` of a page as ``sink`` takes them: with their keys if it wants these."""
    if not items or not getattr(sink, "wants_keys", False):
        return items
    return [Keyed(key_of(fingerprint, place), item) for place, item in enumerate(items)]
