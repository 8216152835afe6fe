"""What of the rows can take part here, and on which interpreter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.models.catalogue import Row

_NAMES = ("python3.14t", "python3.13t", "python3.15t", "python3.14", "python3.15")
_LIBRARIES = ("selectolax", "urllib3")
_QUESTION = """
import importlib.util, json, platform, sys, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and not getattr(sys, "_is_gil_enabled", lambda: True)()
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
name = f"{platform.python_implementation()} {platform.python_version()}" + ", free-threaded" * free
print(json.dumps({"name": name, "free": free, "new": sys.version_info >= (3, 14), "lacks": missing}))
"""


class Interpreters:
    """The interpreters that were found: one without the lock, and one with `InterpreterPoolExecutor`."""

    def __init__(self, named: Path | None = None) -> None:
        """Look at the interpreter that was ``named``, this one, and those on the path under their usual names."""
        found = [str(named)] if named else []
        found += [sys.executable, *(path for name in _NAMES if (path := shutil.which(name)))]
        self._answers = {path: answer for path in found if (answer := _ask(path)) is not None}

    def reason_against(self, row: Row) -> str | None:
        """Return why a row cannot take part; ``None`` when it can."""
        lacking = [name for name in row.needs if find_spec(name) is None]
        if lacking:
            return f"not installed: pip install {' '.join(lacking)}"
        if row.kind == "cc":
            return None if shutil.which("cc") else "no C compiler (cc) on the path"
        if row.kind == "free-threaded":
            return self._reason_against_free_threads()
        if row.kind == "interpreters" and not self._with("new"):
            return "no Python 3.14 on the path; name one with --free-threaded PATH"
        return None

    def for_row(self, row: Row) -> str:
        """Return the interpreter that runs a row."""
        key = {"free-threaded": "free", "interpreters": "new"}.get(row.kind)
        return next(iter(self._with(key)), sys.executable) if key else sys.executable

    def name_for(self, row: Row) -> str:
        """Return the name of the interpreter that runs a row; empty where that is the one which all others have."""
        path = self.for_row(row)
        name: str = "" if path == sys.executable else self._answers[path]["name"]
        return name

    def _reason_against_free_threads(self) -> str | None:
        found = self._with("free")
        if not found:
            return "no free-threaded Python on the path (python3.14t); name one with --free-threaded PATH"
        lacks: list[str] = self._answers[found[0]]["lacks"]
        names = " ".join(name.replace("_", "-") for name in lacks)
        return f"it lacks libraries: {found[0]} -m pip install {names}" if lacks else None

    def _with(self, key: str) -> list[str]:
        return [path for path, answer in self._answers.items() if answer[key]]


def _ask(path: str) -> dict[str, Any] | None:
    """Ask an interpreter what it is; ``None`` if there is none."""
    try:
        asked = subprocess.run([path, "-c", _QUESTION, *_LIBRARIES], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    answer: dict[str, Any] = json.loads(asked.stdout)
    return answer
