"""The web that a workload crawls, and the answers that are true of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from benchmarks.models.primality import prime_or_zero
from fixtures_server import Address, Kind, Web, digest
from fixtures_server.render import Renderer


class Site:
    """A web at an authority such as ``127.0.0.1:8080``, or none, for jobs without requests."""

    def __init__(self, web: Web | None, authority: str) -> None:
        self._web = web
        self._authority = authority
        self._truths: dict[tuple[str, int], Any] = {}

    def urls(self, count: int) -> list[str]:
        """Return the URLs of the first ``count`` pages."""
        return [self._asked.url(Address(Kind.PAGE, page), self._authority) for page in range(count)]

    def bodies(self, count: int) -> list[tuple[str, str]]:
        """Return URL and HTML of the first ``count`` pages."""
        renderer = Renderer(self._asked)
        pages = enumerate(self.urls(count))
        return [(url, renderer.page(page, self._authority).decode()) for page, url in pages]

    def latency(self, count: int) -> float:
        """Return the seconds that the server lets pass over the first ``count`` pages."""
        return sum(self._asked.latency_of(Address(Kind.PAGE, page)) for page in range(count))

    def truth(self, job: str, items: Sequence[Any]) -> Any:
        """Return what a row must answer to a job with so many items, condensed."""
        key = (job, len(items))
        if key not in self._truths:
            self._truths[key] = self._find_truth(job, items)
        return self._truths[key]

    def _find_truth(self, job: str, items: Sequence[Any]) -> Any:
        if job == "nothing":
            return sorted(items)
        if job == "prime_or_zero":
            return sorted(map(prime_or_zero, items))
        if job == "crawl":
            truth = self._asked.truth(self._authority)
            return truth.reachable, truth.prime_digest
        return sorted(zlib.crc32(body.encode()) for _, body in self.bodies(len(items)))

    @property
    def _asked(self) -> Web:
        if self._web is None:
            raise ValueError("this workload has no web")
        return self._web


def condensed(answer: dict[str, Any]) -> Any:
    """Return what a row answered in the form of `Site.truth`."""
    if "pages" in answer:
        return frozenset(answer["pages"]), digest(answer["primes"])
    return answer["values"]
