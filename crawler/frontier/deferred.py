"""Requests that are not to be fetched before a time: those that failed, and are tried again."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from crawler.models import Request
from crawler.url import host_of


class DeferredRequests:
    """A heap of requests by the time before which they are not to be fetched.

    Attributes:
        next_at: When the first of them is due; infinite where there is none.
    """

    def __init__(self) -> None:
        self.next_at = float("inf")
        self._heap: list[tuple[float, int, Request, bool]] = []
        self._sequence = count()
        self._times: dict[str, list[float]] = {}  # by host, a heap each

    def __repr__(self) -> str:
        return f"<DeferredRequests {len(self._heap)}>"

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, request: Request, until: float, *, is_last: bool = False) -> None:
        """Add a request that is not to be fetched before ``until``, and then maybe behind all others of its host."""
        heappush(self._heap, (until, next(self._sequence), request, is_last))
        heappush(self._times.setdefault(host_of(request.url), []), until)
        self.next_at = self._heap[0][0]

    def pop(self) -> tuple[Request, bool]:
        """Take the request that is due first; tell whether it comes behind all others of its host."""
        _, _, request, is_last = heappop(self._heap)
        name = host_of(request.url)
        times = self._times[name]
        heappop(times)
        if not times:
            del self._times[name]
        self.next_at = self._heap[0][0] if self._heap else float("inf")
        return request, is_last

    def count_of(self, host: str) -> int:
        """Return how many requests of the host of that name are deferred."""
        return len(self._times.get(host, ()))

    def next_of(self, host: str) -> float | None:
        """Return when the first request of the host of that name is due; ``None`` where there is none."""
        times = self._times.get(host)
        return times[0] if times else None
