"""What is known of the robots.txt of each origin, for as long as it holds."""

from __future__ import annotations

from collections import OrderedDict

from crawler.errors import FetchError
from crawler.policy.robots import Robots

_REMEMBERED = 10_000  # origins, those used last; arbitrary: what is forgotten is asked for again
_RULES = 1_000_000  # of all of them together; about 100 MB. Hostile sites have 50,000 each


class Permissions:
    """The rules of each origin, or why they cannot be had."""

    def __init__(self) -> None:
        self._origins: OrderedDict[str, tuple[Robots | FetchError, float]] = OrderedDict()
        self._rules = 0

    def __repr__(self) -> str:
        return f"<Permissions of {len(self._origins)} origins>"

    def known(self, origin: str, now: float) -> Robots | FetchError | None:
        """Return the rules of ``origin``, or the error in their place; ``None`` where neither is known any more."""
        entry = self._origins.get(origin)
        if entry is None:
            return None
        rules, until = entry
        if until <= now:
            self._forget(origin)
            return None
        self._origins.move_to_end(origin)
        return rules

    def learn(self, origin: str, rules: Robots | FetchError, until: float) -> None:
        """Remember the rules of ``origin``, or why there are none, until a time."""
        self._forget(origin)
        self._origins[origin] = rules, until
        self._rules += _size_of(rules)
        while len(self._origins) > _REMEMBERED or (self._rules > _RULES and len(self._origins) > 1):
            self._forget(next(iter(self._origins)))

    def _forget(self, origin: str) -> None:
        if origin in self._origins:
            self._rules -= _size_of(self._origins.pop(origin)[0])


def _size_of(rules: Robots | FetchError) -> int:
    return 0 if isinstance(rules, FetchError) else len(rules.rules)
