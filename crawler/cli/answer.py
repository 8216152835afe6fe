"""One page, fetched without a crawl around it: what a server answers in the end, tries and redirects behind it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import FetchError, ProtocolError, StatusError, TooManyRedirectsError
from crawler.http.redirect import REDIRECTS, location_of, redirected
from crawler.models import Request
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.policy.retry import Retry
from crawler.url import without_userinfo

if TYPE_CHECKING:
    from crawler.fetching.cache_statistics import CacheStatistics
    from crawler.fetching.session import FetchSession


@dataclass(frozen=True, slots=True)
class Answer:
    """What came.

    Attributes:
        page: The page. Where there is an error its body is empty, and its status is 0 unless a server said one.
        error: Why it is none.
        source: Where it came from, where that was not the server alone.
    """

    page: Page
    error: FetchError | None = None
    source: str = ""


async def answer_to(request: Request, options: Fetch, retry: Retry) -> Answer:
    """Return what is answered to ``request``, which is tried again as ``retry`` says, redirects followed.

    Args:
        request: What to fetch; its URL is normalised, and leads wherever the user says.
        options: How it is fetched.
        retry: When it is tried again.

    Raises:
        ConfigurationError: A file that ``options`` name cannot be used.
        CacheError: The cache cannot be used.
    """
    # Imported here: aiohttp takes 0.3 s to import, and other commands have no use for it.
    fetching = import_module("crawler.fetching.session")
    if options.cache is not None and options.cache.mode == "replay":
        retry = replace_fields(retry, tries=1)  # what is on the disk does not change
    async with fetching.open_session(options) as opened:
        opened.trust([request.url])
        # From here on its name and password are known to whom they are for, and shown nowhere.
        request = replace(request, url=without_userinfo(request.url))
        answer = await _followed(opened, request, options, retry)
        await opened.finish()
        return answer


async def _followed(fetching: FetchSession, request: Request, options: Fetch, retry: Retry) -> Answer:
    while True:
        answer = await _tried(fetching, request, retry)
        if answer.error is not None or answer.page.status not in REDIRECTS:
            return answer
        request = answer.page.request
        try:
            if request.redirects >= options.max_redirects:
                raise TooManyRedirectsError(f"more than {options.max_redirects} redirects")
            target = redirected(request, answer.page.status, location_of(answer.page.headers))
            # With cookies, it may be another answer that comes the second time.
            if target.fingerprint == request.fingerprint and options.access.cookies is None:
                raise ProtocolError("redirects to itself")
        except FetchError as error:
            return _failed(request, error)
        request = target


async def _tried(fetching: FetchSession, request: Request, retry: Retry) -> Answer:
    before = fetching.cache
    while True:
        try:
            page = await fetching.fetch(request, ByteBudget())
        except FetchError as error:
            wait = retry.wait_after(error, request.attempt, random.random(), repeatable=request.is_repeatable)
            if wait is None:
                return _failed(request, error)
            await asyncio.sleep(wait)
            request = replace(request, attempt=request.attempt + 1)
        else:
            return Answer(page, source=_source(fetching, before, page))


def _failed(request: Request, error: FetchError) -> Answer:
    status, headers = (error.status, error.headers) if isinstance(error, StatusError) else (0, ())
    return Answer(Page(request.url, status=status, headers=headers, request=request), error)


def _source(fetching: FetchSession, before: CacheStatistics | None, page: Page) -> str:
    """Return what the cache had to do with ``page``, of which it has counts from ``before`` it was asked."""
    after = fetching.cache
    if before is None or after is None:
        return ""
    if page.changed is not None:
        return "changed since last time" if page.changed else "unchanged since last time"
    if after.served > before.served:
        return "from the cache"
    return "not modified since it was put into the cache" if after.confirmed > before.confirmed else ""
