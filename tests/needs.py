"""What a test needs that a user may lack: it skips for them, and fails where everything was to be installed."""

from __future__ import annotations

import os

import pytest


def need(available: bool, what: str) -> None:
    """Skip the test, saying what is missing, unless it is ``available``; under continuous integration, fail it."""
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"needs {what}, which .ci/run installs")
    pytest.skip(f"needs {what}")
