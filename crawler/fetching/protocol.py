"""What the engine asks of a fetcher: the seam at which tests and benchmarks put one that needs no network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from crawler.document.page import Page
from crawler.models import Request
from crawler.policy.bodies import BodyRule
from crawler.policy.limits import ByteBudget

Answered: TypeAlias = Callable[[], None]
"""Called when an answer begins."""


def nobody() -> None:
    """Do nothing: for a fetch that nobody wants to hear of before it is over."""


class Fetches(Protocol):
    """Fetches requests."""

    async def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Page:
        """Return the page for ``request``, its body's bytes taken from ``budget``; see `Fetcher.fetch`.

        ``bodies`` is the rule for its body; ``None`` is that of the user's options.
        ``answered`` is called when the answer begins; not where nothing was asked, or nothing answered.
        """

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that would be asked for ``hostname``, by which hosts are told to be one server.

        Empty where that is not known, as behind a proxy. Raises `ResolveError` where the name has none.
        """
