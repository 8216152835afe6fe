"""gevent: threads' code that a monkey patch turns into greenlets on one loop."""

from gevent import monkey

monkey.patch_all()  # before anything that makes sockets or locks is imported

from collections.abc import Callable, Iterable, Sequence  # noqa: E402
from typing import Any  # noqa: E402

from gevent.pool import Pool  # noqa: E402
from gevent.queue import SimpleQueue  # noqa: E402

from benchmarks.models.blocking import visit  # noqa: E402
from benchmarks.models.pages import Crawl  # noqa: E402


class Model:
    """The pool."""

    def __init__(self, width: int) -> None:
        self.pool = Pool(width)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        """Return ``function`` of each of ``items``, in whatever order they come."""
        return list(self.pool.imap_unordered(function, items))

    def crawl(self, seeds: Sequence[str]) -> Crawl:
        """Crawl from ``seeds``."""
        crawl, waiting, done = Crawl(seeds), list(seeds), SimpleQueue()
        while crawl.unfinished:
            while waiting and not self.pool.full():
                self.pool.spawn(visit, waiting.pop()).rawlink(done.put)
            waiting += crawl.add(done.get().get())
        return crawl

    def close(self) -> None:
        """Wait for the greenlets."""
        self.pool.join()
