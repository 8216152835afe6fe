"""A budget of retries for each host, so that an outage is not answered with three times the requests."""

from __future__ import annotations

FREE = 1000  # retries; arbitrary. What fails so often is an outage, and not a few bad pages


class RetryBudgets:
    """A budget for each host: a retry takes one, and success gives all of a request back; each new one adds a part.

    When much fails at once, retries make it worse. This is the retry quota of the AWS SDKs (mode "standard"), with the
    share of new requests of Finagle (RetryBudget). Where every request succeeds in the end, no retry is refused,
    however many there are.

    Attributes:
        refused: Retries for which the budget was empty.
    """

    def __init__(self, share: float | None) -> None:
        """Create the budgets of a crawl; see `Retry.budget` for ``share``."""
        self.refused = 0
        self._share = share
        self._left: dict[str, float] = {}  # of hosts that have taken some; all others have all of it

    def __repr__(self) -> str:
        return f"<RetryBudgets {len(self._left)} hosts have taken some, {self.refused} refused>"

    @property
    def are_untouched(self) -> bool:
        """Whether no host has taken anything: a cheap question, asked for each request."""
        return not self._left

    def note_new(self, host: str) -> None:
        """Note the first attempt of a request to ``host``."""
        self._give(host, self._share or 0.0)

    def note_success(self, host: str, retries: int) -> None:
        """Note that a request has succeeded after so many ``retries``: all of them are given back."""
        self._give(host, retries)

    def withdraw(self, host: str) -> bool:
        """Take a retry from the budget of ``host``; return false, and take nothing, if none is left."""
        if self._share is None:
            return True
        left = self._left.get(host, float(FREE))
        if left < 1:
            self.refused += 1
            return False
        self._left[host] = left - 1
        return True

    def _give(self, host: str, amount: float) -> None:
        left = self._left.get(host)
        if left is None:
            return
        if left + amount < FREE:
            self._left[host] = left + amount
        else:
            del self._left[host]
