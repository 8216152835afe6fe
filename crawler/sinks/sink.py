"""The contract of a sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Sink(Protocol):
    """A place where items go. `open` is called before the first fetch, `close` after the last write."""

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
