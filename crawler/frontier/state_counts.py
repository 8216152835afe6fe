"""How many URLs are in each state."""

from __future__ import annotations

from crawler.models import Ledger, State


class StateCounts:
    """A count for each state; what leaves one enters another."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(State, 0)

    def __repr__(self) -> str:
        return f"<StateCounts {self}>"

    def __str__(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in self._counts.items() if count) or "empty"

    def __getitem__(self, state: State) -> int:
        return self._counts[state]

    def enter(self, state: State) -> None:
        """Count a URL that is new."""
        self._counts[state] += 1

    def leave(self, state: State) -> None:
        """Count a URL no longer, which is to enter another state."""
        self._counts[state] -= 1

    def move(self, before: State, after: State) -> None:
        """Count a URL in another state."""
        self._counts[before] -= 1
        self._counts[after] += 1

    def abandon(self) -> None:
        """Count all that is in flight as pending."""
        self._counts[State.PENDING] += self._counts[State.IN_FLIGHT]
        self._counts[State.IN_FLIGHT] = 0

    def resume(self, ledger: Ledger) -> None:
        """Go on with the counts of a ``ledger``."""
        self._counts = {state: getattr(ledger, state.value) for state in State}

    def ledger(self, discovered: int) -> Ledger:
        """Return the counts, beside how many URLs were ``discovered``."""
        return Ledger(discovered=discovered, **{state.value: count for state, count in self._counts.items()})
