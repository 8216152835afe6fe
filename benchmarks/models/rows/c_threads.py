"""Threads whose arithmetic is C, called through `ctypes`, which lets go of the interpreter's lock meanwhile."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.models.blocking import get
from benchmarks.models.pages import Visit, examine
from benchmarks.models.primality import prime_or_zero
from benchmarks.models.rows import thread_executor


def compiled() -> ctypes.CDLL:
    """Compile the function, and return the library that it is in."""
    with tempfile.TemporaryDirectory() as folder:
        library, source = Path(folder, "prime.so"), Path(__file__).with_name("prime.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library))


class Model(thread_executor.Model):
    """The thread executor, with another test for primality."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.test: Callable[[int], bool] = compiled().is_prime
        self.test.argtypes = [ctypes.c_longlong]

    def visit(self, url: str) -> Visit:
        """Fetch a page and do its work."""
        return examine(url, get(url), self.test)

    def prime_or_zero(self, number: int) -> int:
        """Return ``number`` if it is prime, else 0."""
        return number if self.test(number) else 0

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in C where it is the test for primality."""
        return super().map(self.prime_or_zero if function is prime_or_zero else function, items)
