"""What every test file may use.

**Both event loops.** A test that does I/O is marked, alone or with all others of its file, and then runs twice, on
asyncio's loop and on uvloop's:

```python
pytestmark = pytest.mark.both_loops
```

Unmarked asynchronous tests run on asyncio's loop. Asynchronous fixtures, `aiohttp_server` among them, run in the same
loop as their test, so they need no mark.

**Debug.** Every loop runs in debug mode, which finds calls from foreign threads and coroutines that were not awaited.

**Silence.** A test fails when the loop reported an error that nobody saw: an exception in a callback or in a forgotten
task, a task destroyed while it was pending, a session left open.

**Hypothesis** draws the same examples in each run, keeps no database and measures no time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from crawler.crawler import loop_factory

settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

# Programs that tests start are those of this folder, and find its modules wherever they run.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_loops: runs on asyncio's event loop and on uvloop's")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    uvloop = loop_factory()
    if uvloop is not None and item.get_closest_marker("both_loops"):
        loops["uvloop"] = uvloop
    return loops


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@pytest.fixture(autouse=True)
def no_error_is_lost_in_the_loop() -> Iterator[None]:
    errors = _Errors()
    logger = logging.getLogger("asyncio")
    logger.addHandler(errors)
    yield
    logger.removeHandler(errors)
    assert not errors.messages, "\n".join(errors.messages)
