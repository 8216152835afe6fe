"""What is known of the robots.txt of each origin, for as long as it holds."""

from __future__ import annotations

from collections import OrderedDict

from crawler.errors import FetchError
from crawler.policy.robots import Robots

_REMEMBERED = 10_000  # origins, those used last; arbitrary: a few kB each, and what is forgotten is asked for again


class Permissions:
    """The rules of each origin, or why they cannot be had."""

    def __init__(self) -> None:
        self._origins: OrderedDict[str, tuple[Robots | FetchError, float]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Permissions of {len(self._origins)} origins>"

    def known(self, origin: str, now: float) -> Robots | FetchError | None:
        """Return the rules of ``origin``, or the error in their place; ``None`` where neither is known any more."""
        entry = self._origins.get(origin)
        if entry is None:
            return None
        rules, until = entry
        if until <= now:
            del self._origins[origin]
            return None
        self._origins.move_to_end(origin)
        return rules

    def learn(self, origin: str, rules: Robots | FetchError, until: float) -> None:
        """Remember the rules of ``origin``, or why there are none, until a time."""
        self._origins[origin] = rules, until
        if len(self._origins) > _REMEMBERED:
            self._origins.popitem(last=False)
