"""A budget for the retries of a crawl, so that an outage is not answered with three times the requests."""

from __future__ import annotations

_FLOOR = 100  # free retries; arbitrary. A crawl of that few requests harms nobody
_RESERVE = 1000  # retries that can be saved up at most; arbitrary


class RetryBudget:
    """A budget of retries: each request adds ``share`` of a retry to it with its first attempt, each retry takes one.

    When much fails at once, retries make it worse. This is the budget of Finagle (https://twitter.github.io/finagle,
    RetryBudget) and gRPC (proposal A6, retry throttling) without their clocks. The failing server is already protected
    by the pace of its host; the budget protects the network in between, and the time of the crawl.

    Attributes:
        spent: Retries so far.
        refused: Retries for which the budget was empty.
    """

    def __init__(self, share: float) -> None:
        """Create the budget of a crawl; see `Retry.budget` for ``share``."""
        self._share = share
        self._left = float(_FLOOR)
        self.spent = 0
        self.refused = 0

    def __repr__(self) -> str:
        return f"<RetryBudget {self.spent} spent, {int(self._left)} left, {self.refused} refused>"

    def deposit(self) -> None:
        """Record the first attempt of a request."""
        self._left = min(self._left + self._share, max(_RESERVE, self._left))

    def withdraw(self) -> bool:
        """Take a retry from the budget; return false, and take nothing, if none is left."""
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.spent += 1
        return True
