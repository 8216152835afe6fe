"""`concurrent.futures.InterpreterPoolExecutor` (Python 3.14): an interpreter, with a lock of its own, in each thread.

It has no crawl here, as few libraries written in C can be imported by more than one interpreter of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from typing import Any


class Model:
    """The executor."""

    def __init__(self, width: int) -> None:
        self.pool = futures.InterpreterPoolExecutor(width)  # type: ignore[attr-defined]

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``."""
        return list(self.pool.map(function, items))

    def close(self) -> None:
        """End the interpreters."""
        self.pool.shutdown()
