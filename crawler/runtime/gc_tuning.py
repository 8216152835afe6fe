"""Tuning of Python's garbage collector against pauses of the loop, for programs of our own: `crawl`, the CLI."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A full collection walks every live object: 30 to 50 ms with aiohttp and typer imported, in which no page is fetched.
# The crawl's own data (requests, URLs) are of types that the collector does not track.
_THRESHOLDS = (10_000, 20, 50)  # a young collection then takes about 1 ms; Python's own are (700, 10, 10) before 3.14


@contextmanager
def short_pauses() -> Iterator[None]:
    """Exclude the objects alive now from garbage collections, and collect less often, until the block ends.

    It changes the collector for the whole process. That is why an embedded `Crawler` does not use it.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
