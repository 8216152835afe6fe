"""Which of the pending requests are in memory, and which wait on the disk alone.

```
queue of a host:   best ──────────── reach ──────────────────── worst
                   in memory          │  on the disk alone
```

Invariant: what a host has pending and does not come behind its reach is in memory, or in flight; a host without a reach
has all there. Behind the reach only that is in memory which was acquired once: the frontier knows it by its number.
New requests behind the reach go to the disk alone. Where the queue in memory runs low the next part is read; where
better ones have made it long, its worst are dropped: they are on the disk anyway. A reading that is under way then is
void, as it began behind another reach.

The bound is one for all hosts, and one for each, so that a slow host with a million pages leaves room for the others.
"""

from __future__ import annotations

from collections import deque

from crawler.frontier.host import Host
from crawler.models import Request

Key = tuple[float, int]
"""The place of a request in the queue of its host: its rank, and what decides among equal ranks."""

_SHARE = 8  # of the window that one host may have; arbitrary
_LEAST = 16  # requests of a host in memory, however many hosts there are; arbitrary
_AT_ONCE = 1000  # requests of a host that are read at once, at most: to queue them takes the event loop 3 ms


class Window:
    """Decides which requests are in memory, at most about ``size``; ``None`` keeps all there."""

    def __init__(self, size: int | None = None, *, is_newest_first: bool = False) -> None:
        """Create the window of an empty frontier.

        Args:
            size: Requests in memory, beside some of each host.
            is_newest_first: Whether of equal ranks the newest is first.
        """
        self._size = size
        self._sign = -1 if is_newest_first else 1
        self.low: deque[Host] = deque()

    def __repr__(self) -> str:
        return f"<Window of {self._size} requests, {len(self.low)} hosts run low>"

    def key_of(self, request: Request) -> Key:
        """Return the place of a request in the queue of its host."""
        return request.rank, self._sign * request.serial

    def admits(self, request: Request, host: Host, held: int) -> bool:
        """Tell whether a new request goes into memory, where ``held`` are held already."""
        if self._size is None:
            return True
        if host.reach is None:
            if len(host.queue) < self._room(held):
                return True
            host.reach = max(entry[:2] for entry in host.queue)
        if self.key_of(request) <= host.reach:
            return True
        if host.is_refilling:
            host.late.append(request)
        return False

    def overflow(self, host: Host, held: int) -> list[Request]:
        """Drop from memory what a queue has too much of, and return it."""
        if self._size is None or len(host.queue) <= 2 * self._room(held):
            return []
        ordered, room = sorted(host.queue), self._room(held)
        host.queue[:] = ordered[:room]  # what is sorted is a heap
        # What was acquired once may be there from far behind the reach, and between the two there may be others.
        host.reach = min(ordered[room - 1][:2], host.reach or ordered[room - 1][:2])
        host.is_refilling = False
        host.late = []
        return [entry[-1] for entry in ordered[room:]]

    def note_taken(self, host: Host, held: int) -> bool:
        """Note that a request left the queue of ``host``; tell whether its next part is to be read."""
        if host.reach is None or host.is_refilling or len(host.queue) > self._room(held) // 2:
            return False
        self.ask_for(host)
        return True

    def ask_for(self, host: Host) -> None:
        """Have the next part of the queue of ``host`` read."""
        host.is_refilling = True
        host.reading += 1
        self.low.append(host)

    def wanted(self, host: Host, held: int) -> int:
        """Return how many requests of ``host`` are to be read."""
        return max(_LEAST, min(_AT_ONCE, self._room(held) - len(host.queue)))

    def has_room(self, held: int) -> bool:
        """Tell whether more may be held than ``held``."""
        return self._size is None or held < self._size

    def extend(self, host: Host, reach: Key | None) -> list[Request]:
        """Note that the queue of ``host`` was read up to ``reach``, or to its end; return what came up meanwhile."""
        host.is_refilling = False
        host.reach = reach
        late, host.late = host.late, []
        return [request for request in late if reach is None or self.key_of(request) <= reach]

    def _room(self, held: int) -> int:
        """Return how many requests a host may have in memory."""
        size = self._size or 0
        return max(_LEAST, size // _SHARE) if held < size else _LEAST
