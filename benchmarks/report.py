"""What all benchmarks say alike: on which machine, and median with spread."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version


def machine() -> str:
    """Return the machine, the interpreter and the libraries that figures depend on, as one line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "selectolax", "msgspec"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {libraries}; {platform.system()} {platform.machine()}, {cores} cores"


def spread(values: Sequence[float], form: str = ".1f") -> str:
    """Return ``values`` as their median with the smallest and the largest."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
