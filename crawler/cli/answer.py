"""One page, fetched outside a crawl, with retries and redirects."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crawler.crawl.next_step import Again, Failed, FetchRules, Hop
from crawler.document.page import Page
from crawler.errors import FetchError, StatusError
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
    """The result of one fetch, after its retries and redirects.

    Attributes:
        page: The page. If there is an error, its body is empty, and its status is 0 unless a server sent one.
        error: Why there is no page.
        source: What the cache did for this page, in words; empty if the server alone answered.
    """

    page: Page
    error: FetchError | None = None
    source: str = ""


async def answer_to(request: Request, options: Fetch, retry: Retry) -> Answer:
    """Return the answer to ``request``, after retries and redirects.

    Args:
        request: What to fetch. Its URL is normalised; its host may have a private address, as the user has named it.
        options: How to fetch it.
        retry: When to fetch it again.

    Raises:
        ConfigurationError: A file that ``options`` name cannot be used.
        CacheError: The cache cannot be used.
    """
    # Imported here, because aiohttp takes 0.3 s to import, and other commands do not need it.
    session = import_module("crawler.fetching.session")
    if options.cache is not None and options.cache.mode == "replay":
        retry = replace_fields(retry, attempts=1)  # what is on the disk does not change
    async with session.open_session(options) as opened:
        opened.trust([request.url])
        # The session now has the name and the password in the URL; nothing may show them.
        request = replace(request, url=without_userinfo(request.url))
        # With cookies, the same URL may have another answer the second time.
        rules = FetchRules(retry, options.max_redirects, may_repeat=options.access.cookies is not None)
        answer = await _followed(opened, request, rules)
        await opened.finish()
        return answer


async def _followed(session: FetchSession, request: Request, rules: FetchRules) -> Answer:
    """Return the last answer, after all redirects and retries."""
    while True:
        before = session.cache
        step = rules.step(request, await _outcome(session, request), random.random())
        match step:
            case Hop(_, target):
                request = target
            case Again(wait, _):
                await asyncio.sleep(wait)
                request = replace(request, attempt=request.attempt + 1)
            case Failed(error):
                return _failed(request, error)
            case page:
                return Answer(page, source=_source(session, before, page))


async def _outcome(session: FetchSession, request: Request) -> Page | FetchError:
    try:
        return await session.fetch(request, ByteBudget())
    except FetchError as error:
        return error


def _failed(request: Request, error: FetchError) -> Answer:
    status, headers = (error.status, error.headers) if isinstance(error, StatusError) else (0, ())
    return Answer(Page(request.url, status=status, headers=headers, request=request), error)


def _source(session: FetchSession, before: CacheStatistics | None, page: Page) -> str:
    """Return what the cache did for ``page``, found by comparing its counts with those ``before`` the fetch."""
    after = session.cache
    if before is None or after is None:
        return ""
    if page.changed is not None:
        return "changed since last time" if page.changed else "unchanged since last time"
    if after.served > before.served:
        return "from the cache"
    return "not modified since it was put into the cache" if after.confirmed > before.confirmed else ""
