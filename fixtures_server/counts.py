"""What a server has done so far, counted."""

from collections import Counter
from dataclasses import dataclass

_MOST_URLS = 200_000  # about 40 MB of keys: an endless web must not eat the memory


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """A server's counts since it started."""

    requests: int
    """Requests that were answered, whatever the answer."""
    bytes: int
    """Bytes of the bodies of the answers."""
    statuses: dict[int, int]
    """How many answers had which status code."""
    active: int
    """Requests in progress, delays included."""
    peak: int
    """The most requests that were in progress at once."""
    peak_per_host: dict[str, int]
    """The same for each `Host` header."""
    urls: int
    """Different URLs that were asked for, as far as they are counted apart."""
    cpu_seconds: float
    """Processor time of the whole process, user and system; the server's own where it has the process to itself."""


class Counts:
    """Counts one server's requests."""

    def __init__(self) -> None:
        self.requests = self.bytes = self.active = self.peak = 0
        self.statuses: Counter[int] = Counter()
        self.active_per_host: Counter[str] = Counter()
        self.peak_per_host: dict[str, int] = {}
        self.urls: Counter[str] = Counter()

    def begin(self, host: str, path: str) -> None:
        """Count a request that has come in."""
        self.active += 1
        self.peak = max(self.peak, self.active)
        on_host = self.active_per_host[host] = self.active_per_host[host] + 1
        if on_host > self.peak_per_host.get(host, 0):
            self.peak_per_host[host] = on_host
        url = f"http://{host}{path}"
        if url in self.urls or len(self.urls) < _MOST_URLS:
            self.urls[url] += 1

    def end(self, host: str) -> None:
        """Count a request as no longer in progress; a host without any is forgotten, but not its peak."""
        self.active -= 1
        self.active_per_host[host] -= 1
        if not self.active_per_host[host]:
            del self.active_per_host[host]

    def answered(self, status: int, size: int) -> None:
        """Count an answer with a body of `size` bytes."""
        self.requests += 1
        self.bytes += size
        self.statuses[status] += 1
