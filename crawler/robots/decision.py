"""What an answer to the request for robots.txt allows, and for how long (RFC 9309 §2.3, §2.4)."""

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

# Hops; RFC 9309 §2.3.1.2 asks for at least five, and takes a file behind more for one that is not there.
MAX_REDIRECTS = 5
FRESH_SECONDS = 86_400.0  # RFC 9309 §2.4: no file is used for more than 24 hours
# Everything is forbidden meanwhile, and most failures pass in minutes. Google asks again as soon; arbitrary.
ERROR_SECONDS = 600.0
ROBOTS_BODY = Beginning(ROBOTS_BYTES)
"""What is read of a robots.txt: as much as counts (RFC 9309 §2.5), of whatever type servers say it is."""

PARSE_ON_LOOP_BYTES = 8 * 1024  # which take 0.5 ms as files are, and 2 ms as they can be made; measured

_ORIGIN = "origin"  # in the metadata of an errand: whose rules it is to fetch, as redirects lead elsewhere

ALLOW_ALL = Robots()
DENY_ALL = Robots(PathRules(prefixes={"": 2}, lengths=(0,)))


class Verdict(NamedTuple):
    """What is allowed on an origin, and the seconds until that is asked again."""

    robots: Robots
    seconds: float


def robots_url(origin: str) -> str:
    """Return where the rules of ``origin`` are, given as `crawler.url.origin_of` returns it."""
    return f"{origin}/robots.txt"


def robots_request_for(origin: str) -> Request:
    """Return the request for the rules of ``origin``."""
    return Request(robots_url(origin), label=ROBOTS, metadata={_ORIGIN: origin})


def origin_for(robots_request: Request) -> str:
    """Return the origin whose rules ``robots_request`` is to fetch, wherever redirects have led it."""
    return str((robots_request.metadata or {}).get(_ORIGIN, origin_of(robots_request.url)))


def verdict_of(status: int, body: bytes, user_agent: str, url: str = "") -> Verdict:
    """Return what the last answer to a request for robots.txt means, redirects having been followed.

    - 2xx: what the file says.
    - Redirects still, after `MAX_REDIRECTS`: everything is allowed (§2.3.1.2).
    - 4xx: there are no rules, so everything is allowed (§2.3.1.3); but see `is_unreachable`.
    - 5xx, and what is no answer: everything is forbidden (§2.3.1.4), for as long as it lasts. The RFC would let one
      forget about the file after a month; no crawl waits that long.

    Args:
        status: The HTTP status; 0 where there was no answer, or none that could be read.
        body: The body of a 2xx answer.
        user_agent: How we call ourselves in requests.
        url: Where the body came from, so that sitemaps may be relative to it.
    """
    if is_unreachable(status):
        return Verdict(DENY_ALL, ERROR_SECONDS)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict(parse_robots(body, user_agent, url), FRESH_SECONDS)
    return Verdict(ALLOW_ALL, FRESH_SECONDS)


def is_unreachable(status: int) -> bool:
    """Tell whether a ``status`` says nothing of what is allowed, so that robots.txt should be asked for once more.

    429 is one of them, though it is below 500: who gets too many requests does not ask for more. Google reads it so
    as well, and no other below 500.
    """
    return status in {0, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR
