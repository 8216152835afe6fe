"""What is known of the robots.txt of each origin, for as long as it holds."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from crawler.errors import FetchError
from crawler.robots.decision import Robots

_REMEMBERED = 10_000  # origins, those used last; arbitrary: what is forgotten is asked for again
_RULES = 1_000_000  # of all of them together; about 100 MB. Hostile sites have 50,000 each


_Entry: TypeAlias = tuple[Robots | FetchError, float]


class RulesCache:
    """The rules of each origin, or why they cannot be had.

    When there is no more room, those go first that have served: what was learnt and is not asked about yet stays. Else
    the rules of many hosts would push each other out before the first page of any is fetched, and each would be asked
    for its robots.txt again, for ever.
    """

    def __init__(self) -> None:
        self._awaited: OrderedDict[str, _Entry] = OrderedDict()  # not asked about since they were learnt
        self._used: OrderedDict[str, _Entry] = OrderedDict()  # the one that was not asked about for longest first
        self._rules = 0

    def __repr__(self) -> str:
        return f"<RulesCache of {len(self)} origins>"

    def __len__(self) -> int:
        return len(self._awaited) + len(self._used)

    def known(self, origin: str, now: float) -> Robots | FetchError | None:
        """Return the rules of ``origin``, or the error in their place; ``None`` where neither is known any more."""
        entry = self._awaited.pop(origin, None) or self._used.pop(origin, None)
        if entry is None:
            return None
        rules, until = entry
        if until <= now:
            self._rules -= _size_of(rules)
            return None
        self._used[origin] = entry
        return rules

    def learn(self, origin: str, rules: Robots | FetchError, until: float) -> None:
        """Remember the rules of ``origin``, or why there are none, until a time."""
        self.forget(origin)
        self._awaited[origin] = rules, until
        self._rules += _size_of(rules)
        while len(self) > _REMEMBERED or (self._rules > _RULES and len(self) > 1):
            self.forget(next(iter(self._used)) if self._used else next(reversed(self._awaited)))

    def forget(self, origin: str) -> None:
        """Forget about ``origin``: it is not asked for anything any more, or is to be asked for its rules again."""
        entry = self._awaited.pop(origin, None) or self._used.pop(origin, None)
        if entry is not None:
            self._rules -= _size_of(entry[0])


def _size_of(rules: Robots | FetchError) -> int:
    return 0 if isinstance(rules, FetchError) else len(rules.rules)
