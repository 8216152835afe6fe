"""Threads whose arithmetic is C, called through `ctypes`, which lets go of the interpreter's lock meanwhile."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.models.blocking import get
from benchmarks.models.pages import Crawl, Visit, examine
from benchmarks.models.primality import prime_or_zero


def compiled() -> ctypes.CDLL:
    """Compile the function, and return the library that it is in."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "prime.so")
        source = Path(__file__).with_name("prime.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library))


class Model:
    """The thread executor, with another test for primality."""

    def __init__(self, width: int) -> None:
        self.pool = ThreadPoolExecutor(width)
        self.test: Callable[[int], bool] = compiled().is_prime
        self.test.argtypes = [ctypes.c_longlong]  # type: ignore[attr-defined]

    def visit(self, url: str) -> Visit:
        """Fetch a page and do its work."""
        return examine(url, get(url), self.test)

    def prime_or_zero(self, number: int) -> int:
        """Return ``number`` if it is prime, else 0."""
        return number if self.test(number) else 0

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in C where it is the test for primality."""
        if function is prime_or_zero:
            function = self.prime_or_zero
        return list(self.pool.map(function, items))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, new = Crawl(seeds), list(seeds)
        done: SimpleQueue[Future[Visit]] = SimpleQueue()
        while crawl.unfinished:
            for url in new:
                self.pool.submit(self.visit, url).add_done_callback(done.put)
            new = crawl.add(done.get().result())
        return crawl

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown()
