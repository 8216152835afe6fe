"""Parsing in this process: an executor for the event loop's own thread, and initializers whose errors are not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from crawler.parsing.worker import explain


class InlineExecutor(Executor):
    """Runs each call at once, in the caller's thread: parsing on the event loop, for debugging and comparison."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # it is the caller's, as with any executor
            future.set_exception(error)
        return future


class Initializer:
    """The user's initializer in workers that are threads of this process, where its error would be logged and lost."""

    def __init__(self, function: Callable[[], object] | None, *, at_once: bool = False) -> None:
        """Wrap ``function``; an executor that knows no initializers has it called ``at_once`` instead."""
        self._function = function
        self._at_once = at_once
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Call it; remember what it raised."""
        try:
            if self._function is not None:
                self._function()
        except BaseException as error:
            self._error = error
            raise

    async def check(self, executor: Executor) -> None:
        """Find out, in a first worker of ``executor``, whether it works.

        Raises:
            ParseError: It does not.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(executor, self if self._at_once else _nothing)
        except Exception as error:
            raise explain(self._error or error) from self._error


def _nothing() -> None:
    """Do nothing, in a worker that has to be there for it."""
