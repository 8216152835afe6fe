"""What every test file may use.

**Both event loops.** A test that does I/O is marked, alone or with all others of its file, and then runs twice, on
asyncio's loop and on uvloop's:

```python
pytestmark = pytest.mark.both_loops
```

Unmarked asynchronous tests run on asyncio's loop. Asynchronous fixtures, `aiohttp_server` among them, run in the same
loop as their test, so they need no mark.

**Debug.** Loops run in debug mode, which finds calls from foreign threads and callbacks that are coroutines. It keeps a
stack for each future and each task, and takes two thirds of the CPU time of a crawl. So whole crawls run without it,
all tests in ``integration/``, and what is marked:

```python
pytestmark = pytest.mark.no_loop_debug
```

**Silence.** A test fails when the loop reported an error that nobody saw: an exception in a callback or in a forgotten
task, a task destroyed while it was pending, a session left open.

**In parallel.** `make test` spreads the tests over all cores, in no order. Tests of one file stay together; those in
``integration/``, which take long, do not, unless they share something and are marked:

```python
@pytest.mark.xdist_group("hostile families")
```

**Bytecode** of what is tested is written, whatever ``PYTHONDONTWRITEBYTECODE`` says: hundreds of programs are started,
and each would compile the package again.

**Hypothesis** draws the same examples in each run, keeps no database and measures no time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from crawler.crawler import loop_factory
from tests.quiet_loop import QuietLoop

settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

ROOT = Path(__file__).parents[1]
# Programs that tests start are those of this folder, and find its modules wherever they run.
os.environ["PYTHONPATH"] = str(ROOT)

if sys.dont_write_bytecode:  # a place for it that is no nuisance
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): runs in one process with all others of the group")
    config.addinivalue_line("markers", "both_loops: runs on asyncio's event loop and on uvloop's")
    config.addinivalue_line("markers", "quiet_loop: runs on a loop that knows when nothing is left to run")
    config.addinivalue_line("markers", "no_loop_debug: runs on a loop that is not in debug mode")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not _is_whole_crawl(item) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def _is_whole_crawl(item: pytest.Item) -> bool:
    return "integration" in item.path.parts


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    if item.get_closest_marker("quiet_loop"):
        return {"quiet": QuietLoop}
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    uvloop = loop_factory()
    if uvloop is not None and item.get_closest_marker("both_loops"):
        loops["uvloop"] = uvloop
    if item.get_closest_marker("no_loop_debug") or _is_whole_crawl(item):
        return {name: partial(_without_debug, make) for name, make in loops.items()}
    return loops


def _without_debug(make: LoopFactory) -> asyncio.AbstractEventLoop:
    """Return a loop that stays out of debug mode, whatever the settings of the whole suite say."""
    loop = make()
    loop.set_debug = lambda _: None  # type: ignore[method-assign, assignment]
    return loop


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
