"""The links of pages: each enters the frontier, or is refused and counted."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from msgspec.structs import replace

from crawler.crawl.page_ways import PageWays, take_shorter
from crawler.document.page import Page
from crawler.frontier.frontier import Frontier
from crawler.models import SITEMAP, Refusal, Request
from crawler.parsing.worker import Parsed
from crawler.policy.limits import Limits
from crawler.policy.quotas import Quotas
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Boundary
from crawler.policy.traps import Traps
from crawler.runtime.shortened import shortened
from crawler.runtime.slices import Slices
from crawler.url import LONGEST_URL, without_userinfo


class Discovery:
    """Passes discovered requests through scope and depth to the frontier, which drops those it has seen."""

    def __init__(
        self,
        frontier: Frontier,
        boundary: Boundary,
        limits: Limits,
        rewriting: Rewriting | None = None,
    ) -> None:
        self._frontier = frontier
        self._boundary = boundary
        self._limits = limits
        self._rewriting = rewriting
        self._traps = Traps(limits.max_alike)
        self._quotas = Quotas(limits.max_per_host, limits.max_per_path)

    def __repr__(self) -> str:
        return f"<Discovery within {self._boundary!r}>"

    def add(self, request: Request, found_on: int = 0) -> None:
        """Add one request, whose depth and parent are set; ``found_on`` is the serial number of its parent."""
        reason = self._refusal_of(request)
        if reason is None:
            self._frontier.add(request, found_on)
        else:
            if reason is Refusal.LONG:
                request = replace(request, url=_told_apart(request.url))
            self._frontier.refuse(request, reason, found_on)

    def add_seed(self, seed: Request) -> None:
        """Add a seed, which is in scope and not deep; one that is known may be less deep by that."""
        if not self._frontier.add(replace(seed, url=self.canonical(seed.url))):
            take_shorter(self._frontier, self.add, replace(seed, url=self.canonical(seed.url)), 0)

    def redirected(self, target: Request) -> None:
        """Note that a request ends where it has been redirected to: ``target`` is no deeper than it."""
        if self._frontier.ways is not None:
            way = PageWays(self._frontier, self.add, target, 0)
            way.lead_on(replace(target, depth=way.depth))
            way.end()

    def refusal_of_hop(self, target: Request) -> Refusal | None:
        """Return why a request is refused that a redirect has led to ``target``, if it is. It is as deep as before."""
        return self._refusal_at(target.url, is_known=self._frontier.has_seen(target))

    def take_shapes(self) -> dict[str, int]:
        """Return the counts that changed since the last call: URLs by shape, by host and by path."""
        return self._traps.take_changed() | self._quotas.take_changed()

    def restore(self, shapes: Mapping[str, int]) -> None:
        """Go on with the counts of an earlier crawl."""
        self._traps.restore(shapes)
        self._quotas.restore(shapes)

    def _refusal_of(self, request: Request) -> Refusal | None:
        """Return why a request is refused, if it is."""
        is_too_deep = not self._limits.allows_depth(request.depth)
        if request.again and not self._traps.permits_again(request.url):
            return Refusal.TRAP
        refusal = self._refusal_at(request.url, is_known=is_too_deep or self._frontier.has_seen(request))
        return Refusal.DEPTH if is_too_deep and refusal is None else refusal

    def _refusal_at(self, url: str, *, is_known: bool) -> Refusal | None:
        """Return why nothing is fetched at ``url``, if so. One that is known counts no second time."""
        if self._is_too_long(url):
            return Refusal.LONG
        if not self._boundary.permits(url):
            return Refusal.SCOPE
        if is_known:
            return None
        return self._quotas.refusal_of(url) if self._traps.permits(url) else Refusal.TRAP

    async def add_all(self, page: Page, parsed: Parsed) -> None:
        """Add all that ``page`` leads to; of a great many, some in each iteration of the loop."""
        # A sitemap only says where to begin: its entries are as deep as the sitemap itself.
        step, found_on = int(page.label != SITEMAP), page.request.serial
        ways = None if self._frontier.ways is None else PageWays(self._frontier, self.add, page.request, step)
        depth = page.depth + step if ways is None else ways.depth
        slices = Slices()
        for link in parsed.links:
            if slices.are_used_up():
                await slices.pause()
            is_special = (self._rewriting or "@" in link) and not self._is_too_long(link)
            url = self.canonical(link) if is_special else link
            # Asked before a request is made: most links of most pages are known already.
            if ways is not None:
                ways.add(Request(url, depth=depth, parent=page.url))
            elif not self._frontier.knows(url):
                self.add(Request(url, depth=depth, parent=page.url), found_on)
        for request in parsed.requests:
            if slices.are_used_up():
                await slices.pause()
            url = self.canonical(request.url) if request.method == "GET" else without_userinfo(request.url)
            new = replace(request, url=url, depth=depth, parent=page.url, redirects=0, hops=(), attempt=0)
            new = self._frontier.discovered.told_apart(new) if new.again else new
            if ways is None or new.again:
                self.add(new, found_on)
            else:
                ways.add(new)
        if ways is not None:
            ways.end()

    def _is_too_long(self, url: str) -> bool:
        """Tell whether a ``url`` is refused for its length alone: to look at one of megabytes takes long."""
        return len(url) > LONGEST_URL and self._limits.max_alike is not None

    def canonical(self, url: str) -> str:
        """Return a normalised ``url`` in the canonical spelling of this crawl."""
        url = without_userinfo(url)  # links of strangers carry no credentials of ours
        return url if self._rewriting is None else self._rewriting.rewritten(url)


def _told_apart(url: str) -> str:
    """Return the beginning of a ``url`` that is too long, with a digest of all of it: it is only to be shown."""
    digest = blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{shortened(url)}#{digest}"
