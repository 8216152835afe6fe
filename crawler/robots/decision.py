"""The decision that an answer to a robots request means, and how long it holds (RFC 9309 §2.3, §2.4)."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from crawler.models import ROBOTS, Request
from crawler.policy.bodies import Beginning
from crawler.robots.file import ROBOTS_BYTES, Robots, parse_robots, product_token
from crawler.robots.rules import PathRules
from crawler.url import origin_of

__all__ = [
    "ALLOW_ALL",
    "DENY_ALL",
    "ERROR_SECONDS",
    "FRESH_SECONDS",
    "MAX_REDIRECTS",
    "PARSE_ON_LOOP_BYTES",
    "ROBOTS_BODY",
    "ROBOTS_BYTES",
    "Robots",
    "Verdict",
    "is_unreachable",
    "origin_for",
    "parse_robots",
    "product_token",
    "robots_request_for",
    "robots_url",
    "verdict_of",
]

# Hops; RFC 9309 §2.3.1.2 asks for at least five, and treats a file behind more of them as missing.
MAX_REDIRECTS = 5
FRESH_SECONDS = 86_400.0  # RFC 9309 §2.4: no file is used for more than 24 hours
# Everything is forbidden meanwhile, and most failures pass in minutes. Google retries as soon; arbitrary.
ERROR_SECONDS = 600.0
ROBOTS_BODY = Beginning(ROBOTS_BYTES)
"""What is read of a robots.txt: as much as counts (RFC 9309 §2.5), of whatever type servers say it is."""

PARSE_ON_LOOP_BYTES = 8 * 1024  # parsed in 0.5 ms if the file is usual, in 2 ms if it is hostile; measured

_ORIGIN = "origin"  # in the metadata of a robots request: the origin whose rules it fetches, wherever redirects go

ALLOW_ALL = Robots()
DENY_ALL = Robots(PathRules(prefixes={"": 2}, lengths=(0,)))


class Verdict(NamedTuple):
    """The rules of an origin, and the seconds for which they hold."""

    robots: Robots
    seconds: float


def robots_url(origin: str) -> str:
    """Return the URL of the rules of ``origin``, which is as `crawler.url.origin_of` returns it."""
    return f"{origin}/robots.txt"


def robots_request_for(origin: str) -> Request:
    """Return the request for the rules of ``origin``."""
    return Request(robots_url(origin), label=ROBOTS, metadata={_ORIGIN: origin})


def origin_for(robots_request: Request) -> str:
    """Return the origin whose rules ``robots_request`` fetches, wherever redirects have led."""
    return str((robots_request.metadata or {}).get(_ORIGIN, origin_of(robots_request.url)))


def verdict_of(status: int, body: bytes, user_agent: str, url: str = "") -> Verdict:
    """Return the verdict that the final answer to a robots request means, after all redirects.

    - 2xx: the rules in the file.
    - A redirect after `MAX_REDIRECTS` others: everything is allowed (§2.3.1.2).
    - 4xx: there are no rules, so everything is allowed (§2.3.1.3); but see `is_unreachable`.
    - 5xx, or no valid answer: everything is forbidden (§2.3.1.4) while it lasts. The RFC lets a crawler ignore the
      file after a month; no crawl waits that long.

    Args:
        status: The HTTP status; 0 if there was no answer, or none that could be read.
        body: The body of a 2xx answer.
        user_agent: The user agent of the crawl's requests.
        url: The URL of the body, as base of relative sitemaps.
    """
    if is_unreachable(status):
        return Verdict(DENY_ALL, ERROR_SECONDS)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict(parse_robots(body, user_agent, url), FRESH_SECONDS)
    return Verdict(ALLOW_ALL, FRESH_SECONDS)


def is_unreachable(status: int) -> bool:
    """Tell whether a ``status`` says nothing about the rules, so that robots.txt should be requested once more.

    429 is one of them, although it is below 500: a server with too many requests does not want more. Google treats 429
    so as well, and no other status below 500.
    """
    return status in {0, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR
