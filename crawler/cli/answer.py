"""One page, fetched without a crawl around it: what a server answers in the end, tries and redirects behind it."""

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
    session = import_module("crawler.fetching.session")
    if options.cache is not None and options.cache.mode == "replay":
        retry = replace_fields(retry, attempts=1)  # what is on the disk does not change
    async with session.open_session(options) as opened:
        opened.trust([request.url])
        # From here on its name and password are known to whom they are for, and shown nowhere.
        request = replace(request, url=without_userinfo(request.url))
        # With cookies, the same URL may have another answer the second time.
        rules = FetchRules(retry, options.max_redirects, may_repeat=options.access.cookies is not None)
        answer = await _followed(opened, request, rules)
        await opened.finish()
        return answer


async def _followed(session: FetchSession, request: Request, rules: FetchRules) -> Answer:
    """Return the last answer: redirects are followed, and what fails is tried again."""
    while True:
        before = session.cache
        step = rules.step(request, await _came(session, request), random.random())
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


async def _came(session: FetchSession, request: Request) -> Page | FetchError:
    try:
        return await session.fetch(request, ByteBudget())
    except FetchError as error:
        return error


def _failed(request: Request, error: FetchError) -> Answer:
    status, headers = (error.status, error.headers) if isinstance(error, StatusError) else (0, ())
    return Answer(Page(request.url, status=status, headers=headers, request=request), error)


def _source(session: FetchSession, before: CacheStatistics | None, page: Page) -> str:
    """Return what the cache had to do with ``page``, of which it has counts from ``before`` it was asked."""
    after = session.cache
    if before is None or after is None:
        return ""
    if page.changed is not None:
        return "changed since last time" if page.changed else "unchanged since last time"
    if after.served > before.served:
        return "from the cache"
    return "not modified since it was put into the cache" if after.confirmed > before.confirmed else ""
