"""Data that third parties wrote to test what the standards say. Not part of the project: see `data`."""

from __future__ import annotations

import os
from pathlib import Path

from tests.needs import need

_BESIDE = Path(__file__).parents[3] / "shared" / "data"


def data(name: str) -> Path:
    """Return the folder or file ``name`` of the data in ``../shared/data``, or where CRAWLER_CONFORMANCE_DATA points.

    Skips the test where it is not there; fails it under continuous integration.
    """
    path = Path(os.environ.get("CRAWLER_CONFORMANCE_DATA", _BESIDE)) / name
    need(path.exists(), f"the conformance data {name} (set CRAWLER_CONFORMANCE_DATA to their folder)")
    return path
