"""One call for many wishes: a function that is to run soon, however often that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Waker:
    """Calls a function in the next iteration of the event loop after it was woken, once for all calls before that.

    It can be handed out before the function is known; until `attach` and after `detach` it does nothing.
    """

    __slots__ = ("_function", "_handle", "_loop")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._function: Callable[[], object] | None = None
        self._handle: asyncio.Handle | None = None

    def __repr__(self) -> str:
        state = "detached" if self._loop is None else "idle" if self._handle is None else "woken"
        return f"<Waker {state}>"

    def __call__(self) -> None:
        """Wake: have the function called in the next iteration of the loop."""
        if self._handle is None and self._loop is not None:
            self._handle = self._loop.call_soon(self._run)

    def attach(self, function: Callable[[], object]) -> None:
        """Have ``function`` called from now on, in the running event loop; it must not raise."""
        self._loop, self._function = asyncio.get_running_loop(), function

    def detach(self) -> None:
        """Call nothing any more, not even what was asked for already."""
        if self._handle is not None:
            self._handle.cancel()
        self._loop = self._function = self._handle = None

    def _run(self) -> None:
        self._handle = None
        if self._function is not None:
            self._function()
