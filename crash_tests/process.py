"""A crawl in another process that is killed, with all that it has started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

_PATIENCE = 30.0  # seconds that workers have to notice that their main process is gone; arbitrary
_LOOK = 0.01  # seconds between two looks


class Started:
    """A crawl of `crash_tests.crawl`, in a session of its own, by which whatever it starts is known."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def __repr__(self) -> str:
        return f"<Started {self.process.pid}>"

    async def kill(self) -> float:
        """Kill the main process alone; return the seconds until all it has started have ended.

        Raises:
            TimeoutError: Some live on.
        """
        with suppress(ProcessLookupError):
            self.process.kill()
        began = time.monotonic()
        await self.process.wait()
        async with asyncio.timeout(_PATIENCE):
            while members(self.process.pid):  # noqa: ASYNC110  # nobody else's children tell
                await asyncio.sleep(_LOOK)
        return time.monotonic() - began


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run ``main`` in an event loop; SIGTERM ends it as Ctrl-C does, so that no crawl is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return asyncio.run(main)


def members(session: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, ProcessLookupError):
            pid = int(entry.name)
            if os.getsid(pid) == session and not _is_zombie(pid):
                found.append(pid)
    return found


def _is_zombie(pid: int) -> bool:
    """Tell whether a process has ended, and only its parent does not know yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@asynccontextmanager
async def started(*options: str, under: tuple[str, ...] = ()) -> AsyncIterator[Started]:
    """Start a crawl, ``under`` another program where that is named; whatever is left of it in the end is killed."""
    command = (*under, sys.executable, "-W", "error", "-m", "crash_tests.crawl", *options)
    pipe = asyncio.subprocess.PIPE
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
    )
    crawl = Started(process)
    try:
        yield crawl
    finally:
        for pid in members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()
