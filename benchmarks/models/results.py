"""What is measured, as it goes into the JSON file: see the package's docstring for the format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

SERVER_LIMIT = 0.7
"""Share of a core above which the server may have been what held a run up; such runs are marked."""


OTHERS_LIMIT = 0.1
"""Cores above which other work on the machine makes figures worthless, or nearly so."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one row at one workload.

    Attributes:
        row: Key of the row.
        jobs: Jobs or pages that were done.
        width: Threads, processes, or requests in flight.
        seconds: Wall time.
        cpu_seconds: Of all processes of the row.
        main_cpu_seconds: Of the process that hands out the work.
        memory_bytes: Of all its processes, at the most.
        processes: How many these were.
        lag_p50: By how many seconds the loop, or a sleeping thread, woke late in the median.
        lag_p99: The same for the 99th percentile.
        lag_max: The same at the worst.
        server_share: Share of a core that the server used meanwhile.
        others_seconds: CPU seconds that went to neither the row nor the server nor the one who measures.
        is_true: Whether the answers are the truth.
        job_cpu: CPU seconds that a job needs, as measured on all cores just before; 0 where that was not.
    """

    row: str
    jobs: int
    width: int
    seconds: float
    cpu_seconds: float
    main_cpu_seconds: float
    memory_bytes: int
    processes: int
    lag_p50: float
    lag_p99: float
    lag_max: float
    server_share: float
    others_seconds: float
    is_true: bool
    job_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds


def cores_of_others(runs: Sequence[Measured]) -> float:
    """Return the cores that other work used during ``runs``, in the mean."""
    seconds = sum(run.seconds for run in runs)
    return sum(run.others_seconds for run in runs) / seconds if seconds else 0.0


@dataclass(slots=True)
class Outcome:
    """A workload, and what came of it.

    Attributes:
        name: Its name.
        title: What it is.
        unit: What a job is called.
        concurrency: Requests in flight at most.
        latency: Seconds that the server lets pass for a job, in the mean.
        cpu: CPU seconds that a job needs, as measured on all cores at once.
        open_seconds: For each row from the start of its process until its model was open.
        runs: All runs.
        void: Rows that have no figures, and why.
        missing: Rows that could not take part, and why.
        elsewhere: Rows that another interpreter ran, and which.
        tuning: Jobs a second that each width gave that was tried: family, width, rate.
    """

    name: str
    title: str
    unit: str
    concurrency: int
    latency: float = 0.0
    cpu: float = 0.0
    open_seconds: dict[str, float] = field(default_factory=dict)
    runs: list[Measured] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    tuning: list[tuple[str, int, float]] = field(default_factory=list)

    @property
    def others(self) -> float:
        """Cores that other work on the machine used in the mean: what should be next to nothing."""
        return cores_of_others(self.runs)

    def of(self, row: str) -> list[Measured]:
        """Return the runs of a row."""
        return [run for run in self.runs if run.row == row]


@dataclass(slots=True)
class Cell:
    """One place on the map.

    Attributes:
        latency: Seconds until the server answers.
        cpu: CPU seconds of a page, as measured.
        nominal_cpu: CPU seconds of a page that were wanted.
        concurrency: Requests in flight at most.
        pages: Of the crawl.
        runs: All runs.
        void: Rows that have no figures, and why.
    """

    latency: float
    cpu: float
    nominal_cpu: float
    concurrency: int
    pages: int
    runs: list[Measured] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)

    def of(self, row: str) -> list[Measured]:
        """Return the runs of a row."""
        return [run for run in self.runs if run.row == row]

    @property
    def rows(self) -> list[str]:
        """The rows that have figures."""
        return list(dict.fromkeys(run.row for run in self.runs if run.row not in self.void))


@dataclass(slots=True)
class Results:
    """All that one command measured.

    Attributes:
        machine: Machine, interpreter and libraries.
        command: The command.
        cores: That it may use.
        runs: Interleaved runs of each row.
        memory: How memory was measured.
        idle_bytes: Memory of an interpreter that does nothing.
        seconds: That the command took.
        outcomes: The table.
        cells: The map.
    """

    machine: str
    command: str
    cores: int
    runs: int
    memory: str
    idle_bytes: int
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def outcome(self, name: str) -> Outcome | None:
        """Return what came of the workload of that name, if it was measured."""
        return next((outcome for outcome in self.outcomes if outcome.name == name), None)

    @property
    def void(self) -> dict[str, str]:
        """Where rows have no figures that should have, and why."""
        table = {f"{each.name}, {row}": why for each in self.outcomes for row, why in each.void.items()}
        places = {f"map at {each.latency:g} s, {each.nominal_cpu:g} s, {each.concurrency}": each for each in self.cells}
        return table | {f"{at}, {row}": why for at, each in places.items() for row, why in each.void.items()}

    def write(self, path: Path, **derived: Any) -> None:
        """Write all of it as JSON, with what was ``derived`` from it beside it, for readers who want no Python."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(self) | derived), indent=1))

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote.

        Raises:
            ValueError: It is something else.
        """
        return msgspec.json.decode(path.read_bytes(), type=cls)
