"""A bound on the retries of a crawl, so that an outage is not answered with three times the requests."""

from __future__ import annotations

_FLOOR = 100  # retries that are always there; arbitrary. A crawl of that few harms nobody
_RESERVE = 1000  # retries at most that a good past is worth; arbitrary


class RetryBudget:
    """Retries are paid for by requests: each first try of one earns ``share`` of a retry.

    When much fails at once, retries only add to it. This is the budget of Finagle (https://twitter.github.io/finagle,
    RetryBudget) and gRPC (proposal A6, retry throttling) without their clocks. The server that fails is protected by
    what its host is given; this is for the network in between, and for a crawl that would spend its time on retries.

    Attributes:
        spent: Retries so far.
        refused: Retries that there was nothing left for.
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
        """Note the first try of a request."""
        self._left = min(self._left + self._share, max(_RESERVE, self._left))

    def withdraw(self) -> bool:
        """Take a retry from the budget; return false, and take nothing, where none is left."""
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.spent += 1
        return True
