"""The counts of a cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache was good for.

    Attributes:
        served: Answers that came from it without asking a server.
        confirmed: Answers that a server confirmed (304), so that only their header fields came.
        fetched: Answers that came from a server as a whole.
        missing: Requests that a replay could not answer.
        new: Pages that the last crawl had not seen; this and the next two count in the mode ``"changed"`` alone.
        changed: Pages that differ from those of the last crawl.
        unchanged: Pages that do not.
        is_broken: Whether something could not be read or written; it has been logged.
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
        said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing asked of it"
        return f"{said}; broken, see the log" if is_broken else said
