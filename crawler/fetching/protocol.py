"""What the engine asks of a fetcher: the seam at which tests and benchmarks put one that needs no network."""

from __future__ import annotations

from typing import Protocol

from crawler.models import Request
from crawler.page import Page
from crawler.policy.limits import ByteBudget


class Fetches(Protocol):
    """Fetches requests."""

    async def fetch(self, request: Request, budget: ByteBudget) -> Page:
        """Return the page for ``request``, its body's bytes taken from ``budget``; see `Fetcher.fetch`."""
