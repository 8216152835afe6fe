"""Executors of other projects in the place of the worker processes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import need


@pytest.mark.timeout(200)  # a cluster takes seconds to start
@pytest.mark.parametrize("package", ["loky", "distributed"])
def test_an_executor_of_another_project_parses_pages_and_stays_open(package: str, tmp_path: Path) -> None:
    need(importlib.util.find_spec(package) is not None, f"the package {package}")
    command = [sys.executable, "-m", "tests.integration.foreign_executors", package, str(tmp_path)]
    answer = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert json.loads(answer.stdout) == {"items": ["fine/1", "fine/2"], "errors": ["ParseError"], "is_open": True}
