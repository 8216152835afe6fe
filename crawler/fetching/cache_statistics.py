"""The counts of a cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """The counts of a cache.

    Attributes:
        served: Answers from the cache, without asking a server.
        confirmed: Answers that a server confirmed (304), so that it sent only their header fields.
        fetched: Answers that a server sent as a whole.
        missing: Requests that a replay could not answer.
        new: Pages that the last crawl did not see. This count and the next two are of the mode ``"changed"`` only.
        changed: Pages that differ from those of the last crawl.
        unchanged: Pages that do not differ.
        is_broken: Whether something could not be read or written; the log has the error.
    """

    served: int = 0
    confirmed: int = 0
    fetched: int = 0
    missing: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    is_broken: bool = False

    def __str__(self) -> str:
        counts = asdict(self)
        is_broken = counts.pop("is_broken")
        text = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "not used"
        return f"{text}; broken, see the log" if is_broken else text
