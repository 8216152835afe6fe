"""A fetcher with an HTTP cache in front of another fetcher."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from crawler.document.page import Page
from crawler.errors import ConfigurationError, NotCachedError, ResolveError, StatusError
from crawler.fetching.cache_answers import Received, check_wanted, page_of, sent_fields, stored_of
from crawler.fetching.cache_choice import choose
from crawler.fetching.cache_replay import ReplayFetcher
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.fetching.cache_store import Store, open_store
from crawler.fetching.protocol import Answered, Fetches, nobody
from crawler.http.cache_control import FOREVER, directives_of
from crawler.http.freshness import age_of
from crawler.http.stored import Stored, key_of, may_pass
from crawler.http.storing import CACHEABLE_METHODS, SAFE_METHODS, is_for_cache, is_storable, is_whole, outdated_by
from crawler.http.validation import conditional, confirmed, confirms
from crawler.models import Request
from crawler.policy.bodies import Bodies, BodyRule
from crawler.policy.caching import Cache
from crawler.policy.limits import ByteBudget

_NOT_MODIFIED = 304
_NONE: Mapping[str, str] = {}
_ALL_BODIES = Bodies(max_bytes=2**62)


class CachingFetcher:
    """A fetcher that looks into a store before it asks a server. Open it with `open_cache`."""

    def __init__(
        self,
        inner: Fetches,
        store: Store,
        options: Cache,
        fields: Mapping[str, str],
        bodies: Bodies,
        clock: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._store = store
        self._mode = options.mode
        self._fields = {name.lower(): value for name, value in fields.items()}
        self._bodies = bodies
        self._clock = clock
        self._served = self._confirmed = self._fetched = 0
        self._changes: dict[bool | None, int] = {None: 0, True: 0, False: 0}

    def __repr__(self) -> str:
        return f"<CachingFetcher {self._served} served, {self._fetched} fetched, {self._store!r}>"

    def statistics(self) -> CacheStatistics:
        """Return the present counts."""
        return CacheStatistics(
            served=self._served,
            confirmed=self._confirmed,
            fetched=self._fetched,
            new=self._changes[None],
            changed=self._changes[True],
            unchanged=self._changes[False],
            is_broken=self._store.is_broken,
        )

    async def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Page:
        """Return the page for ``request``, from the store or from the inner fetcher; see `Fetcher.fetch`.

        Args:
            request: What to fetch.
            budget: Bytes from the network are subtracted; those from the store are not.
            bodies: Which bodies are wanted, also of the stored ones; by default those of the user's options.
            answered: Called when the answer of a server begins; not for an answer from the store.

        Raises:
            FetchError: An error of the inner fetcher. A `StatusError` may also come from the store.
            NotCachedError: The request has ``Cache-Control: only-if-cached``, and would have to be sent.
            ContentTypeError: The type is not wanted, of a stored body as of one from the network.
            BodyTooLargeError: The body is too large, a stored one as one from the network.
            LimitReachedError: The budget is used up.
        """
        started, rule = time.perf_counter(), bodies or self._bodies
        ask = partial(self._ask, budget, bodies, answered)
        if not is_for_cache(request):
            return (await ask(request)).page_for(request)
        sent = sent_fields(self._fields, request)
        if self._mode == "standard" and request.method not in CACHEABLE_METHODS:
            return await self._pass_on(request, await ask(request))
        key = key_of(request)
        found = await self._store.find(key, partial(choose, self._mode, sent=sent, now=self._clock()))
        is_wanted = not request.attempt  # else what came last was no good: the parser may have said so
        if is_wanted and found.answer is not None and found.body is not None:
            self._served += 1
            return self._serve(request, found.answer, found.body, rule, started)
        if self._mode == "standard" and "only-if-cached" in directives_of(tuple(sent.items())):
            raise NotCachedError(f"{request.url} is not in the cache, or not fresh, and may not be asked for")
        if is_wanted and found.answer is not None and (conditions := conditional(request, found.answer)):
            received = await ask(conditions)
            if received.status != _NOT_MODIFIED:
                return await self._store_answer(request, sent, received, found.answer)
            page = await self._confirm(request, received, found.answer, rule, started)
            if page is not None:
                return page
        return await self._store_answer(request, sent, await ask(request), found.answer)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses for ``hostname``; empty if it has none, as the cache may have all its answers."""
        try:
            return await self._inner.lookup(hostname)
        except ResolveError:
            return ()

    async def finish(self) -> None:
        """Record that a crawl is complete: in the mode ``"changed"``, the next crawl compares its pages with it."""
        if self._mode == "changed":
            await self._store.finish()

    async def _ask(self, budget: ByteBudget, bodies: BodyRule | None, answered: Answered, request: Request) -> Received:
        asked = self._clock()
        outcome: Page | StatusError
        try:
            outcome = await self._inner.fetch(request, budget, bodies, answered)
        except StatusError as error:
            outcome = error
        if outcome.status != _NOT_MODIFIED:
            self._fetched += 1
        return Received(outcome, asked, self._clock())

    async def _confirm(
        self, request: Request, received: Received, answer: Stored, rule: BodyRule, started: float
    ) -> Page | None:
        """Return the stored page that a 304 has confirmed; ``None`` if it confirms another, or the body is lost."""
        if not confirms(received.fields, answer):
            return None
        stored = confirmed(answer, received.fields, asked=received.asked, answered=received.answered)
        refreshed = await self._store.refresh(key_of(request), stored, answer)
        if refreshed is None:
            return None
        self._confirmed += 1
        page = self._serve(request, *refreshed, rule, started)
        self._note_change(page, refreshed[0])
        return page

    async def _store_answer(
        self, request: Request, sent: Mapping[str, str], received: Received, before: Stored | None
    ) -> Page:
        """Store an answer, if that is allowed; return its page, or raise its error."""
        status = received.status
        if self._mode == "standard":
            is_allowed = is_storable(request.method, sent, status, received.fields)
        else:
            is_allowed = is_whole(status)
        if is_allowed:
            body = received.outcome.body if isinstance(received.outcome, Page) else b""
            stored = await self._store.keep(key_of(request), stored_of(request, sent, received), body, before)
            if stored is not None and isinstance(received.outcome, Page):
                self._note_change(received.outcome, stored)
        elif before is not None and not may_pass(status):
            await self._store.forget([key_of(request)])  # it is out of date, and its successor may not be stored
        return received.page_for(request)

    async def _pass_on(self, request: Request, received: Received) -> Page:
        """Return an answer that is not stored; forget answers that the request may have changed (RFC 9111 §4.4)."""
        if request.method not in SAFE_METHODS and received.status < 400:
            urls = outdated_by(request, received.fields)
            await self._store.forget(
                [key_of(Request(url, method=method)) for url in urls for method in ("GET", "HEAD")]
            )
        return received.page_for(request)

    def _serve(self, request: Request, answer: Stored, body: bytes, rule: BodyRule, started: float) -> Page:
        if answer.is_error:
            raise answer.error
        check_wanted(answer, rule)
        fields = answer.fields
        if self._mode == "standard":  # RFC 9111 §5.1
            age = str(int(min(age_of(answer, self._clock()), FOREVER)))
            fields = (*(field for field in fields if field[0] != "age"), ("age", age))
        return page_of(request, answer, fields, body, started)

    def _note_change(self, page: Page, stored: Stored) -> None:
        if self._mode == "changed" and page.status < 300 and not page.request.is_robots_request:
            page.changed = stored.changed
            self._changes[stored.changed] += 1


@asynccontextmanager
async def open_cache(
    inner: Fetches | None,
    options: Cache,
    *,
    fields: Mapping[str, str] = _NONE,
    bodies: Bodies = _ALL_BODIES,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[CachingFetcher | ReplayFetcher]:
    """Open the cache that ``options`` name.

    Args:
        inner: The fetcher that asks servers; a replay needs none. A fetcher that adds header fields to requests, such
            as credentials, must come before the cache, which has to know all fields that an answer depends on.
        options: The place and the mode of the cache.
        fields: Header fields that ``inner`` adds to each request (``User-Agent``, ``Accept``), for ``Vary``.
        bodies: Which bodies are wanted, also of the stored ones.
        clock: Returns the time in seconds since 1970.

    Raises:
        CacheError: The store is another program's, of another version, damaged, or cannot be opened; or there is none
            to replay.
        ConfigurationError: There is no ``inner`` fetcher, and the mode is not ``"replay"``.
    """
    if inner is None and options.mode != "replay":
        raise ConfigurationError.of("mode", options.mode, "'replay', where there is no fetcher to ask servers")
    async with open_store(options, clock) as store:
        if options.mode == "replay" or inner is None:
            yield ReplayFetcher(store, fields, bodies)
        else:
            yield CachingFetcher(inner, store, options, fields, bodies, clock)
