"""A cache of look-ups of names. Pure; times are in seconds of any monotonic clock."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a look-up.

    Attributes:
        addresses: The addresses of the name; empty if the look-up failed.
        error: Why it failed.
        is_final: Whether the name does not exist or has no address, so that another look-up is of no use.
        seconds: How long this answer is valid.
        is_shortage: Whether it failed because this process can open no more files.
    """

    addresses: tuple[str, ...] = ()
    error: str = ""
    is_final: bool = False
    seconds: float = 0.0
    is_shortage: bool = False


class NameCache:
    """The valid answers for the names that were looked up last."""

    def __init__(self, most: int) -> None:
        """Create an empty cache of at most so many names."""
        self._most = most
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<NameCache {len(self)} of {self._most} names>"

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, name: str, now: float) -> Answer | None:
        """Return the answer for ``name``; ``None`` if there is none, or it is no longer valid."""
        entry = self._answers.get(name)
        if entry is None:
            return None
        if entry[0] <= now:
            del self._answers[name]
            return None
        self._answers.move_to_end(name)
        return entry[1]

    def put(self, name: str, answer: Answer, now: float) -> None:
        """Store ``answer`` for ``name``. A full cache drops the least recently used name."""
        self._answers[name] = (now + answer.seconds, answer)
        self._answers.move_to_end(name)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
