"""Retries: which failed requests are attempted again, how often, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    ConfigurationError,
    ConnectError,
    ContentTypeError,
    DecodingError,
    FetchError,
    FetchTimeoutError,
    HostDownError,
    InvalidRequestError,
    NotCachedError,
    OpenFilesError,
    OutOfScopeError,
    ProtocolError,
    ResolveError,
    RobotsDeniedError,
    StatusError,
    TLSError,
    TooManyRedirectsError,
)
from crawler.policy.checks import at_least, whole
from crawler.policy.former_names import renamed

# Statuses that mean "later": RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4, RFC 9110 §15.6.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_DOUBLINGS = 64  # arbitrary; 2**1024 overflows a float, and a millisecond doubled 64 times is 600 million years
_UNDONE_STATUSES = frozenset({425, 429, 503})  # of these, the ones that say that the request had no effect


@renamed("tries", "attempts")
@dataclass(frozen=True, slots=True)
class Rule:
    """How one class of errors is treated.

    Attributes:
        attempts: Attempts in all; 1 means no retry, ``None`` as many as `Retry.attempts`.
        wait: Seconds before the second attempt, as in `Retry.wait`; ``None`` means that value.
    """

    attempts: int | None = None
    wait: float | None = None

    def __post_init__(self) -> None:
        whole("attempts", self.attempts, 1, unit="attempts", optional=True)
        at_least("wait", self.wait, 0, unit="seconds", optional=True)


AGAIN = Rule()
ONCE_MORE = Rule(attempts=2)
NEVER = Rule(attempts=1)

TABLE: Mapping[type[FetchError], Rule] = {
    FetchError: NEVER,  # every error without a row of its own
    ConnectError: AGAIN,  # also ProxyError, and ResolveError unless the name does not exist
    TLSError: NEVER,  # certificates do not change in a minute
    FetchTimeoutError: AGAIN,
    ProtocolError: AGAIN,  # most often a broken connection
    DecodingError: ONCE_MORE,  # perhaps cut off on the way; more likely the server is wrong
    StatusError: AGAIN,  # if the status is one of `Retry.statuses`
    TooManyRedirectsError: NEVER,
    BodyTooLargeError: NEVER,
    ContentTypeError: NEVER,
    InvalidRequestError: NEVER,
    BlockedAddressError: NEVER,
    RobotsDeniedError: NEVER,
    HostDownError: NEVER,
    NotCachedError: NEVER,
    OpenFilesError: NEVER,  # a crawl puts the request back, and counts no attempt
    OutOfScopeError: NEVER,
}
"""The default rules. The most specific row counts: an error class without one is treated as its base class."""


@renamed("tries", "attempts")
@dataclass(frozen=True, slots=True)
class Retry:
    """Attempts of a request, and the waits between them.

    Waits have full jitter: before the second attempt it is a random time up to ``wait``, before the third up to twice
    that, and so on. Of all ways to spread retries this makes the fewest of them collide
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). The delay of the host comes on top.

    Attributes:
        attempts: Attempts in all, unless the table has another number; 1 means no retry, whatever the table says.
        wait: Seconds before the second attempt at most; doubled for each further one.
        max_wait: Seconds that no wait exceeds, even if the server asks for more with ``Retry-After``.
        statuses: HTTP statuses after which a request is attempted again.
        table: How each class of errors is treated. ``{**TABLE, FetchTimeoutError: Rule(attempts=5)}`` changes one row.
        budget: Retries that fail too, at most, for each request to a host, in addition to a thousand free ones: 0.2 is
            one for five. Beyond that, requests to that host fail at once, and say so. ``None`` sets no bound.
    """

    attempts: int = 3
    wait: float = 0.5
    max_wait: float = 60.0
    statuses: frozenset[int] = PASSING_STATUSES
    table: Mapping[type[FetchError], Rule] = field(default_factory=lambda: TABLE, repr=False, hash=False)
    budget: float | None = 0.2

    def __post_init__(self) -> None:
        whole("attempts", self.attempts, 1, unit="attempts")
        at_least("wait", self.wait, 0, unit="seconds")
        at_least("max_wait", self.max_wait, 0, unit="seconds")
        at_least("budget", self.budget, 0, unit="retries a request", optional=True)
        _check_table(self.table)

    def rule_for(self, error: FetchError) -> Rule:
        """Return the row of the table for ``error``."""
        rules = (self.table.get(kind) for kind in type(error).__mro__)
        return next((rule for rule in rules if rule is not None), NEVER)

    def wait_after(self, error: FetchError, attempt: int, jitter: float, *, repeatable: bool = True) -> float | None:
        """Return the seconds to wait before the next attempt, or ``None`` if there is none.

        Args:
            error: Why this attempt failed.
            attempt: Attempts that had failed before it: 0 for the first.
            jitter: A random number in [0, 1), so that requests that failed together are not repeated together.
            repeatable: Whether the request may be done twice without harm (RFC 9110 §9.2.2). Others are attempted again
                only if the server says that it did nothing.
        """
        rule = self.rule_for(error)
        attempts = self.attempts if self.attempts == 1 else rule.attempts or self.attempts
        if attempt + 1 >= attempts or self._is_final(error):
            return None
        if not repeatable and not (isinstance(error, StatusError) and error.status in _UNDONE_STATUSES):
            return None
        wait = self.wait if rule.wait is None else rule.wait
        backoff = self._backoff(wait, attempt, jitter)
        asked = error.retry_after if isinstance(error, StatusError) else None
        return min(max(backoff, asked or 0.0), self.max_wait)

    def wait_for_parser(self, wait: float | None, attempt: int, jitter: float) -> float | None:
        """Return the seconds to wait where a parser has a page fetched again, or ``None`` if no attempt is left.

        Args:
            wait: What the parser asks for; ``None`` leaves it to the rules.
            attempt: As in `wait_after`.
            jitter: As in `wait_after`.
        """
        if attempt + 1 >= self.attempts:
            return None
        return min(self._backoff(self.wait, attempt, jitter), self.max_wait) if wait is None else wait

    def _backoff(self, wait: float, attempt: int, jitter: float) -> float:
        backoff: float = wait * 2 ** min(attempt, _MOST_DOUBLINGS) * jitter
        return backoff

    def _is_final(self, error: FetchError) -> bool:
        """Tell whether the error itself says that another attempt is useless."""
        if isinstance(error, StatusError):
            return error.status not in self.statuses
        return isinstance(error, ResolveError) and error.is_final


def _check_table(table: Mapping[Any, Any]) -> None:
    if not isinstance(table, Mapping):
        raise ConfigurationError.of("table", table, "a mapping of errors to rules: {**TABLE, ConnectError: Rule(5)}")
    for kind, rule in table.items():
        if not (isinstance(kind, type) and issubclass(kind, FetchError)):
            raise ConfigurationError.of("table", kind, "subclasses of FetchError")
        if not isinstance(rule, Rule):
            raise ConfigurationError.of(f"table[{kind.__name__}]", rule, "a Rule")
