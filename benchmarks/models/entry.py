"""A row with the work that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.models.contestant import Contestant, RowError
from benchmarks.models.results import Measured
from benchmarks.models.stand import Stand


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that is open, where it works, and what it does: ``jobs`` jobs, of which it is handed ``items``."""

    contestant: Contestant
    stand: Stand
    job: str
    items: Sequence[Any]
    jobs: int

    async def turn(self, runs: list[Measured], void: dict[str, str], job_cpu: float = 0.0) -> Measured | None:
        """Run once, where a job needs ``job_cpu`` CPU seconds.

        Adds to ``runs``, or to the rows that are ``void`` if there is no answer or a wrong one.
        """
        key = self.contestant.row.key
        if key in void:
            return None
        try:
            measured = await self.stand.measure(self.contestant, self.job, self.items, self.jobs)
        except RowError as error:
            void[key] = str(error)
            return None
        if not measured.is_true:
            void[key] = "its answers are not the truth"
        measured = replace(measured, job_cpu=job_cpu)
        runs.append(measured)
        return measured
