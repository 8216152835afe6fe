"""Reads the robots.txt of an origin: an errand of the crawl, fetched like any page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crawler.errors import (
    BlockedAddressError,
    ConnectError,
    FetchError,
    NotCachedError,
    RobotsDeniedError,
    StatusError,
)
from crawler.fetching.protocol import Fetches
from crawler.models import Request
from crawler.policy.limits import ByteBudget
from crawler.policy.redirect import REDIRECTS, location_of, redirected
from crawler.policy.robots import (
    ALLOW_ALL,
    FRESH_SECONDS,
    MAX_REDIRECTS,
    PARSE_ON_LOOP_BYTES,
    Verdict,
    is_unreachable,
    verdict_of,
)


async def read_robots(
    fetcher: Fetches, errand: Request, user_agent: str, answered: Callable[[], None]
) -> Verdict | Request:
    """Fetch and parse the robots.txt that ``errand`` stands for; return the next errand where it is redirected.

    Args:
        fetcher: What fetches it.
        errand: A request for it.
        user_agent: By which it knows us.
        answered: Called when an answer begins.

    Raises:
        FetchError: There is no answer that says anything of what is allowed: all is forbidden for now.
    """
    try:
        page = await fetcher.fetch(errand, ByteBudget(), answered)  # not the user's: what they limit is pages
    except NotCachedError:  # nothing is asked for in a replay, so nothing can be forbidden
        return Verdict(ALLOW_ALL, FRESH_SECONDS)
    except StatusError as error:
        if is_unreachable(error.status):
            raise
        return verdict_of(error.status, b"", user_agent)
    if page.status in REDIRECTS and errand.redirects < MAX_REDIRECTS:
        return redirected(errand, page.status, location_of(page.headers))
    arguments = page.status, page.body, user_agent, page.url
    if len(page.body) > PARSE_ON_LOOP_BYTES:
        return await asyncio.to_thread(verdict_of, *arguments)
    return verdict_of(*arguments)


def refusal(error: FetchError) -> FetchError:
    """Return why the pages of an origin fail whose robots.txt could not be had because of ``error``.

    Where there is no connection they cannot be had either; else all is forbidden (RFC 9309 §2.3.1.4).
    """
    if isinstance(error, ConnectError | BlockedAddressError):
        return error
    return RobotsDeniedError(f"robots.txt cannot be had: {error}")
