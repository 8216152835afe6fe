"""The requests of one host that wait in memory, and the place where that part of its queue ends.

```
queue of a host:   best ──────────── reach ──────────────────── worst
                   in memory          │  on the disk alone
```

Invariant: whatever the host has pending at or before its reach is in memory, or in flight. A queue without a reach has
everything there. A request behind the reach is in memory only if it was acquired once and came back. A new request
behind the reach goes to the disk alone. While the next part is read, such a request is also noted as *late*: the
reading may have begun before the request was written.

Requests that come last are in memory, in a heap of their own, whatever the reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TypeAlias

from crawler.models import Request

Key: TypeAlias = tuple[float, int]
"""The place of a request in the queue of its host: its rank, and what decides among equal ranks."""
Entry: TypeAlias = tuple[float, int, int, Request]

_OTHERS_BETWEEN = 16  # requests between two that come last, where there are any; arbitrary

BEFORE_ALL: Key = (float("-inf"), 0)
"""The reach of a host that has nothing in memory."""


class HostQueue:
    """A host's heap of requests by rank and age, its reach, and the reading of its next part.

    Requests that were not answered in time come last, and now and then between the others: a few URLs that never answer
    must not hold up all others.

    Attributes:
        entries: The heap, without what comes last; to be read by others, and changed here alone.
        reach: Where the part in memory ends; ``None`` where that is the whole queue.
        is_reading: Whether the next part is being read.
        reading: The number of that reading, or of the last one.
    """

    __slots__ = (
        "_hopping",
        "_last",
        "_late",
        "_others_since",
        "_pushed",
        "_sign",
        "entries",
        "is_reading",
        "reach",
        "reading",
    )

    def __init__(self, *, is_newest_first: bool = False) -> None:
        """Create an empty queue.

        Args:
            is_newest_first: Whether of requests of equal rank the newest is first.
        """
        self.entries: list[Entry] = []
        self.reach: Key | None = None
        self.is_reading = False
        self.reading = 0
        self._sign = -1 if is_newest_first else 1
        self._pushed = 0  # decides among requests of equal rank and serial number
        # Few hosts have these, and each empty list would be one more thing of a hundred thousand hosts.
        self._late: list[Request] | None = None
        self._last: list[Entry] | None = None
        self._others_since = 0  # requests since one of these was taken
        self._hopping = 0  # requests of other queues, which redirects have led here: on the disk they are there

    def __repr__(self) -> str:
        more = "" if self.reach is None else ", more on the disk"
        return f"<HostQueue {len(self)} requests{more}>"

    def __len__(self) -> int:
        return len(self.entries) + len(self._last) if self._last else len(self.entries)

    def key_of(self, request: Request) -> Key:
        """Return the place of a request."""
        return request.rank, self._sign * request.serial

    def push(self, request: Request) -> None:
        """Add a request."""
        self._pushed += 1
        self._add(request, self._pushed)

    def push_first(self, request: Request) -> None:
        """Add a request before its equals."""
        self._pushed += 1
        self._add(request, -self._pushed)

    def push_last(self, request: Request) -> None:
        """Add a request behind all others of the host."""
        self._pushed += 1
        if self._last is None:
            self._last = []
        heappush(self._last, (request.rank, self._sign * request.serial, self._pushed, request))

    def _add(self, request: Request, place: int) -> None:
        self._hopping += bool(request.hops)
        heappush(self.entries, (request.rank, self._sign * request.serial, place, request))

    def pop(self) -> Request:
        """Take the best request."""
        if self._last and (not self.entries or self._others_since >= _OTHERS_BETWEEN):
            self._others_since = 0
            return heappop(self._last)[-1]
        self._others_since += 1
        request = heappop(self.entries)[-1]
        self._hopping -= bool(request.hops)
        return request

    # ── what is in memory, and what on the disk alone ──

    def admits(self, request: Request, share: int) -> bool:
        """Tell whether a new request goes into memory, of which the queue has a ``share`` of so many requests.

        One that does not is on the disk alone; it is late where a part of the queue is being read.
        """
        if self.reach is None:
            if len(self.entries) < share:
                return True
            self.reach = max(entry[:2] for entry in self.entries)
        if self.key_of(request) <= self.reach:
            return True
        if self.is_reading:
            self._late = self._late or []
            self._late.append(request)
        return False

    def drop_worst(self, share: int) -> list[Request]:
        """Drop the worst requests from memory where there are more than two times the ``share``; return them.

        They are on the disk anyway. Those are not that redirects have led here: they stay. A reading that is under way
        is void then: it began behind another reach.
        """
        if len(self.entries) - self._hopping <= 2 * share:
            return []
        everything = sorted(self.entries)
        ordered = [entry for entry in everything if not entry[-1].hops]
        if self._hopping:
            dropped = {entry[-1].serial for entry in ordered[share:]}
            self.entries[:] = [entry for entry in everything if entry[-1].serial not in dropped]
        else:
            self.entries[:] = ordered[:share]  # what is sorted is a heap
        # A request that came back may be far behind the reach, with others between the two on the disk alone.
        last = ordered[share - 1][:2]
        self.reach = last if self.reach is None else min(last, self.reach)
        self.is_reading = False
        self._late = None
        return [entry[-1] for entry in ordered[share:]]

    def runs_low(self, share: int) -> bool:
        """Tell whether the next part is to be read: less than half of the ``share`` is left, and there is more."""
        return self.reach is not None and not self.is_reading and len(self.entries) <= share // 2

    def forget(self) -> None:
        """Take note that the disk has requests of the host of which none is in memory."""
        self.reach = BEFORE_ALL

    def begin_reading(self) -> None:
        """Note that the next part is to be read; a reading that is under way is void."""
        self.is_reading = True
        self.reading += 1

    def expects(self, reading: int) -> bool:
        """Tell whether the reading of this number is under way, and not void."""
        return self.is_reading and self.reading == reading

    def end_reading(self, read: Iterable[Request], reach: Key | None) -> list[Request]:
        """Move the reach to the end of what was ``read``; return the late requests that it covers.

        Args:
            read: The next part of the queue; a late request that is among it was written in time, and is not late.
            reach: Where that ends; ``None`` where the disk has no more.
        """
        self.is_reading = False
        self.reach = reach
        late, self._late = self._late, None
        if late is None:
            return []
        found = {request.serial for request in read}
        return [
            request
            for request in late
            if request.serial not in found and (reach is None or self.key_of(request) <= reach)
        ]
