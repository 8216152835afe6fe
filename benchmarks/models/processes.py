"""Processor time and memory of a process and all that descends from it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

KNOWS_PEAKS = Path("/proc/self/smaps_rollup").exists()
"""Whether the kernel keeps the most that a process had, so that nobody need look while it works."""
MEMORY = (
    "the most of each process, summed: anonymous memory by share (PSS), plus the files that the largest has mapped"
    if KNOWS_PEAKS
    else "resident memory (RSS), summed over the processes: what they share is counted more than once"
)
"""How memory is measured here."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment: CPU seconds so far, bytes at the most since `forget_peaks`, and of how many processes."""

    cpu_seconds: float
    memory_bytes: int
    processes: int


def tree(pid: int) -> list[psutil.Process]:
    """Return the process and its descendants that live."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def sample(pid: int) -> Sample:
    """Look at the process and its descendants."""
    members = tree(pid)
    return Sample(sum(map(cpu_of, members)), memory_of(members), len(members))


def cpu_of(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, and of its children that have ended; 0 if it has ended itself."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def machine_seconds() -> float:
    """Return the CPU seconds that all of the machine has worked so far, its host's for others included."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def forget_peaks(pid: int) -> None:
    """Have the kernel note from now on the most that the process and its descendants take; nothing where it is gone."""
    if not KNOWS_PEAKS:
        return
    with suppress(psutil.NoSuchProcess):
        for member in tree(pid):
            with suppress(OSError):  # it has ended meanwhile
                Path(f"/proc/{member.pid}/clear_refs").write_text("5")  # proc_pid_clear_refs(5)


def memory_of(members: list[psutil.Process]) -> int:
    """Return the bytes that the processes take together.

    Files are counted once: what Python and its libraries take as files is in memory once, whoever else maps them. So a
    row is charged for them though other rows, which wait for their turn meanwhile, have them mapped as well. What a
    process had at the most since `forget_peaks`, and has given back, counts as its own.
    """
    own, files = 0, 0
    for member in members:
        try:
            fields = _fields(f"/proc/{member.pid}/smaps_rollup")
            status = _fields(f"/proc/{member.pid}/status")
            own += fields.get("Pss_Anon", 0) + fields.get("Pss_Shmem", 0)
            own += max(0, status.get("VmHWM", 0) - status.get("VmRSS", 0))
            files = max(files, status.get("RssFile", 0))
        except ProcessLookupError:
            continue  # it has ended
        except OSError:
            own += _resident(member)
    return own + files


def _fields(path: str) -> dict[str, int]:
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {words[0][:-1]: int(words[1]) * 1024 for words in lines if words[-1] == "kB"}


def _resident(member: psutil.Process) -> int:
    try:
        return int(member.memory_info().rss)
    except psutil.Error:
        return 0
