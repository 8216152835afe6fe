"""How pages are fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawler.errors import ConfigurationError
from crawler.policy.checks import at_least, whole

USER_AGENT = "crawler/0.1 (asyncio crawler framework)"


@dataclass(frozen=True, slots=True)
class Fetch:
    """Limits and headers of each request.

    Attributes:
        concurrency: Requests in flight at most, over all hosts.
        timeout: Seconds from sending a request to the last byte of its body.
        connect_timeout: Seconds to resolve a name and to connect.
        max_body_bytes: Bytes of a body, counted after decompression; more is a `BodyTooLargeError`.
        max_redirects: Hops of a chain of redirects; more is a `TooManyRedirectsError`.
        user_agent: Who you are: name your project and a contact when you leave your own machine.
        headers: Header fields sent with each request.
    """

    concurrency: int = 64
    timeout: float = 30.0
    connect_timeout: float = 10.0
    max_body_bytes: int = 10 * 2**20
    max_redirects: int = 10
    user_agent: str = USER_AGENT
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole("concurrency", self.concurrency, 1, unit="requests")
        at_least("timeout", self.timeout, 0.001, unit="seconds")
        at_least("connect_timeout", self.connect_timeout, 0.001, unit="seconds")
        whole("max_body_bytes", self.max_body_bytes, 1, unit="bytes")
        whole("max_redirects", self.max_redirects, 0, unit="hops")
        for name, value in {"User-Agent": self.user_agent, **self.headers}.items():
            if any(character in f"{name}{value}" for character in "\r\n\0"):
                raise ConfigurationError.of(f"header {name!r}", value, "no line break in a header field")
