"""A fetcher that adds credentials, header fields and cookies to requests, by their origin."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterable
from typing import Any

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import StatusError
from crawler.fetching.protocol import Answered, Fetches, nobody
from crawler.http.cookie_jar import CookieJar
from crawler.http.fields import Fields, joined
from crawler.models import Request
from crawler.policy.access import Access
from crawler.policy.bodies import BodyRule
from crawler.policy.limits import ByteBudget


class AuthFetcher:
    """Adds to each request what `Access` has for its origin, and stores the cookies of each answer."""

    def __init__(self, inner: Fetches, access: Access, jar: CookieJar | None) -> None:
        """Wrap ``inner``. Without a ``jar``, cookies are neither stored nor sent."""
        self._inner = inner
        self._access = access
        self._jar = jar

    def __repr__(self) -> str:
        return f"<AuthFetcher {self._jar!r} {self._inner!r}>"

    def learn_userinfo(self, urls: Iterable[str]) -> None:
        """Use the names and passwords in the (normalised) ``urls`` of seeds as credentials for their origins.

        Raises:
            ConfigurationError: An origin already has other credentials.
        """
        self._access = self._access.with_userinfo_of(urls)

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that requests to ``hostname`` would go to."""
        return await self._inner.lookup(hostname)

    def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Coroutine[Any, Any, Page]:
        """Return the page for ``request``; see `Fetcher.fetch`."""
        fields = self._fields_for(request)
        if self._jar is None and fields == request.headers:
            return self._inner.fetch(request, budget, bodies, answered)
        return self._fetch_as(fields, request, budget, bodies, answered)

    async def _fetch_as(
        self,
        fields: Fields,
        request: Request,
        budget: ByteBudget,
        bodies: BodyRule | None,
        answered: Answered,
    ) -> Page:
        is_new = False

        def note_answer() -> None:
            nonlocal is_new
            is_new = True
            answered()

        try:
            page = await self._inner.fetch(replace(request, headers=fields), budget, bodies, note_answer)
        except StatusError as error:
            self._store_cookies(request.url, error.headers)
            if error.page is not None:
                _restore(error.page, request)
            raise
        if is_new:  # the cookies of a cached answer were stored earlier, and may have changed since
            self._store_cookies(request.url, page.headers)
        _restore(page, request)
        return page

    def _fields_for(self, request: Request) -> Fields:
        """Return the header fields to send. Those of the request itself take precedence."""
        fields = joined(request.headers, self._access.fields_for(request.url))
        if self._jar is not None and (cookies := self._jar.header_for(request.url, time.time())):
            fields = joined(fields, (("Cookie", cookies),))
        return fields

    def _store_cookies(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        if self._jar is None:
            return
        fields = [value for name, value in headers if name == "set-cookie"]
        if fields:
            self._jar.store(url, fields, time.time())


def _restore(page: Page, request: Request) -> None:
    """Make ``page`` the answer to ``request``, without the fields that were added: nobody is to see these."""
    if page.transfer is not None:
        own = {name.lower() for name, _ in request.headers}
        page.transfer = page.transfer.without({name.lower() for name, _ in page.request.headers} - own)
    page.request = request
