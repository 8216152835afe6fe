"""A fetcher that serves a cache without a network."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from crawler.document.page import Page
from crawler.errors import NotCachedError
from crawler.fetching.cache_answers import check_wanted, page_of, sent_fields
from crawler.fetching.cache_choice import choose
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.fetching.cache_store import Found, Store
from crawler.fetching.protocol import Answered, nobody
from crawler.http.stored import key_of
from crawler.http.storing import is_for_cache
from crawler.models import Request
from crawler.policy.bodies import Bodies, BodyRule
from crawler.policy.limits import ByteBudget


class ReplayFetcher:
    """A fetcher that serves the answers that a crawl has stored, and nothing else. Open it with `open_cache`."""

    def __init__(self, store: Store, fields: Mapping[str, str], bodies: Bodies) -> None:
        self._store = store
        self._bodies = bodies
        self._fields = {name.lower(): value for name, value in fields.items()}
        self._served = self._missing = 0

    def __repr__(self) -> str:
        return f"<ReplayFetcher {self._served} served, {self._missing} missing, {self._store!r}>"

    def statistics(self) -> CacheStatistics:
        """Return the present counts."""
        return CacheStatistics(served=self._served, missing=self._missing, is_broken=self._store.is_broken)

    async def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Page:
        """Return the page stored for ``request``; neither ``budget`` nor ``answered`` is used.

        Raises:
            NotCachedError: The store has no page for it.
            StatusError: The stored answer is an error.
            ContentTypeError: The type of the stored page is not wanted.
            BodyTooLargeError: The stored body is too large.
        """
        del budget, answered
        started = time.perf_counter()
        found = Found()
        if is_for_cache(request):
            choose_one = partial(choose, "replay", sent=sent_fields(self._fields, request), now=0.0)
            found = await self._store.find(key_of(request), choose_one)
        if found.answer is None or found.body is None:
            self._missing += 1
            raise NotCachedError(f"{request.method} {request.url} is not in the cache {str(self._store.path)!r}")
        self._served += 1
        if found.answer.is_error:
            raise found.answer.error
        check_wanted(found.answer, bodies or self._bodies)
        return page_of(request, found.answer, found.answer.fields, found.body, started)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return no address: no server is asked."""
        del hostname
        return ()

    async def finish(self) -> None:
        """Do nothing: a replay changes nothing."""
