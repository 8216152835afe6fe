"""Python's garbage collector, kept from stopping the loop. For programs that are ours: `crawl` and the command line."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A full collection walks every object that lives: 30 to 50 ms with aiohttp and typer imported, in which no page is
# fetched. What the crawl itself keeps (requests, URLs) is made of types that the collector does not track.
_THRESHOLDS = (10_000, 20, 50)  # a young collection then takes about 1 ms; Python's own are (700, 10, 10) before 3.14


@contextmanager
def short_pauses() -> Iterator[None]:
    """Leave what lives now out of garbage collections, and collect less often, until the block ends.

    It changes the collector for the whole process, which is why a `Crawler` that is embedded does not do it.
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
