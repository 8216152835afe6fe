"""What the server saw of its clients: counts, and a log with times."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from .request import Fields

_MOST_URLS = 200_000  # about 40 MB of keys: an endless trap must not eat the memory
_MOST_SEEN = 50_000  # about 50 MB with the header fields of a usual client


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came in."""

    at: float
    """Seconds on the monotonic clock, when its head was complete."""
    peer: str
    """The client's IP address."""
    local: str
    """The address and port that it came to."""
    host: str
    """The `Host` field."""
    method: str
    target: str
    fields: Fields
    """All header fields, names in small letters: whether a credential arrived, for example."""


@dataclass(frozen=True, slots=True)
class HostileStatistics:
    """A hostile server's counts since it started."""

    requests: int
    """Requests that came in, whatever became of them."""
    active: int
    """Requests in progress."""
    connections: int
    """Connections that were opened."""
    open: int
    """Those open at the moment."""
    peak_open: int
    """The most that were open at once."""
    internal: int
    """Connections to the listener that the disguised addresses stand for; none, if the client guards itself."""
    bytes: int
    """Bytes sent, heads and all, as compressed as they went out."""
    urls: int
    """Different URLs that were asked for, as far as they are counted apart."""
    cpu_seconds: float
    """Processor time of the whole process, user and system; the server's own where it has the process to itself."""


class Sightings:
    """Counts and logs one server's clients."""

    def __init__(self) -> None:
        self.requests = self.active = self.connections = self.open = self.peak_open = self.internal = self.bytes = 0
        self.urls: Counter[str] = Counter()
        self.log: deque[Seen] = deque(maxlen=_MOST_SEEN)

    def opened(self) -> None:
        """Count a connection."""
        self.connections += 1
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)

    def closed(self) -> None:
        """Count a connection as no longer open."""
        self.open -= 1

    def saw(self, seen: Seen) -> int:
        """Count and log a request; give how many there were before it for the same URL."""
        self.requests += 1
        self.log.append(seen)
        url = f"http://{seen.host}{seen.target}"
        before = self.urls[url]
        if before or len(self.urls) < _MOST_URLS:
            self.urls[url] += 1
        return before


def shortest_gaps(log: Iterable[Seen], by: str = "host") -> dict[str, float]:
    """Give the shortest time, in seconds, between two requests that followed each other.

    `by` is what is told apart: the attribute of `Seen` with that name, such as "host", "peer" or "local". Whatever
    was asked only once has no gap and is left out.
    """
    times: dict[str, list[float]] = {}
    for seen in log:
        times.setdefault(getattr(seen, by), []).append(seen.at)
    return {key: min(b - a for a, b in pairwise(sorted(at))) for key, at in times.items() if len(at) > 1}
