"""The values of a crawl: requests, failures, and the ledger of URL states."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import inf
from typing import Any, NamedTuple

import msgspec

from crawler.errors import ConfigurationError
from crawler.url import LONGEST_URL

ROBOTS = "robots.txt:"
"""The label of requests for robots.txt. Labels that end in a colon are reserved for the crawl itself."""
SITEMAP = "sitemap:"
"""The label of requests for sitemaps, whose pages are parsed by `crawler.sitemaps`."""
_LARGEST_PRIORITY = 2**31  # so that ranks, which are floats, differ for all priorities
_EXPECTED = {
    "url": "a string",
    "method": "a string",
    "headers": "a tuple of pairs of strings",
    "body": "bytes or None",
    "label": "a string",
    "priority": "a whole number",
    "metadata": "a mapping or None",
    "again": "a bool",
}


_TYPES: dict[str, Any] = {
    "url": str,
    "method": str,
    "headers": tuple,
    "body": bytes | None,
    "label": str,
    "priority": int,
    "metadata": Mapping | None,
    "again": bool,
}


class Request(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A request for a URL. Parsers yield requests, seeds become requests, and the frontier holds them.

    It is a msgspec structure and not a dataclass, because a page of a hundred links makes a hundred requests: each
    takes 50 ns, and a frozen dataclass takes 650 ns.

    Attributes:
        url: Absolute or, in a parser, relative to the page; normalised when it enters the frontier.
        method: HTTP method in capitals.
        headers: Extra header fields as pairs; they replace the session's fields of the same name.
        body: Payload to send, or ``None``.
        label: Chooses the parser in a `Router`.
        priority: Within a host, requests with a larger priority are fetched earlier.
        again: Whether it is fetched even if its like was seen before, and its page delivered again. Each such request
            counts towards `Limits.max_alike`, so that a page that yields itself does so no longer than that.
        metadata: Your own data, which the parser gets as ``page.metadata``. It must be plain data that pickles.
        depth: Links followed from the seed, set by the crawl.
        parent: URL of the page that led here, set by the crawl; empty for seeds.
        redirects: Redirects followed since the link, set by the crawl.
        hops: Method, URL, status and fingerprint of what redirected it so far, in this order; the first is what was
            asked for. Set by the crawl. Empty in the request of a page that is crawled under its own URL: see `parent`.
        attempt: Attempts that failed before this one, set by the crawl.
        serial: Its number in the order of discovery, from 1, set by the crawl.
        rank: Its place in the queue of its host, set by the crawl. Smaller ranks are fetched earlier.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    label: str = ""
    priority: int = 0
    metadata: Mapping[str, Any] | None = None
    depth: int = 0
    parent: str = ""
    redirects: int = 0
    attempt: int = 0
    serial: int = 0
    rank: float = 0.0
    hops: tuple[tuple[str, str, int, str], ...] = ()
    again: bool = False

    @property
    def asked(self) -> str:
        """The URL that was asked for, before any redirect."""
        return self.hops[0][1] if self.hops else self.url

    @property
    def identity(self) -> str:
        """The fingerprint of what was asked for, before any redirect."""
        return self.hops[0][3] if self.hops else self.fingerprint

    @property
    def fingerprint(self) -> str:
        """The identity of the request in the seen-set: its URL, and method and body if it is not a plain GET.

        One that is made `again` has its number in it, and so is like no other.
        For a URL that is too long it is a digest, because a page can have links of megabytes, and a crawl holds
        fingerprints until its end.
        """
        identity = self.url
        if self.method != "GET" or self.body is not None:
            identity = f"{self.method} {self.url} {_digest_of(self.body or b'')}"
        if self.again:
            identity = f"{identity} again {self.serial}"
        return identity if len(identity) <= LONGEST_URL else _digest_of(identity.encode("utf-8", "surrogatepass"))

    def check(self) -> None:
        """Check the types of the fields. The constructor does not, so that requests are cheap to make.

        Raises:
            TypeError: A field has a wrong type. The message says which.
        """
        fields: dict[str, Any] = {name: getattr(self, name) for name in _EXPECTED}
        headers = fields["headers"]
        for name, kind in _TYPES.items():
            if not isinstance(fields[name], kind):
                raise TypeError(f"{name}={fields[name]!r} of a request: expected {_EXPECTED[name]}")
        if abs(self.priority) > _LARGEST_PRIORITY:
            raise TypeError(f"priority={self.priority!r} of a request: expected a number of 32 bits")
        if self.is_robots_request:
            raise TypeError(f"label={self.label!r} of a request: it is the crawl's own")
        pairs = all(isinstance(pair, tuple) and len(pair) == 2 for pair in headers)
        if not pairs or not all(isinstance(part, str) for pair in headers for part in pair):
            raise TypeError(f"headers={headers!r} of a request: expected {_EXPECTED['headers']}")

    @property
    def is_robots_request(self) -> bool:
        """Whether the crawl itself needs the answer, so that no parser gets it."""
        return self.label == ROBOTS

    @property
    def is_repeatable(self) -> bool:
        """Whether sending the request twice has the same effect as sending it once (RFC 9110 §9.2.2)."""
        return self.method not in {"POST", "PATCH"}

    @property
    def is_plain(self) -> bool:
        """Whether all fields but the URL have their defaults, so that the URL alone can travel between processes."""
        return self == Request(self.url)


def _digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


class PageRetry(NamedTuple):
    """What a parser yields to have its page fetched again: see `Page.retry`."""

    reason: str
    wait: float | None = None

    def check(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: ``reason`` is no text, or ``wait`` is no number of seconds.
        """
        reason: Any = self.reason
        wait: Any = self.wait
        if not (isinstance(reason, str) and reason):
            raise ConfigurationError.of("reason", reason, "a text that says why")
        if wait is not None and not (isinstance(wait, int | float) and 0 <= wait < inf):
            raise ConfigurationError.of("wait", wait, "a number of seconds, or None")


class State(enum.StrEnum):
    """The one state that each discovered URL is in."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"
    """Forbidden by the site's robots.txt."""
    REFUSED = "refused"
    """Outside our own scope or limits, or at an address that is not public."""
    QUARANTINED = "quarantined"
    """Its page could not be parsed without harm: it killed its worker, or its results cannot leave the worker."""


class Refusal(enum.StrEnum):
    """Why a URL is not to be fetched."""

    SCOPE = "out of scope"
    DEPTH = "too deep"
    LONG = "too long"
    TRAP = "too many alike, or a trap"
    HOST = "too many of its host"
    PATH = "too many of its path"


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many of the ``discovered`` URLs are in each `State`."""

    discovered: int = 0
    pending: int = 0
    in_flight: int = 0
    done: int = 0
    failed: int = 0
    denied: int = 0
    refused: int = 0
    quarantined: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every discovered URL is in exactly one state."""
        counts: list[int] = [getattr(self, state.value) for state in State]
        return self.discovered == sum(counts)


@dataclass(frozen=True, slots=True)
class Failure:
    """A URL that did not become items, and why.

    Attributes:
        url: The URL.
        state: Failed, denied, refused, or in quarantine.
        error: The type of error.
        message: What happened.
        attempts: The number of attempts.
        status: The HTTP status of a `StatusError`; 0 for all other errors.
        depth: Links followed from the seed.
        parent: The page that led there.
        traceback: The traceback of the parser, as text.
        saved: The file that holds the body of a page in quarantine, for ``crawler replay``.
    """

    url: str
    state: State
    error: str
    message: str
    attempts: int = 1
    status: int = 0
    depth: int = 0
    parent: str = ""
    traceback: str = ""
    saved: str = ""

    def __str__(self) -> str:
        attempts = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        found_on = f" (linked from {self.parent})" if self.parent else ""
        return f"{self.state} {self.url}{attempts}: {self.error}: {self.message}{found_on}"
