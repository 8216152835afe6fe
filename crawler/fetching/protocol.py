"""The contract of a fetcher. Tests and benchmarks pass fetchers that need no network."""

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
    """Do nothing: the callback of a fetch whose caller waits only for its end."""


class Fetches(Protocol):
    """Fetches requests."""

    async def fetch(
        self, request: Request, budget: ByteBudget, bodies: BodyRule | None = None, answered: Answered = nobody
    ) -> Page:
        """Return the page for ``request``, and subtract its bytes from ``budget``; see `Fetcher.fetch`.

        ``bodies`` is the rule for its body; ``None`` means that of the user's options.
        ``answered`` is called when the answer of a server begins, so not for an answer from a cache.
        """

    async def lookup(self, hostname: str) -> tuple[str, ...]:
        """Return the addresses that requests to ``hostname`` would go to: hosts that share one are one server.

        Empty if they are unknown, as behind a proxy. Raises `ResolveError` if the name has no address.
        """
