"""A sink that is a function of yours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from crawler.errors import SinkError


class Call:
    """Calls a function with each item, on the event loop; awaits what it returns where that can be awaited."""

    encode = None

    def __init__(self, function: Callable[[Any], Awaitable[object] | object]) -> None:
        self._function = function

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
                result = self._function(item)
                if isinstance(result, Awaitable):
                    await result
            except Exception as error:
                raise SinkError(f"{self!r} raised {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Do nothing."""
