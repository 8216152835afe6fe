"""Which failed requests are tried again, and when."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.errors import ConnectError, FetchError, FetchTimeoutError, ProtocolError, StatusError
from crawler.policy.checks import at_least, whole

# Statuses that say "later": RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4, RFC 9110 §15.6.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_DOUBLINGS = 64  # arbitrary; 2**1024 is no float any more, and a millisecond doubled 64 times is 600 million years
_UNDONE_STATUSES = frozenset({425, 429, 503})  # of these, those that say that the request was turned away
_PASSING_ERRORS = (ConnectError, FetchTimeoutError, ProtocolError)


@dataclass(frozen=True, slots=True)
class Retry:
    """Tries of a request and the waits between them.

    Attributes:
        tries: Tries in all; 1 never tries again.
        wait: Seconds before the second try; doubled for each further one, half of it at random.
        max_wait: Seconds that no wait exceeds, not even when the server asks for more with ``Retry-After``.
        statuses: HTTP statuses after which a request is tried again.
    """

    tries: int = 3
    wait: float = 0.5
    max_wait: float = 60.0
    statuses: frozenset[int] = PASSING_STATUSES

    def __post_init__(self) -> None:
        whole("tries", self.tries, 1, unit="tries")
        at_least("wait", self.wait, 0, unit="seconds")
        at_least("max_wait", self.max_wait, 0, unit="seconds")

    def wait_after(self, error: FetchError, attempt: int, luck: float, *, repeatable: bool = True) -> float | None:
        """Return the seconds to wait before the next try, or ``None`` when there is none.

        Args:
            error: Why this try failed.
            attempt: Tries that had failed before it: 0 for the first.
            luck: A random number in [0, 1), so that many requests that failed together do not come back together.
            repeatable: Whether it does no harm to do twice what the request does (RFC 9110 §9.2.2). Others are tried
                again only where the server says that it did nothing.
        """
        if attempt + 1 >= self.tries or not self._is_passing(error):
            return None
        if not repeatable and not (isinstance(error, StatusError) and error.status in _UNDONE_STATUSES):
            return None
        backoff: float = self.wait * 2 ** min(attempt, _MOST_DOUBLINGS) * (0.5 + luck / 2)
        asked = error.retry_after if isinstance(error, StatusError) else None
        return min(max(backoff, asked or 0.0), self.max_wait)

    def _is_passing(self, error: FetchError) -> bool:
        if isinstance(error, StatusError):
            return error.status in self.statuses
        return isinstance(error, _PASSING_ERRORS)
