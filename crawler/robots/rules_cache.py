"""A cache of the robots.txt rules of each origin, for as long as they hold."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from crawler.errors import FetchError
from crawler.robots.decision import Robots

_REMEMBERED = 10_000  # origins, the most recently used; arbitrary: forgotten ones are requested again
_RULES = 1_000_000  # rules of all origins together; about 100 MB. Hostile sites have 50,000 each


_Entry: TypeAlias = tuple[Robots | FetchError, float]


class RulesCache:
    """The rules of each origin, or the error in their place.

    When the cache is full, origins that have been used are evicted first; rules not used yet stay. Otherwise the
    rules of many hosts would evict each other before the first page of any is fetched, and each robots.txt would be
    requested again, for ever.
    """

    def __init__(self) -> None:
        self._awaited: OrderedDict[str, _Entry] = OrderedDict()  # not used since they were learnt
        self._used: OrderedDict[str, _Entry] = OrderedDict()  # the least recently used first
        self._rules = 0

    def __repr__(self) -> str:
        return f"<RulesCache of {len(self)} origins>"

    def __len__(self) -> int:
        return len(self._awaited) + len(self._used)

    def known(self, origin: str, now: float) -> Robots | FetchError | None:
        """Return the rules of ``origin``, or the error in their place; ``None`` if neither is known."""
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
        """Store the rules of ``origin``, or the error in their place, until a time."""
        self.forget(origin)
        self._awaited[origin] = rules, until
        self._rules += _size_of(rules)
        while len(self) > _REMEMBERED or (self._rules > _RULES and len(self) > 1):
            self.forget(next(iter(self._used)) if self._used else next(reversed(self._awaited)))

    def restore(self, origin: str, rules: Robots | FetchError, until: float, now: float) -> None:
        """Store what an earlier crawl has learnt; nobody waits for it, so it is the first to be forgotten."""
        if until > now:
            self.learn(origin, rules, until)
            self.known(origin, now)

    def forget(self, origin: str) -> None:
        """Forget ``origin``, as its rules are not needed any more, or are to be requested again."""
        entry = self._awaited.pop(origin, None) or self._used.pop(origin, None)
        if entry is not None:
            self._rules -= _size_of(entry[0])


def _size_of(rules: Robots | FetchError) -> int:
    return 0 if isinstance(rules, FetchError) else len(rules.rules)
