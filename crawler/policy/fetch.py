"""The options of fetching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawler.errors import ConfigurationError
from crawler.http.fields import check_field
from crawler.policy.access import Access
from crawler.policy.bodies import Bodies
from crawler.policy.caching import Cache
from crawler.policy.checks import at_least, whole
from crawler.policy.network import Network

_KINDS: dict[str, type] = {"bodies": Bodies, "network": Network, "access": Access}
_FOR_AN_ORIGIN = frozenset({"authorization", "cookie", "proxy-authorization"})
USER_AGENT = "crawler/0.1 (asyncio crawler framework)"


@dataclass(frozen=True, slots=True)
class Fetch:
    """Options of each request.

    Attributes:
        concurrency: Requests in flight at most, to all hosts together.
        timeout: Seconds from sending a request to the last byte of its body.
        connect_timeout: Seconds to resolve a name and to connect.
        max_redirects: Redirect hops of a request; more are a `TooManyRedirectsError`.
        user_agent: How you introduce yourself: name your project and a contact when you crawl other people's hosts.
        headers: Header fields sent with each request, to every origin.
        bodies: Which bodies are read, and how much of them.
        network: How hosts are resolved and reached.
        access: Credentials, header fields and cookies, each for an origin.
        cache: Where answers are stored; ``None`` stores none.
    """

    concurrency: int = 64
    timeout: float = 30.0
    connect_timeout: float = 10.0
    max_redirects: int = 10
    user_agent: str = USER_AGENT
    headers: Mapping[str, str] = field(default_factory=dict)
    bodies: Bodies = field(default_factory=Bodies)
    network: Network = field(default_factory=Network)
    access: Access = field(default_factory=Access)
    cache: Cache | None = None

    def __post_init__(self) -> None:
        whole("concurrency", self.concurrency, 1, unit="requests")
        at_least("timeout", self.timeout, 0.001, unit="seconds")
        at_least("connect_timeout", self.connect_timeout, 0.001, unit="seconds")
        whole("max_redirects", self.max_redirects, 0, unit="hops")
        for option, kind in _KINDS.items():
            if not isinstance(getattr(self, option), kind):
                raise ConfigurationError.of(option, getattr(self, option), f"a {kind.__name__}")
        if self.cache is not None and not isinstance(self.cache, Cache):
            raise ConfigurationError.of("cache", self.cache, f"Cache({self.cache!r}), or None")
        for name, value in {"User-Agent": self.user_agent, **self.headers}.items():
            check_field(name, value)
            if name.lower() in _FOR_AN_ORIGIN:
                raise ConfigurationError(f"header {name!r}: it would go to every host; give it to Access")
