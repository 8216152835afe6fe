"""How gently a host is treated."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.policy.checks import at_least, whole
from crawler.url import is_loopback

STRANGER_DELAY = 1.0  # seconds; the delay most robots.txt files that name one ask for lies between 1 and 10
STRANGER_CONNECTIONS = 2  # RFC 2616 §8.1.4's advice, kept here for hosts that we know nothing about


@dataclass(frozen=True, slots=True)
class HostRule:
    """What one host is given: seconds between the starts of two requests, and requests in flight (``None``: any)."""

    delay: float
    connections: int | None


@dataclass(frozen=True, slots=True)
class Politeness:
    """Delay and connections of a host. Where left out: gentle with strangers, unlimited on loopback.

    Attributes:
        delay: Seconds between the starts of two requests to a host.
        connections: Requests in flight to a host.
    """

    delay: float | None = None
    connections: int | None = None

    def __post_init__(self) -> None:
        at_least("delay", self.delay, 0, unit="seconds", optional=True)
        whole("connections", self.connections, 1, unit="connections", optional=True)

    def rule_for(self, hostname: str) -> HostRule:
        """Return what the host of that name (without port) is given."""
        loopback = is_loopback(hostname)
        delay, connections = (0.0, None) if loopback else (STRANGER_DELAY, STRANGER_CONNECTIONS)
        return HostRule(
            delay=delay if self.delay is None else self.delay,
            connections=connections if self.connections is None else self.connections,
        )
