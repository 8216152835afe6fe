"""What comes after a fetch: a page, a redirect hop, another attempt, or a failure. Pure.

The crawl, its robots requests and ``crawler fetch`` decide it here; they differ in what they do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from crawler.document.page import Page
from crawler.errors import FetchError, ProtocolError, TooManyRedirectsError
from crawler.http.redirect import REDIRECTS, location_of, redirected
from crawler.models import Request
from crawler.policy.retry import Retry


class Hop(NamedTuple):
    """A redirect, and the request as it goes on."""

    page: Page
    target: Request


class Again(NamedTuple):
    """Another attempt is due in so many seconds, because of an error."""

    wait: float
    error: FetchError


class Failed(NamedTuple):
    """No attempt is left: the request has failed."""

    error: FetchError


Step: TypeAlias = Page | Hop | Again | Failed


def _as_it_is(url: str) -> str:
    return url


@dataclass(frozen=True, slots=True)
class FetchRules:
    """When a request is fetched again, and which redirects are followed.

    Attributes:
        retry: Which errors are worth another attempt.
        max_redirects: Hops that are followed at most.
        may_repeat: Whether redirects may lead back to where they came from: with cookies the answer may be another one
            then.
        canonical: Returns a URL in the canonical spelling of the crawl.
    """

    retry: Retry
    max_redirects: int
    may_repeat: bool = False
    canonical: Callable[[str], str] = _as_it_is

    def step(self, request: Request, came: Page | FetchError, jitter: float) -> Step:
        """Return what follows from what ``came`` of fetching ``request``.

        Args:
            request: What was fetched.
            came: The page or redirect, or the error.
            jitter: A random number in [0, 1), for the wait before another attempt.
        """
        if isinstance(came, FetchError):
            return self._after_error(request, came, jitter)
        if came.status not in REDIRECTS:
            return came
        try:
            return Hop(came, self._target_of(request, came))
        except FetchError as error:
            return Failed(error)

    def _after_error(self, request: Request, error: FetchError, jitter: float) -> Again | Failed:
        wait = self.retry.wait_after(error, request.attempt, jitter, repeatable=request.is_repeatable)
        return Failed(error) if wait is None else Again(wait, error)

    def _target_of(self, request: Request, page: Page) -> Request:
        if request.redirects >= self.max_redirects:
            raise TooManyRedirectsError(f"more than {self.max_redirects} redirects, of {request.asked}")
        target = redirected(request, page.status, location_of(page.headers))
        before = {(method, url) for method, url, *_ in target.hops}
        if target.method == "GET":
            url = self.canonical(target.url)
            # A server that insists on its own spelling gets it, once.
            target = target if ("GET", url) in before else replace(target, url=url)
        if (target.method, target.url) in before and not self.may_repeat:
            raise ProtocolError(_loop(request, target))
        return target


def _loop(request: Request, target: Request) -> str:
    where = "itself" if target.url == request.url else f"{target.url}, which led here"
    return f"redirect loop: {request.url} redirects to {where}; if it wants its cookie back, keep Cookies()"
