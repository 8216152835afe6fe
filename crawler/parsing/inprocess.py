"""Parsing in this process: an executor for the event loop's own thread, and initializers that report their errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from crawler.parsing.worker import explain


class InlineExecutor(Executor):
    """An executor that runs each call at once in the caller's thread, the event loop: for debugging and comparison."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function, and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # for the caller, as with any executor
            future.set_exception(error)
        return future


class Initializer:
    """The user's initializer in workers that are threads: it stores an error, which the executor would only log."""

    def __init__(self, function: Callable[[], object] | None, *, at_once: bool = False) -> None:
        """Wrap ``function``. With ``at_once``, `check` calls it, for an executor that takes no initializer."""
        self._function = function
        self._at_once = at_once
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Call the function, and store its exception."""
        try:
            if self._function is not None:
                self._function()
        except BaseException as error:
            self._error = error
            raise

    async def check(self, executor: Executor) -> None:
        """Check, in a first worker of ``executor``, that the initializer works.

        Raises:
            ParseError: The initializer raised.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(executor, self if self._at_once else _nothing)
        except Exception as error:
            raise explain(self._error or error) from self._error


def _nothing() -> None:
    """Do nothing. Submitting this makes an executor start a worker."""
