"""The order in which the pending requests of a host are fetched."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crawler.errors import ConfigurationError, CrawlerError
from crawler.models import Request

Order: TypeAlias = Literal["breadth", "depth"] | Callable[[Request], float]
"""What is fetched first: pages near the seeds (``"breadth"``), the newest links (``"depth"``), or the requests to which
your function gives the highest score.

The function is called on the event loop with each new request, including its `Request.parent` and `Request.depth`.
In ``"breadth"`` and ``"depth"`` larger priorities come first; a function may take them into account itself.
"""

_A_PRIORITY = float(1 << 20)  # levels of depth that one step of priority outweighs; arbitrary, deeper than any crawl


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order as ranks: smaller ranks come first, equal ranks in the order of their age.

    Attributes:
        order: The order that the user chose.
    """

    order: Order = "breadth"

    def __post_init__(self) -> None:
        if self.order not in ("breadth", "depth") and not callable(self.order):
            raise ConfigurationError.of("order", self.order, "'breadth', 'depth', or a function of a Request")

    @property
    def is_newest_first(self) -> bool:
        """Whether the newest of equal ranks comes first."""
        return self.order == "depth"

    def rank_of(self, request: Request) -> float:
        """Return the rank of a new request.

        Raises:
            CrawlerError: The user's function raised, or returned no number.
        """
        if self.order == "breadth":
            return request.depth - request.priority * _A_PRIORITY
        if self.order == "depth":
            return float(-request.priority)
        return -_score_of(request, self.order)


def _score_of(request: Request, score_of: Callable[[Request], float]) -> float:
    try:
        score = float(score_of(request))
    except Exception as error:
        raise CrawlerError(f"order raised {type(error).__name__} for {request.url}: {error}") from error
    if math.isnan(score):
        raise CrawlerError(f"order returned {score} for {request.url}: expected a number")
    return score
