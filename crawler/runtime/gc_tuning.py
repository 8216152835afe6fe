"""Tuning of Python's garbage collector against pauses of the loop, for programs of our own: `crawl`, the CLI."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A full collection walks every live object: 30 to 50 ms with aiohttp and typer imported, in which no page is fetched.
# The crawl's own data (requests, URLs) are of types that the collector does not track.
# A collection of the young then takes 1 to 3 ms, one of the middle-aged 10 ms where all of them live: a page that names
# thousands of hosts makes such objects. Python's own are (700, 10, 10) before 3.14.
_THRESHOLDS = (5000, 5, 400)


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
