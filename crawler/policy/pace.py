"""The pace of one host: how its answers change its delay. No I/O and no clock; times are in seconds."""

from __future__ import annotations

import enum

import msgspec

from crawler.errors import (
    BlockedAddressError,
    ConnectError,
    DecodingError,
    FetchError,
    FetchTimeoutError,
    OpenFilesError,
    ProtocolError,
    StatusError,
)
from crawler.policy.politeness import HostRule

PROMPT_SECONDS = 1.0  # a host is prompt if its last fetch took no longer; arbitrary
PAUSES = 3  # pauses of a host that keeps failing, before it is given up; arbitrary
_FIRST_PENALTY = 0.1  # seconds; arbitrary, doubled each time the host is overloaded or silent again
_LEAST_PENALTY = 0.01  # seconds; a smaller penalty becomes none
_EASE = 2  # by which an answer divides the penalty: it undoes one time that the host was overloaded
_EASE_OF_SILENCE = 8  # the same for a prompt page where it was silent: this undoes three; arbitrary
_FIRST_PAUSE = 30.0  # seconds; doubled for each further one, up to the longest delay
_INERTIA = 0.7  # weight of the past in the average of latencies: the last three count for two thirds
_SERVER_ERRORS = 500  # and above


class Outcome(enum.Enum):
    """What a fetch says about the host, as opposed to the URL."""

    ANSWERED = "answered"
    """The host answered: a page, a redirect, a 404."""
    OVERLOADED = "overloaded"
    """The host asks for fewer requests."""
    SILENT = "silent"
    """The host does not answer in time: it is overloaded, or it never answers this URL."""
    BROKEN = "broken"
    """The host cannot be reached, or fails."""
    UNKNOWN = "unknown"
    """The host was not asked, or the fetch was cut off by the crawl."""


def outcome_of(error: FetchError) -> Outcome:
    """Return what ``error`` says about the host that it came from."""
    match error:
        case FetchTimeoutError():
            return Outcome.SILENT
        case StatusError(status=429 | 503):
            return Outcome.OVERLOADED
        case BlockedAddressError() | OpenFilesError():
            return Outcome.UNKNOWN
        case StatusError():
            return Outcome.BROKEN if error.status >= _SERVER_ERRORS else Outcome.ANSWERED
        case ConnectError() | ProtocolError() if not isinstance(error, DecodingError):  # which is the page's fault
            return Outcome.BROKEN
    return Outcome.ANSWERED


def pause_of(error: FetchError) -> float:
    """Return the seconds for which a host asks not to be visited at all (RFC 6585 §4, RFC 9110 §10.2.3)."""
    if outcome_of(error) is Outcome.OVERLOADED and isinstance(error, StatusError):
        return error.retry_after or 0.0
    return 0.0


class PaceRecord(msgspec.Struct, frozen=True, array_like=True):
    """The snapshot of a `Pace`, which outlives a crawl."""

    crawl_delay: float = 0.0
    is_down: bool = False
    penalty: float = 0.0
    failures: int = 0
    pauses: int = 0


class Pace:
    """The delay of one host: at least that of its rule, and longer if the host is slow, overloaded or asks for more.

    Attributes:
        crawl_delay: Seconds that its robots.txt asks for.
        is_prompt: Whether its last fetch was quick; false before the first.
        is_down: Whether it is given up.
    """

    __slots__ = (
        "_failures",
        "_latency",
        "_pauses",
        "_penalty",
        "_was_silent",
        "crawl_delay",
        "is_down",
        "is_prompt",
        "rule",
    )

    def __init__(self, rule: HostRule) -> None:
        self.rule = rule
        self.crawl_delay = 0.0
        self.is_prompt = False
        self.is_down = False
        self._latency = 0.0
        self._penalty = 0.0
        self._was_silent = False  # not answering was why its penalty grew last
        self._failures = 0
        self._pauses = 0

    def __repr__(self) -> str:
        return f"<Pace {self.delay:g} s{', down' if self.is_down else ''}>"

    @property
    def delay(self) -> float:
        """Seconds from an answer to the next request, without jitter."""
        rule = self.rule
        if self.is_down or not (rule.delay or self.crawl_delay or self._penalty):
            return 0.0
        # Without a delay in the rule, latency adds none: many connections are there to hide it.
        latency = self._latency if rule.delay else 0.0
        wanted = max(self.crawl_delay, latency, rule.delay) + self._penalty
        return max(rule.delay, min(wanted, rule.max_delay))

    def delay_by(self, jitter: float) -> float:
        """Return the delay with jitter, for a random number in [0, 1)."""
        return self.delay * (1 + self.rule.jitter * jitter)

    @property
    def is_failing(self) -> bool:
        """Whether it has been paused for failing, and has not answered since: it then gets one request at a time."""
        return self._pauses > 0

    def snapshot(self) -> PaceRecord:
        """Return the state for `restore`."""
        return PaceRecord(self.crawl_delay, self.is_down, self._penalty, self._failures, self._pauses)

    def restore(self, snapshot: PaceRecord) -> None:
        """Take over the state of an earlier crawl."""
        self.crawl_delay, self.is_down = snapshot.crawl_delay, snapshot.is_down
        self._penalty, self._failures, self._pauses = snapshot.penalty, snapshot.failures, snapshot.pauses

    def note_latency(self, seconds: float) -> None:
        """Record how long the host took to begin its answer."""
        self._latency = seconds if not self._latency else _INERTIA * self._latency + (1 - _INERTIA) * seconds

    def note(self, outcome: Outcome, seconds: float | None = None) -> float:
        """Record the outcome of a fetch; return the seconds for which the host must be left alone.

        Args:
            outcome: What the fetch says about the host.
            seconds: How long a page took; ``None`` for other answers: a quick robots.txt says little about a host.
        """
        match outcome:
            case Outcome.ANSWERED:
                self.is_prompt = self.is_prompt if seconds is None else seconds <= PROMPT_SECONDS
                self._failures = self._pauses = 0
                is_refuted = self._was_silent and self.is_prompt and seconds is not None
                ease = _EASE_OF_SILENCE if is_refuted else _EASE
                self._penalty = self._penalty / ease if self._penalty > ease * _LEAST_PENALTY else 0.0
            case Outcome.OVERLOADED | Outcome.SILENT:
                self.is_prompt = False
                self._was_silent = outcome is Outcome.SILENT
                self._penalty = min(max(2 * self._penalty, _FIRST_PENALTY, self.rule.delay), self.rule.max_delay)
                return self._fail()
            case Outcome.BROKEN:
                return self._fail()
        return 0.0

    def _fail(self) -> float:
        self._failures += 1
        patience = self.rule.give_up_after
        if patience is None or (self._failures < patience and not self._pauses):
            return 0.0
        self._pauses += 1
        self.is_down = self._pauses > PAUSES
        return 0.0 if self.is_down else min(_FIRST_PAUSE * 2 ** (self._pauses - 1), self.rule.max_delay)
