"""Politeness: the delays and connections of hosts and IP addresses."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.policy.checks import at_least, whole
from crawler.url import is_loopback

STRANGER_DELAY = 1.0  # seconds; robots.txt files with a delay mostly ask for 1 to 10
STRANGER_CONNECTIONS = 2  # the advice of RFC 2616 §8.1.4, followed here for unknown hosts
STRANGER_ADDRESS_CONNECTIONS = 8  # arbitrary: many small sites on one server, but not all of them at once
STRANGER_PATIENCE = 10  # failures in a row; arbitrary


@dataclass(frozen=True, slots=True)
class HostRule:
    """The politeness rule of one host; see `Politeness` for the meanings. ``None`` is no limit.

    `Politeness.rule_for` returns the one that a host has; ``dataclasses.replace`` changes a part of it.
    """

    delay: float
    connections: int | None
    jitter: float = 0.0
    address_delay: float = 0.0
    address_connections: int | None = None
    max_delay: float = 60.0
    give_up_after: int | None = None

    def __post_init__(self) -> None:
        at_least("delay", self.delay, 0, unit="seconds")
        _check_common(self)

    @property
    def minds_address(self) -> bool:
        """Whether the rule depends on the IP address of the host."""
        return self.address_connections is not None or self.address_delay > 0


@dataclass(frozen=True, slots=True)
class Politeness:
    """Delays and connections of hosts. The defaults are gentle with strangers' hosts, and set no limits on loopback.

    A delay starts when an answer begins: only then is it certain that the server has seen the request, so no two
    requests reach it faster. The delay of a host grows if the host takes longer than that to answer, answers 429 or 503
    or not at all, or asks for more with ``Crawl-delay`` or ``Retry-After``.

    Attributes:
        delay: Seconds between an answer of a host and the next request to it.
        connections: Requests in flight to a host.
        jitter: Random extension of the delay, as a share of it: 0.5 makes 1 s one of 1 to 1.5 s.
        address_delay: Seconds between an answer of an IP address and the next request to it, under any host name.
        address_connections: Requests in flight to an IP address.
        max_delay: Seconds that no delay exceeds, whatever the host or its robots.txt asks for.
        give_up_after: Consecutive failures of a host (no connection, no answer, 5xx) after which it is paused; after
            the third pause its URLs fail without a request.
        robots: Whether to obey robots.txt, and the directives for robots in pages.
    """

    delay: float | None = None
    connections: int | None = None
    jitter: float = 0.0
    address_delay: float = 0.0
    address_connections: int | None = None
    max_delay: float = 60.0
    give_up_after: int | None = None
    robots: bool = True

    def __post_init__(self) -> None:
        at_least("delay", self.delay, 0, unit="seconds", optional=True)
        _check_common(self)

    def rule_for(self, hostname: str) -> HostRule:
        """Return the rule of the host with that name (without port)."""
        usual = _ON_LOOPBACK if is_loopback(hostname) else _STRANGERS
        return HostRule(
            delay=usual.delay if self.delay is None else self.delay,
            connections=self.connections or usual.connections,
            jitter=self.jitter,
            address_delay=self.address_delay,
            address_connections=self.address_connections or usual.address_connections,
            max_delay=self.max_delay,
            give_up_after=self.give_up_after or usual.give_up_after,
        )


def _check_common(rule: HostRule | Politeness) -> None:
    whole("connections", rule.connections, 1, unit="connections", optional=True)
    at_least("jitter", rule.jitter, 0)
    at_least("address_delay", rule.address_delay, 0, unit="seconds")
    whole("address_connections", rule.address_connections, 1, unit="connections", optional=True)
    at_least("max_delay", rule.max_delay, 0, unit="seconds")
    whole("give_up_after", rule.give_up_after, 1, unit="failures", optional=True)


_ON_LOOPBACK = HostRule(0.0, None)
_STRANGERS = HostRule(
    STRANGER_DELAY,
    STRANGER_CONNECTIONS,
    address_connections=STRANGER_ADDRESS_CONNECTIONS,
    give_up_after=STRANGER_PATIENCE,
)
