"""eventlet: as gevent, and older. Its maintainers advise against new use of it."""

import eventlet

eventlet.monkey_patch()  # before anything that makes sockets or locks is imported

from collections.abc import Callable, Iterable, Sequence  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.models.blocking import visit  # noqa: E402
from benchmarks.models.pages import Crawl  # noqa: E402


class Model:
    """The pool."""

    def __init__(self, width: int) -> None:
        self.pool = eventlet.GreenPool(width)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``."""
        return list(self.pool.imap(function, items))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, waiting, done = Crawl(seeds), list(seeds), eventlet.Queue()
        while crawl.unfinished:
            while waiting and self.pool.free():
                self.pool.spawn(visit, waiting.pop()).link(done.put)
            waiting += crawl.add(done.get().wait())
        return crawl

    def close(self) -> None:
        """Wait for the greenlets."""
        self.pool.waitall()
