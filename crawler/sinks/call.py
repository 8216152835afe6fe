"""A sink that calls a function of yours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from crawler.errors import ConfigurationError, SinkError
from crawler.sinks.sink import Sink


class Call:
    """Calls a function with each item, on the event loop, and awaits the result if it is awaitable.

    The effects of a function cannot be cut back: a crawl that is resumed after a kill calls it again with the last
    items, so each item arrives at least once. With ``with_key`` the function can recognise repeated items: the same
    item of the same page always has the same key. A database with a unique index on it, or a service that takes
    idempotency keys, does the rest.

    Attributes:
        wants_keys: Whether `write` takes items as `Keyed`.
    """

    encode = None

    def __init__(self, function: Callable[..., Awaitable[object] | object], *, with_key: bool = False) -> None:
        """Create a sink for ``function``.

        Args:
            function: A function of an item, or of an item and its key if ``with_key``.
            with_key: Whether to pass a key, 32 hexadecimal digits, computed from the request's
                `fingerprint <Request.fingerprint>` and the item's position among the items of the page. A parser must
                yield the items of a page in the same order each time.
        """
        self._function = function
        self.wants_keys = with_key

    def __repr__(self) -> str:
        return f"<Call {getattr(self._function, '__qualname__', self._function)}>"

    async def open(self) -> None:
        """Do nothing."""

    async def write(self, items: list[Any]) -> None:
        """Call the function with each of ``items``.

        Raises:
            SinkError: The function raised.
        """
        for item in items:
            try:
                result = self._function(item.item, item.key) if self.wants_keys else self._function(item)
                if isinstance(result, Awaitable):
                    await result
            except Exception as error:
                raise SinkError(f"{self!r} raised {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Do nothing."""


def as_sink(sink: Sink | Callable[[Any], object]) -> Sink:
    """Return ``sink``, or a `Call` if it is a function.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(sink, Sink):
        return sink
    if callable(sink):
        return Call(sink)
    raise ConfigurationError.of("sink", sink, "a sink, or a function of an item")
